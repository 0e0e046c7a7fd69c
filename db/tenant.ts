import { begin } from './begin.ts'
import type { Sql, Transaction } from './connect.ts'

/**
 * Runs `work` in one transaction as role `pigeonpost_app`, bound to one tenant: row-level security holds for our own
 * API as it does for a stranger, so a forgotten `where tenant_id` shows nothing of anyone else.
 */
export async function asTenant<T>(
  sql: Sql,
  tenantId: number,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  return begin(sql, async (tx) => {
    // Sent ahead of the work's first query, and not waited for: what comes before it on the connection comes first there.
    const entered = tx`
      select set_config('role', 'pigeonpost_app', true), set_config('pigeonpost.tenant', ${String(tenantId)}, true)`.execute()
    const [result] = await Promise.all([work(tx), entered])
    return result
  })
}
