import { begin } from './begin.ts'
import type { Db, Sql, Transaction } from './connect.ts'

/**
 * Runs `work` in one transaction as role `pigeonpost_app`, bound to one tenant: row-level security applies to our own API
 * as to any other client, so a forgotten `where tenant_id` shows nothing of other tenants.
 * @param options.lockMs ms after which Postgres ends a statement that waits for a lock (55P03); by default what the
 * connection has. Not a statement_timeout: that would also end a commit's wait for its standby, as if it had answered.
 */
export async function asTenant<T>(
  sql: Sql,
  tenantId: number,
  work: (tx: Transaction) => Promise<T>,
  { lockMs }: { lockMs?: number | undefined } = {},
): Promise<T> {
  return begin(sql, async (tx) => {
    // Not awaited: the connection runs queries in order, so this one runs before the first query of `work`.
    const entered = tx`select ${asTenantOf(tx, tenantId, { lockMs })}`.execute()
    const [result] = await Promise.all([work(tx), entered])
    return result
  })
}

/** What a transaction, or an auto-committed statement, must select before it may do anything for a tenant. */
export function asTenantOf(db: Db, tenantId: number, { lockMs }: { lockMs?: number | undefined }) {
  return db`set_config('role', 'pigeonpost_app', true), set_config('pigeonpost.tenant', ${String(tenantId)}, true)
    ${lockMs === undefined ? db`` : db`, set_config('lock_timeout', ${String(lockMs)}, true)`}`
}
