import { begin } from './begin.ts'
import type { Db, Sql, Transaction } from './connect.ts'

/**
 * Runs `work` in one transaction as role `pigeonpost_app`, bound to one tenant: row-level security holds for our own
 * API as it does for a stranger, so a forgotten `where tenant_id` shows nothing of anyone else.
 * @param options.lockMs ms after which Postgres ends a statement that waits for a lock (55P03); by default what the
 * connection has. Not a statement_timeout: that would end a commit's wait for its standby, too, as if it had answered.
 */
export async function asTenant<T>(
  sql: Sql,
  tenantId: number,
  work: (tx: Transaction) => Promise<T>,
  { lockMs }: { lockMs?: number | undefined } = {},
): Promise<T> {
  return begin(sql, async (tx) => {
    // Sent ahead of the work's first query, and not waited for: what comes before it on the connection comes first there.
    const entered = tx`select ${asTenantOf(tx, tenantId, { lockMs })}`.execute()
    const [result] = await Promise.all([work(tx), entered])
    return result
  })
}

/** What a transaction, or a statement that is one by itself, has to select before it may do anything for a tenant. */
export function asTenantOf(db: Db, tenantId: number, { lockMs }: { lockMs?: number | undefined }) {
  return db`set_config('role', 'pigeonpost_app', true), set_config('pigeonpost.tenant', ${String(tenantId)}, true)
    ${lockMs === undefined ? db`` : db`, set_config('lock_timeout', ${String(lockMs)}, true)`}`
}
