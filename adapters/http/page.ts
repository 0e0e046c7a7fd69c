import { z } from 'zod'
import type { Place } from '../../db/place.ts'

/** Past it, a total is an estimate: nobody counts further. */
export const mostCounted = 10_000

const whole = (name: string, most: number) =>
  z
    .string()
    .regex(/^[0-9]{1,9}$/, `${name} must be a whole number`)
    .transform(Number)
    .refine((value) => value >= 1 && value <= most, `${name} must be from 1 to ${most}`)

/** The cursor of a page, or null where it is none of ours. */
function readCursor(text: string): Place | null {
  const [, at, number] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (\d{1,16})$/.exec(
      Buffer.from(text, 'base64url').toString('latin1'),
    ) ?? []
  return at && number && !Number.isNaN(Date.parse(at)) ? { at, number: Number(number) } : null
}

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

/** Beside the items of every list. */
export const pageShape = {
  total: z.number().describe('Exact up to 10000'),
  totalIsEstimate: z.boolean().describe('There are more than the total says'),
  page: z.number(),
  limit: z.number(),
  totalPages: z.number(),
  nextCursor: z.string().nullable().describe('Null on the last page'),
}
