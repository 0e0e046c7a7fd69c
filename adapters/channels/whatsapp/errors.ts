/**
 * What Meta's error codes mean for the message and for the account. Codes that are not here are final below 500, and
 * judged by the HTTP status from there on.
 * Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes, for groups
 * …/whatsapp/groups/error-codes, for `is_transient` https://developers.facebook.com/docs/graph-api/guides/error-handling
 */

import { z } from 'zod'
import type { SendOutcome } from '../channel.ts'
import type { HttpAnswer } from '../shared/http-request.ts'
import { parseRetryAfter } from '../shared/retry-after.ts'

type Meaning =
  | { kind: 'retry'; afterMs?: number }
  /** Retried too, and no sign that Meta is unwell. */
  | { kind: 'rate'; afterMs?: number }
  | { kind: 'final' }
  | { kind: 'disconnect' }

const hour = 3_600_000

const meanings: ReadonlyMap<number, Meaning> = new Map<number, Meaning>([
  // The token is expired, revoked or not Meta's.
  [0, { kind: 'disconnect' }],
  [190, { kind: 'disconnect' }],
  // The app may not do this: a capability or a permission is missing or was taken away (200 to 299 too).
  [3, { kind: 'disconnect' }],
  [10, { kind: 'disconnect' }],
  [131005, { kind: 'disconnect' }],
  // The business number is deleted, not registered, or badly registered.
  [33, { kind: 'disconnect' }],
  [133010, { kind: 'disconnect' }],
  [131045, { kind: 'disconnect' }],
  // The number's display name is not approved yet.
  [131037, { kind: 'disconnect' }],
  // Blocked for breaking a policy, or locked.
  [368, { kind: 'disconnect' }],
  [131031, { kind: 'disconnect' }],
  // Payment: no method, over the credit line.
  [131042, { kind: 'disconnect' }],

  // Too many calls of the app, of the business account, messages of the number.
  [4, { kind: 'rate' }],
  [80007, { kind: 'rate' }],
  [130429, { kind: 'rate' }],
  // Too many registrations of the number.
  [133016, { kind: 'rate' }],
  // Too many operations on groups.
  [131208, { kind: 'rate' }],
  // Too many messages to the same person: one in 6 s.
  [131056, { kind: 'rate', afterMs: 6_000 }],
  // Many of the number's messages were blocked or reported: going on at once makes it worse.
  [131048, { kind: 'rate', afterMs: hour }],

  // Unknown, overloaded, down, something went wrong, under maintenance, temporarily unavailable.
  [1, { kind: 'retry' }],
  [2, { kind: 'retry' }],
  [131000, { kind: 'retry' }],
  [131016, { kind: 'retry' }],
  [131057, { kind: 'retry' }],
  [133004, { kind: 'retry' }],

  // A parameter is wrong, missing, of a wrong value.
  [100, { kind: 'final' }],
  [131008, { kind: 'final' }],
  [131009, { kind: 'final' }],
  // The recipient is the sender; is not among a test number's; has no WhatsApp or cannot get this; opted out.
  [131021, { kind: 'final' }],
  [131030, { kind: 'final' }],
  [131026, { kind: 'final' }],
  [131050, { kind: 'final' }],
  // This kind of message needs a phone number, not a BSUID.
  [131062, { kind: 'final' }],
  // More than 24 hours since the recipient wrote: only a template is let through.
  [131047, { kind: 'final' }],
  // Held back for the recipient's sake (marketing), or by an experiment; trying again is what Meta asks not to do.
  [131049, { kind: 'final' }],
  [130472, { kind: 'final' }],
  // People of that country may not be written to.
  [130497, { kind: 'final' }],
  // A type that is not supported; media that Meta could not fetch or take.
  [131051, { kind: 'final' }],
  [131052, { kind: 'final' }],
  [131053, { kind: 'final' }],
  // The group has one member, is unknown, is suspended; the recipient is no member.
  [131020, { kind: 'final' }],
  [131041, { kind: 'final' }],
  [131207, { kind: 'final' }],
  [131212, { kind: 'final' }],
])

function meaningOf(code: number): Meaning | null {
  const known = meanings.get(code)
  if (known) return known
  if (code >= 200 && code <= 299) return { kind: 'disconnect' }
  // Templates: missing, paused, disabled, wrong parameters.
  return code >= 132_000 && code <= 132_999 ? { kind: 'final' } : null
}

const graphError = z.looseObject({
  error: z.looseObject({
    code: z.union([z.int(), z.string().regex(/^\d+$/).transform(Number)]),
    message: z.string().optional().catch(undefined),
    is_transient: z.boolean().optional().catch(undefined),
    error_data: z
      .looseObject({ details: z.string().optional().catch(undefined) })
      .optional()
      .catch(undefined),
  }),
})

/** What an answer of 300 and more means by its `error.code`; null where that says no more than its status. */
export function readError(answer: HttpAnswer): SendOutcome | null {
  const read = graphError.safeParse(answer.json)
  if (!read.success) return answer.status === 401 ? disconnected('401', answer.body) : null
  const { code, message, is_transient: transient, error_data: data } = read.data.error
  const errorMessage = [message ?? `Error ${code}`, data?.details].filter(Boolean).join(': ')
  const meaning = meaningOf(code) ?? unknownCode(answer.status, transient === true)
  if (!meaning) return null
  if (meaning.kind === 'disconnect') return disconnected(String(code), errorMessage)
  if (meaning.kind === 'final') return notSent(String(code), errorMessage, false)
  const refusal =
    meaning.kind === 'rate'
      ? notSent('rate_limited', `${code}: ${errorMessage}`, true)
      : notSent(String(code), errorMessage, true)
  const retryAfterMs = parseRetryAfter(answer.headers.get('retry-after')) ?? meaning.afterMs
  return { ...refusal, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
}

function unknownCode(status: number, transient: boolean): Meaning | null {
  // From a proxy's status nobody can tell whether Meta took the message before.
  if (transient && status !== 502 && status !== 504) return { kind: 'retry' }
  if (status === 401) return { kind: 'disconnect' }
  return status < 500 && status !== 429 ? { kind: 'final' } : null
}

function disconnected(errorCode: string, errorMessage: string): SendOutcome {
  return { ...notSent(errorCode, errorMessage, false), account: 'disconnect' }
}

function notSent(errorCode: string, errorMessage: string, retryable: boolean) {
  return {
    outcome: 'not_sent' as const,
    retryable,
    errorCode,
    errorMessage: errorMessage.slice(0, 500),
  }
}
