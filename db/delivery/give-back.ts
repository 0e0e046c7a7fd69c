import type { Sql } from '../connect.ts'
import type { LeasedAccount } from './lease.ts'

/**
 * Queues again what was claimed under this lease and never sent; the try does not count. A claim whose answer was lost
 * on the way is among it, which is why it is told by the lease and by what did leave.
 * @param options.begun the attempt ids of the requests that were made
 */
export async function giveBack(
  sql: Sql,
  account: LeasedAccount,
  options: { begun: string[]; takesIdempotencyKey: boolean },
): Promise<number> {
  const rows = await sql`
    update pigeonpost.messages m
    set status = 'queued', attempts = m.attempts - 1,
      attempt_id = case when ${options.takesIdempotencyKey} then m.attempt_id end
    where m.tenant_id = ${account.tenantId} and m.account_id = ${account.accountId} and m.status = 'sending'
      and m.leased_until = ${account.leasedUntil}::timestamptz
      and m.attempt_id <> all (${options.begun}::uuid[])
    returning m.id`
  return rows.length
}
