/** API keys, to and from rows. */

import { z } from 'zod'
import { scopes } from '../../../../db/keys/scopes.ts'
import type { ApiKeyRow } from '../../../../db/rows.ts'
import { text } from '../../shared/fields.ts'

const time = z.string().describe('ISO 8601, UTC')

/** A moment to come. */
const later = (field: string) =>
  z.iso
    .datetime({ offset: true, error: `${field} must be a time such as 2027-11-20T10:00:00Z` })
    .transform((value) => new Date(value))
    .refine((date) => date.getTime() > Date.now(), `${field} must be in the future`)

const scope = z.enum(scopes, `scopes must be of ${scopes.join(', ')}`)

export const newKey = z.strictObject({
  name: text('name', 255).describe('For people: who uses it'),
  scopes: z
    .array(scope)
    .min(1, 'scopes must name one at least')
    .transform((given) => [...new Set(given)])
    .describe('What it may do; the key that asks has all of them itself'),
  expiresAt: later('expiresAt').nullish().describe('Until when it works; null: for ever'),
  ratePerMinute: z
    .int('ratePerMinute must be a whole number')
    .min(1, 'ratePerMinute must be 1 or more')
    .max(2_147_483_647, 'ratePerMinute must be 2147483647 at most')
    .nullish()
    .describe('Requests that each server takes in a minute; null: unlimited'),
})

export const rotation = z
  .strictObject({
    endsAt: later('endsAt').nullish().describe('Until when the old one works, too; null: no more'),
  })
  .nullish()

export const keyParams = z.object({
  id: z
    .union(
      [z.uuid(), z.string().regex(/^pp_[1-9][0-9]{0,9}_[\w-]{4}$/)],
      'id must be the UUID of a key, or its prefix, such as pp_1_x3Kd',
    )
    .describe('The UUID, or the prefix'),
})

export const keyShape = z.object({
  id: z.uuid(),
  name: z.string(),
  prefix: z.string().describe('How it begins, for people to tell keys apart'),
  scopes: z.array(z.string()),
  ratePerMinute: z.number().nullable().describe('Null: unlimited'),
  createdAt: time,
  lastUsedAt: time.nullable().describe('To the minute'),
  expiresAt: time.nullable(),
  revokedAt: time.nullable(),
})

export const newKeyShape = keyShape.extend({
  key: z
    .string()
    .nullable()
    .describe(
      'The secret, this once; null where the request was repeated with its Idempotency-Key',
    ),
})

export function toKeyShape(row: ApiKeyRow): z.input<typeof keyShape> {
  return {
    id: row.id,
    name: row.name,
    prefix: row.prefix,
    scopes: row.scopes,
    ratePerMinute: row.rate_per_minute,
    createdAt: row.created_at.toISOString(),
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
    expiresAt: row.expires_at?.toISOString() ?? null,
    revokedAt: row.revoked_at?.toISOString() ?? null,
  }
}
