/** What all JSON payloads need before anything else: parsed without loss, storable as jsonb, errors that name a field. */

import { isUtf8 } from 'node:buffer'
import { z } from 'zod'
import { storableText } from '../../../db/storable.ts'
import { UnreadablePayload } from '../channel.ts'

/** Real messages are not nested deeper, and neither our recursion nor Postgres' parser would survive it. */
const maxDepth = 200

/**
 * The JSON in a body. An integer past 2^53 comes as a string of its own digits: as a number, two ids could become one.
 * @throws UnreadablePayload, field `body`.
 */
export function parseJson(body: Buffer): unknown {
  if (body.length === 0) {
    throw new UnreadablePayload('body', 'the body is empty', 'Send JSON.', 'json_malformed')
  }
  if (!isUtf8(body)) {
    throw new UnreadablePayload('body', 'the body is not UTF-8', undefined, 'json_malformed')
  }
  const text = body.toString('utf8').replace(/^\ufeff/, '')
  try {
    return longNumber.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text)
  } catch (cause) {
    const position = cause instanceof Error ? /position \d+/.exec(cause.message)?.[0] : undefined
    const where = position ? ` (at ${position})` : ''
    throw new UnreadablePayload(
      'body',
      `the body is not JSON${where}`,
      undefined,
      'json_malformed',
      {
        cause,
      },
    )
  }
}

/** Digits, or an exponent, that a number may not hold; such a string may hit as well, and costs time alone. */
const longNumber = /[:[,]\s*-?[0-9.]*([0-9]{16}|[0-9][eE]\+?[0-9]{3})/

function keepDigits(_key: string, value: unknown, context?: { source?: string }): unknown {
  const lossy =
    typeof value === 'number' &&
    (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value)))
  return lossy && context?.source ? context.source : value
}

/**
 * The same value as jsonb can hold it: NUL and lone surrogates, in strings as in keys, become U+FFFD; the exact bytes
 * are in the inbox. @throws UnreadablePayload, field `body`, where it is nested too deeply.
 */
export function storable(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return storableText(value)
  if (typeof value !== 'object' || value === null) {
    return value
  }
  if (depth >= maxDepth) {
    throw new UnreadablePayload('body', `the body is nested more than ${maxDepth} levels deep`)
  }
  if (Array.isArray(value)) {
    return value.map((item) => storable(item, depth + 1))
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [storableText(key), storable(item, depth + 1)]),
  )
}

/** Strips NUL, C0 controls except tab and newline, and lone surrogates from inbound text. */
export function sanitizeText(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  return text.replace(/[\u0000-\u0008\u000b-\u001f]|\p{Surrogate}/gu, '')
}

/**
 * A moment from seconds or milliseconds since 1970 (a number, or its digits) or from ISO 8601, which is UTC where it
 * names no zone. Null where it is none, or lies outside the years 1000 to 9999.
 */
export function toDate(value: number | string): Date | null {
  let ms: number
  if (typeof value === 'number' || /^-?\d+(\.\d+)?$/.test(value)) {
    const number = Number(value)
    // 10^11 seconds are the year 5138, 10^11 milliseconds 1973.
    ms = Math.abs(number) < 1e11 ? number * 1000 : number
  } else if (isoTime.safeParse(value).success) {
    ms = Date.parse(/(Z|[+-]\d\d:\d\d)$/.test(value) ? value : `${value}Z`)
  } else {
    return null
  }
  return ms >= -30_610_224_000_000 && ms <= 253_402_300_799_999 ? new Date(ms) : null
}
const isoTime = z.iso.datetime({ offset: true, local: true })

/** A field with a moment in it, as `toDate` reads it. */
export const time = z
  .unknown()
  .refine((value) => value !== undefined, {
    error: 'expected a time, received undefined',
    abort: true,
  })
  .transform((value, context) => {
    const date = typeof value === 'number' || typeof value === 'string' ? toDate(value) : null
    if (date === null) {
      context.addIssue('must be seconds or milliseconds since 1970, or ISO 8601')
      return z.NEVER
    }
    return date
  })

/** zod asks objects for their length, and `{"length": {"toString": 1}}` has one that cannot be told. */
function safeParse<S extends z.ZodType>(
  schema: S,
  payload: unknown,
): z.ZodSafeParseResult<z.output<S>> {
  try {
    return schema.safeParse(payload)
  } catch (cause) {
    throw new UnreadablePayload('body', String(cause), undefined, undefined, { cause })
  }
}

/** The payload as its schema reads it. @throws UnreadablePayload naming the first field that is wrong. */
export function readPayload<S extends z.ZodType>(schema: S, payload: unknown): z.output<S> {
  const result = safeParse(schema, payload)
  if (result.success) {
    return result.data
  }
  const issue = result.error.issues[0]
  const field = issue?.path.map(String).join('.') || 'body'
  const missing = issue?.message.endsWith('received undefined')
  throw new UnreadablePayload(
    field,
    missing ? `${field} is missing` : `${field}: ${issue?.message}`,
  )
}
