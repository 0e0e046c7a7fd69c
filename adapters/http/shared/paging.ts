import { z } from 'zod'
import { InvalidInputError } from '../../../db/errors.ts'
import type { Place } from '../../../db/paging/keyset.ts'
import type { Counted, Page } from '../../../db/paging/offset.ts'
import { whole } from './fields.ts'

/** The key by which a list is ordered, as the text of a cursor. */
type Key<K> = {
  /** Null: none of ours. */
  read: (text: string) => K | null
  write: (key: K) => string
}

/** By time, and by number where two have the same. */
export const byTime: Key<Place> = {
  read: (text) => {
    const [, at, number] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (\d{1,15})$/.exec(text) ?? []
    return at && number && z.iso.datetime().safeParse(at).success
      ? { at, number: Number(number) }
      : null
  },
  write: ({ at, number }) => `${at} ${number}`,
}

/** By uuids of version 7, which is by when rows were made. */
export const byId: Key<string> = {
  read: (text) => (z.uuid().safeParse(text).success ? text : null),
  write: (id) => id,
}

export const byNumber: Key<number> = {
  read: (text) => (/^[0-9]{1,15}$/.test(text) ? Number(text) : null),
  write: String,
}

/** What the caller gives back to get the page behind this key. */
export function toCursor<K>(key: Key<K>, last: K): string {
  return Buffer.from(key.write(last), 'latin1').toString('base64url')
}

/**
 * `page` and `limit`, as in the WhatsApp message API, and also `cursor`, whose cost does not grow with depth. For a list's
 * `z.strictObject({...pageQuery(50, byTime)})`.
 */
export function pageQuery<K>(defaultLimit: number, key: Key<K>) {
  return {
    page: whole('page', 100_000).optional().describe('From 1; default 1. Not with a cursor'),
    limit: whole('limit', 100)
      .default(defaultLimit)
      .describe(`Items per page, 1 to 100; default ${defaultLimit}`),
    cursor: z
      .string()
      .transform((text, context): K => {
        const last = key.read(Buffer.from(text, 'base64url').toString('latin1'))
        if (last !== null) return last
        context.addIssue('cursor must be the nextCursor of a page before')
        return z.NEVER
      })
      .optional()
      .describe('The nextCursor of the page before'),
  }
}

type Asked<K> = { page?: number | undefined; limit: number; cursor?: K | undefined }
type Start<K> = { limit: number; offset: number; after?: K }

/** Rows that a page by number may pass over: each of them is read. */
const maxOffset = 100_000

/**
 * Where a page begins.
 * @throws InvalidInputError for a page and a cursor, and for a page that lies too deep
 */
export function startOf<K>({ page, limit, cursor }: Asked<K>): Start<K> {
  if (cursor !== undefined) {
    if (page === undefined) return { limit, offset: 0, after: cursor }
    throw new InvalidInputError('page cannot stand beside cursor', {
      code: 'page_ambiguous',
      field: 'page',
      hint: 'Give one of them.',
    })
  }
  const offset = ((page ?? 1) - 1) * limit
  if (offset > maxOffset) {
    throw new InvalidInputError(`page must begin within the first ${maxOffset} items`, {
      code: 'page_too_deep',
      field: 'page',
      hint: 'Follow nextCursor, which reaches any depth.',
    })
  }
  return { limit, offset }
}

/** The total where the page tells it, being the last: `found` were looked for to one past its limit. Else null. */
export function totalOf({ limit, offset, after }: Start<unknown>, found: number): Counted | null {
  const isLast = found <= limit && (found > 0 || offset === 0)
  return isLast && after === undefined ? { total: offset + found, isEstimate: false } : null
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
type PageFields = z.infer<z.ZodObject<typeof pageShape>>

function fieldsOf(
  { page, limit, cursor }: Asked<unknown>,
  { total, isEstimate }: Counted,
  nextCursor: string | null,
): PageFields {
  return {
    total,
    totalIsEstimate: isEstimate,
    page: cursor === undefined ? (page ?? 1) : null,
    limit,
    totalPages: Math.ceil(total / limit),
    nextCursor,
  }
}

/** A page by time, of the rows that were found for it: one more than the limit where there is another page. */
export function toPage<R extends { place: Place }>(
  query: Asked<Place>,
  found: R[],
  counted: Counted,
): { rows: R[]; page: PageFields } {
  const rows = found.slice(0, query.limit)
  const last = rows.at(-1)
  const next = last && found.length > query.limit ? toCursor(byTime, last.place) : null
  return { rows, page: fieldsOf(query, counted, next) }
}

/** What stands beside the items of a page by id. */
export function idPageFields(query: Asked<string>, page: Page<unknown>): PageFields {
  return fieldsOf(query, page, page.next === null ? null : toCursor(byId, page.next))
}
