import type { Sql, Transaction } from '../connect.ts'
import { asTenant } from '../tenant.ts'
import { hashKey } from './create.ts'

export type FoundKey = {
  tenantId: number
  keyId: string
  scopes: string[]
  ratePerMinute: number | null
}

const shape = /^pp_([1-9][0-9]{0,9})_[A-Za-z0-9_-]{43}$/
const maxTenantId = 2 ** 31 - 1

/**
 * The key for a secret, or null where it is wrong, revoked or expired. Updates `last_used_at`, once a minute at most.
 * @param options as asTenant takes them
 */
export async function findKey(
  sql: Sql,
  key: string,
  options: { lockMs?: number | undefined } = {},
): Promise<FoundKey | null> {
  const tenantId = Number(shape.exec(key)?.[1] ?? 0)
  if (tenantId === 0 || tenantId > maxTenantId) {
    return null
  }
  const find = async (tx: Transaction) => {
    const [row] = await tx<{ id: string; scopes: string[]; rate: number | null; stale: boolean }[]>`
      select id, scopes, rate_per_minute as rate, coalesce(last_used_at < now() - interval '1 minute', true) as stale
      from pigeonpost.api_keys
      where tenant_id = ${tenantId} and hash = ${hashKey(key)}
        and revoked_at is null and (expires_at is null or expires_at > now())`
    if (row?.stale) {
      // Another request is updating it: no reason to wait.
      await tx`
        update pigeonpost.api_keys set last_used_at = now()
        where tenant_id = ${tenantId} and id = (
          select id from pigeonpost.api_keys where tenant_id = ${tenantId} and id = ${row.id} for update skip locked)`
    }
    return row ? { tenantId, keyId: row.id, scopes: row.scopes, ratePerMinute: row.rate } : null
  }
  return asTenant(sql, tenantId, find, options)
}
