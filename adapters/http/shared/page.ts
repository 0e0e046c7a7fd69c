import { z } from 'zod'
import type { Page, PageRequest } from '../../../db/paging/offset.ts'
import { mostCounted, pageQuery, type pageShape, startOf } from './keyset.ts'

/** As `pageQuery`, for lists in the order of their uuids. */
export function keyPageQuery(defaultLimit = 20) {
  return {
    ...pageQuery(defaultLimit),
    cursor: z
      .string()
      .transform((text, context) => {
        const key = Buffer.from(text, 'base64url').toString('latin1')
        if (z.uuid().safeParse(key).success) return key
        context.addIssue('cursor must be the nextCursor of a page before')
        return z.NEVER
      })
      .optional()
      .describe('The nextCursor of the page before'),
  }
}

type Asked = { page?: number | undefined; limit: number; cursor?: string | undefined }

/** Which rows a page is of. @throws InvalidInputError as `startOf` */
export function keyPageOf({ page, limit, cursor }: Asked): PageRequest {
  // Of the cursor only matters that there is one.
  const start = startOf({ page, limit, ...(cursor === undefined ? {} : { cursor: anywhere }) })
  return { limit, offset: start.offset, after: cursor }
}
const anywhere = { at: '', number: 0 }

/** What stands beside the items, as `pageShape` has it. */
export function keyPageFields(
  { page, limit, cursor }: Asked,
  { total, totalIsEstimate, next }: Page<unknown>,
): z.infer<z.ZodObject<typeof pageShape>> {
  return {
    total,
    totalIsEstimate,
    page: cursor === undefined ? (page ?? 1) : null,
    limit,
    totalPages: Math.ceil(total / limit),
    nextCursor: next === null ? null : Buffer.from(next, 'latin1').toString('base64url'),
  }
}

/** What was counted no further than one past `mostCounted`, as a total. */
export function countedUpTo(count: number): { total: number; isEstimate: boolean } {
  return { total: Math.min(count, mostCounted), isEstimate: count > mostCounted }
}
