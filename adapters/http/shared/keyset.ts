import { z } from 'zod'
import { InvalidInputError } from '../../../db/errors.ts'
import type { Place } from '../../../db/paging/keyset.ts'
import type { Counted } from './estimates.ts'

export { mostCounted } from '../../../db/paging/offset.ts'

/** A number from 1 in a query string. */
export const whole = (name: string, most: number) =>
  z
    .string()
    .regex(/^[0-9]{1,9}$/, `${name} must be a whole number`)
    .transform(Number)
    .refine((value) => value >= 1 && value <= most, `${name} must be from 1 to ${most}`)
    .meta({ type: 'integer', minimum: 1, maximum: most, pattern: undefined })

/** The cursor of a page, or null where it is none of ours. */
function readCursor(text: string): Place | null {
  const [, at, number] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (\d{1,15})$/.exec(
      Buffer.from(text, 'base64url').toString('latin1'),
    ) ?? []
  return at && number && isMoment(at) ? { at, number: Number(number) } : null
}

const isMoment = (at: string) => z.iso.datetime().safeParse(at).success

/** What the caller gives back to get the page behind this place. */
export function toCursor({ at, number }: Place): string {
  return Buffer.from(`${at} ${number}`, 'latin1').toString('base64url')
}

/**
 * `page` and `limit` (document 004), and `cursor` besides, which costs the same however far it reaches. For a list's
 * `z.strictObject({...pageQuery(50), …})`.
 */
export function pageQuery(defaultLimit: number) {
  return {
    page: whole('page', 100_000).optional().describe('From 1; default 1. Not with a cursor'),
    limit: whole('limit', 100)
      .default(defaultLimit)
      .describe(`Items per page, 1 to 100; default ${defaultLimit}`),
    cursor: z
      .string()
      .transform((text, context) => {
        const place = readCursor(text)
        if (place) return place
        context.addIssue('cursor must be the nextCursor of a page before')
        return z.NEVER
      })
      .optional()
      .describe('The nextCursor of the page before'),
  }
}

/** Rows that a page by number may pass over: each of them is read. */
const deepest = 100_000

/**
 * Where a page begins.
 * @throws InvalidInputError for a page and a cursor, and for a page that lies too deep
 */
export function startOf(query: {
  page?: number | undefined
  limit: number
  cursor?: Place | undefined
}): { limit: number; offset: number; after?: Place } {
  const { page, limit, cursor } = query
  if (cursor) {
    if (page === undefined) return { limit, offset: 0, after: cursor }
    throw new InvalidInputError('page cannot stand beside cursor', {
      code: 'page_ambiguous',
      field: 'page',
      hint: 'Give one of them.',
    })
  }
  const offset = ((page ?? 1) - 1) * limit
  if (offset > deepest) {
    throw new InvalidInputError(`page must begin within the first ${deepest} items`, {
      code: 'page_too_deep',
      field: 'page',
      hint: 'Follow nextCursor, which reaches any depth.',
    })
  }
  return { limit, offset }
}

/** The total where the page tells it, being the last: `found` were looked for to one past its limit. Else null. */
export function totalOf(
  start: { limit: number; offset: number; after?: Place },
  found: number,
): Counted | null {
  const isLast = found <= start.limit && (found > 0 || start.offset === 0)
  return isLast && !start.after ? { total: start.offset + found, isEstimate: false } : null
}

/** Beside the items of every list. */
export const pageShape = {
  total: z.number().int().describe('Exact up to 10000, an estimate past it'),
  totalIsEstimate: z.boolean(),
  page: z.number().int().nullable().describe('Null where a cursor was given'),
  limit: z.number().int(),
  totalPages: z.number().int(),
  nextCursor: z.string().nullable().describe('For the page behind this one; null on the last'),
}

/** A page as it is answered, of the rows that were found for it: one more than the limit where there is another page. */
export function toPage<R extends { place: Place }>(
  query: { page?: number | undefined; limit: number; cursor?: Place | undefined },
  found: R[],
  counted: Counted,
): { rows: R[]; page: z.infer<z.ZodObject<typeof pageShape>> } {
  const { limit, cursor } = query
  const rows = found.slice(0, limit)
  const last = rows.at(-1)
  return {
    rows,
    page: {
      total: counted.total,
      totalIsEstimate: counted.isEstimate,
      page: cursor ? null : (query.page ?? 1),
      limit,
      totalPages: Math.ceil(counted.total / limit),
      nextCursor: last && found.length > limit ? toCursor(last.place) : null,
    },
  }
}

/** A moment in a query string. */
export function moment(name: string) {
  return z
    .union([z.iso.datetime({ offset: true }), z.iso.date()], `${name} must be an ISO 8601 date`)
    .transform((text) => new Date(text))
}
