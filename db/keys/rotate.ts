import { begin } from '../begin.ts'
import type { Sql } from '../connect.ts'
import type { ApiKeyRow } from '../rows.ts'
import { createKey } from './create.ts'
import { revokeKey } from './revoke.ts'
import type { Scope } from './scopes.ts'

/**
 * Makes a key with the name and the scopes of another, which ends now, or at a moment until which both work. Null where
 * the tenant has no such key, or it has ended already.
 */
export async function rotateKey(
  sql: Sql,
  tenantId: number,
  which: string,
  endsAt: Date | null = null,
): Promise<(ApiKeyRow & { key: string }) | null> {
  return begin(sql, async (tx) => {
    // Ended first: of two who rotate one key at once the second waits for the row, and then finds it ended.
    const [before] = await tx<{ ended: boolean }[]>`
      select revoked_at is not null or expires_at <= now() as ended from pigeonpost.api_keys
      where tenant_id = ${tenantId} and (id::text = ${which.toLowerCase()} or prefix = ${which})
      for update`
    if (!before || before.ended) return null
    const old = await revokeKey(tx, tenantId, which, endsAt)
    if (!old) return null
    return createKey(tx, { tenantId, name: old.name, scopes: old.scopes as Scope[] })
  })
}
