import type { Db } from '../connect.ts'
import { apiKeyColumns, type ApiKeyRow } from '../rows.ts'

/**
 * Locks the key with that id or prefix, also one that has ended, until the transaction ends. Null where the tenant has no
 * such key, or several with that prefix.
 */
export async function lockKey(db: Db, tenantId: number, which: string): Promise<ApiKeyRow | null> {
  const [one, other] = await db<ApiKeyRow[]>`
    select ${db(apiKeyColumns)} from pigeonpost.api_keys
    where tenant_id = ${tenantId} and (id::text = ${which.toLowerCase()} or prefix = ${which})
    order by id limit 2 for update`
  return one && !other ? one : null
}
