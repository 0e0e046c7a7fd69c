import { z } from 'zod'
import { InvalidInput } from '../../db/errors.ts'
import type { Page, PageRequest } from '../../db/page.ts'
import { pageQuery } from './page.ts'

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

type Asked = { page?: number | undefined; limit: number; cursor?: unknown }

/** How many rows a page passes over. @throws InvalidInput `page_or_cursor` where both are given */
export function offsetOf({ page, limit, cursor }: Asked): number {
  if (page !== undefined && cursor !== undefined) {
    throw new InvalidInput('page and cursor exclude one another', {
      code: 'page_or_cursor',
      field: 'cursor',
      hint: 'Give one of them.',
    })
  }
  return ((page ?? 1) - 1) * limit
}

export function keyPageOf(query: Asked & { cursor?: string | undefined }): PageRequest {
  return { limit: query.limit, offset: offsetOf(query), after: query.cursor }
}

/** What stands beside the items of a list, as `pageShape` has it. */
export function pageFields(
  { page, limit }: Asked,
  {
    total,
    totalIsEstimate,
    nextCursor,
  }: { total: number; totalIsEstimate: boolean; nextCursor: string | null },
) {
  const totalPages = Math.ceil(total / limit)
  return { total, totalIsEstimate, page: page ?? 1, limit, totalPages, nextCursor }
}

export function keyPageFields(query: Asked, { total, totalIsEstimate, next }: Page<unknown>) {
  const nextCursor = next === null ? null : Buffer.from(next, 'latin1').toString('base64url')
  return pageFields(query, { total, totalIsEstimate, nextCursor })
}
