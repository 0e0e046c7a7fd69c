import type { Sql } from '../connect.ts'
import type { Target } from './lease.ts'

/**
 * Sets an account to `disconnected` because its provider refuses it: its messages wait until it is set to `connected`
 * again. The event account.disconnected carries the reason.
 */
export async function disconnectAccount(sql: Sql, target: Target, reason: string): Promise<void> {
  await sql`
    update pigeonpost.accounts set status = 'disconnected', status_reason = ${reason}
    where tenant_id = ${target.tenantId} and id = ${target.accountId} and status = 'connected'`
}
