import type { Transaction } from '../connect.ts'
import type { ApiKeyRow } from '../rows.ts'
import { createKey } from './create.ts'
import { lockKey } from './lock.ts'
import { revokeKey } from './revoke.ts'
import type { Scope } from './scopes.ts'

/**
 * Makes a key with the name, the scopes, the rate and the time to live of another, which ends now, or at a moment until
 * which both work. Null where the tenant has no such key, or it has ended already: of two who rotate one key at once the
 * second finds it ended, unless both leave it some time.
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
