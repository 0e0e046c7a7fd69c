/** What requests hold, whatever they are about. */

import { z } from 'zod'
import { sanitizeText, storable } from '../../channels/shared/payload.ts'
import { idIn, messageId } from '../resources/messages/schema.ts'

const longestObject = 65_536

/** Of a path: a uuid, or the number that people see. */
export const idParams = z.object({ id: messageId.describe('The UUID, or the number') })
export const uuidParams = z.object({ id: z.uuid('id must be a UUID') })

/** Of a body: a uuid, or the number as such or in digits. */
export function anyId(field: string) {
  return z
    .union([idIn(field), z.int().min(0)], `${field} must be a UUID or a number`)
    .transform(String)
    .describe('The UUID, or the number')
}

export function accountIdOf(field: string) {
  return z.uuid(`${field} must be a UUID`)
}

/** Text of a line or a few, not blank. */
export function text(field: string, most: number) {
  return z
    .string()
    .max(most, `${field} must have ${most} characters at most`)
    .refine((value) => value.trim() !== '', `${field} must not be empty`)
    .refine(
      (value) => sanitizeText(value) === value,
      `${field} must not hold control characters, but tab and newline, nor lone surrogates`,
    )
}

export function channelOf(field = 'channel') {
  return text(field, 64).transform((name) => name.trim().toLowerCase())
}

/** An object that jsonb can hold. */
export function object(field: string) {
  return z
    .record(z.string(), z.unknown())
    .refine(
      isStorable,
      `${field} must not hold NUL or lone surrogates, more than ${longestObject} bytes or 200 levels`,
    )
}

function isStorable(value: Record<string, unknown>): boolean {
  try {
    const json = JSON.stringify(value)
    return Buffer.byteLength(json) <= longestObject && JSON.stringify(storable(value)) === json
  } catch {
    return false
  }
}

export const flag = (field: string) =>
  z
    .enum(['true', 'false'], `${field} must be true or false`)
    .transform((value) => value === 'true')
    .meta({ type: 'boolean', enum: undefined })

/** Of a request that takes no query parameters. */
export const noQuery = z.strictObject({})

/** A request without anything to say but its path. */
export const nothing = z.strictObject({}).nullish()

/** The columns of document 001 in our spelling. */
const documentNames: ReadonlyMap<string, string> = new Map([
  ['customer_id', 'customerId'],
  ['account_id', 'accountId'],
  ['external_id', 'externalId'],
  ['group_name', 'groupName'],
  ['group_avatar', 'groupAvatar'],
  ['group_metadata', 'groupMetadata'],
])

/** The schema of a body whose fields may also have the names of document 001's columns; not both at once. */
export function alsoInSnakeCase<T extends z.ZodType>(schema: T) {
  return z.preprocess((value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, field]) => {
        const ours = documentNames.get(name)
        return [ours !== undefined && !(ours in value) ? ours : name, field]
      }),
    )
  }, schema)
}
