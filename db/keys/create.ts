import { createHash, randomBytes } from 'node:crypto'
import type { Db } from '../connect.ts'
import { InvalidInputError } from '../errors.ts'
import { apiKeyColumns, type ApiKeyRow } from '../rows.ts'
import { type Scope, scopes } from './scopes.ts'

/** The hash that the database stores. A key is random, so it needs no salt and no slow hash. */
export function hashKey(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

export type NewKey = {
  tenantId: number
  /** For people: who uses it. */
  name: string
  /** Default: all of them. */
  scopes?: readonly Scope[]
  expiresAt?: Date | null | undefined
  /** Requests that each server takes in a minute. Default: unlimited. */
  ratePerMinute?: number | null | undefined
}

/**
 * Makes an API key, `pp_<tenant>_<43 characters>`, and returns it together with its row. It cannot be read again, since
 * only its hash is stored.
 * @throws InvalidInputError `scope_unknown`, field `scopes`; the driver's error where there is no such tenant.
 */
export async function createKey(db: Db, given: NewKey): Promise<ApiKeyRow & { key: string }> {
  const wanted = given.scopes ?? scopes
  const unknown = wanted.find((scope) => !scopes.includes(scope))
  if (unknown !== undefined || wanted.length === 0) {
    throw new InvalidInputError(
      unknown === undefined ? 'a key has a scope' : `scope "${unknown}" is not known`,
      {
        code: 'scope_unknown',
        field: 'scopes',
        hint: `Known are: ${scopes.join(', ')}.`,
      },
    )
  }
  const key = `pp_${given.tenantId}_${randomBytes(32).toString('base64url')}`
  const prefix = key.slice(0, `pp_${given.tenantId}_`.length + 4)
  const [row] = await db<ApiKeyRow[]>`
    insert into pigeonpost.api_keys (tenant_id, name, prefix, hash, scopes, expires_at, rate_per_minute)
    values (${given.tenantId}, ${given.name}, ${prefix}, ${hashKey(key)}, ${[...wanted]}, ${given.expiresAt ?? null},
      ${given.ratePerMinute ?? null})
    returning ${db(apiKeyColumns)}`
  if (!row) {
    throw new Error('the key was not stored')
  }
  return { ...row, key }
}
