import type { Db } from '../connect.ts'
import { apiKeyColumns, type ApiKeyRow } from '../rows.ts'
import { lockKey } from './lock.ts'

/**
 * Revokes a key, now or at a later time; a key that has ended stays as it is. A running server accepts it for up to 2 s
 * longer.
 * @param which its id or its prefix
 * @returns its row, or null where the tenant has no such key, or several with that prefix
 */
export async function revokeKey(
  db: Db,
  tenantId: number,
  which: string,
  at: Date | null = null,
): Promise<ApiKeyRow | null> {
  const found = await lockKey(db, tenantId, which)
  if (!found) return null
  const [row] = await db<ApiKeyRow[]>`
    update pigeonpost.api_keys set
      revoked_at = case when ${at === null} then coalesce(revoked_at, now()) else revoked_at end,
      expires_at = least(expires_at, ${at})
    where tenant_id = ${tenantId} and id = ${found.id}
    returning ${db(apiKeyColumns)}`
  return row ?? null
}
