/** What requests hold, whatever they are about. */

import { z } from 'zod'
import { sanitizeText, storable } from '../../channels/shared/payload.ts'

const maxObjectBytes = 65_536

/** A uuid, or the number that people see, in a field of that name. */
export function idIn(name: string) {
  return z
    .string()
    .regex(
      /^(?:[0-9]{1,18}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i,
      `${name} must be a UUID or a number`,
    )
}

/** Of a path: a uuid, or the number that people see. */
export const idParams = z.object({ id: idIn('id').describe('The UUID, or the number') })
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
export function text(field: string, max: number) {
  return z
    .string()
    .max(max, `${field} must have ${max} characters at most`)
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
      `${field} must not hold NUL or lone surrogates, more than ${maxObjectBytes} bytes or 200 levels`,
    )
}

function isStorable(value: Record<string, unknown>): boolean {
  try {
    const json = JSON.stringify(value)
    return Buffer.byteLength(json) <= maxObjectBytes && JSON.stringify(storable(value)) === json
  } catch {
    return false
  }
}

export const flag = (field: string) =>
  z
    .enum(['true', 'false'], `${field} must be true or false`)
    .transform((value) => value === 'true')
    .meta({ type: 'boolean', enum: undefined })

/** A whole number from 1 in a query string. */
export const whole = (name: string, max: number) =>
  z
    .string()
    .regex(/^[0-9]{1,9}$/, `${name} must be a whole number`)
    .transform(Number)
    .refine((value) => value >= 1 && value <= max, `${name} must be from 1 to ${max}`)
    .meta({ type: 'integer', minimum: 1, maximum: max, pattern: undefined })

/** A moment, or the first one of a day in UTC, in a query or a body. */
export function dateTime(name: string) {
  return z
    .union([z.iso.datetime({ offset: true }), z.iso.date()], `${name} must be an ISO 8601 date`)
    .transform((text) => new Date(text))
}

/** Of a request that takes no query parameters. */
export const noQuery = z.strictObject({})

/** The body of a request whose path says it all. */
export const emptyBody = z.strictObject({}).nullish()

/** The column names of the customers-and-conversations contract (snake_case), with ours. */
const documentNames: ReadonlyMap<string, string> = new Map([
  ['customer_id', 'customerId'],
  ['account_id', 'accountId'],
  ['external_id', 'externalId'],
  ['group_name', 'groupName'],
  ['group_avatar', 'groupAvatar'],
  ['group_metadata', 'groupMetadata'],
])

/** The schema of a body whose fields may also have those snake_case names; not both at once. */
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
