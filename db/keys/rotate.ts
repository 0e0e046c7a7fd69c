import type { Transaction } from '../connect.ts'
import type { ApiKeyRow } from '../rows.ts'
import { createKey } from './create.ts'
import { lockKey } from './lock.ts'
import { revokeKey } from './revoke.ts'
import type { Scope } from './scopes.ts'

/**
 * Makes a key with the name, scopes, rate and lifetime of another, which ends now, or later if both are to work for a
 * while. Null where the tenant has no such key, or it has ended: when one key is rotated twice at once, the second call
 * finds it ended, unless both let it work on for a while.
 */
export async function rotateKey(
  tx: Transaction,
  tenantId: number,
  which: string,
  endsAt: Date | null = null,
): Promise<(ApiKeyRow & { key: string }) | null> {
  const old = await lockKey(tx, tenantId, which)
  if (!old || old.revoked_at || (old.expires_at && old.expires_at.getTime() <= Date.now())) {
    return null
  }
  await revokeKey(tx, tenantId, old.id, endsAt)
  const lives = old.expires_at ? old.expires_at.getTime() - old.created_at.getTime() : null
  return createKey(tx, {
    tenantId,
    name: old.name,
    scopes: old.scopes as Scope[],
    expiresAt: lives === null ? null : new Date(Date.now() + lives),
    ratePerMinute: old.rate_per_minute,
  })
}
