/**
 * What SendGrid's own errors mean. https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/responses
 * and …/api-reference/mail-send/errors; the rest is left to the status (../http-request.ts).
 */

import { z } from 'zod'
import type { SendOutcome } from '../channel.ts'
import type { HttpAnswer } from '../shared/http-request.ts'
import { parseRetryAfter } from '../shared/retry-after.ts'

const problems = z.looseObject({
  errors: z.array(z.looseObject({ message: z.string(), field: z.string().nullish() })).min(1),
})

/** Of the statuses that are about the account: it waits for somebody to look at it. */
const disconnecting: Record<number, string> = {
  // The key is wrong or revoked; also "Maximum credits exceeded".
  401: 'unauthorized',
  // The key may not send, or the sender's identity is not verified.
  403: 'forbidden',
}

const final: Record<number, string> = {
  // A field is wrong; which one is said.
  400: 'request_refused',
  // 30 MB with all attachments.
  413: 'too_large',
}

const maxMs = 86_400_000

/** Null leaves it to the status. `now` is in ms. */
export function readError(answer: HttpAnswer, now: number = Date.now()): SendOutcome | null {
  const { status } = answer
  const read = problems.safeParse(answer.json)
  const errorMessage = read.success
    ? read.data.errors
        .map(({ message, field }) => (field ? `${field}: ${message}` : message))
        .join(' ')
        .slice(0, 1000)
    : answer.body.slice(0, 500) || `HTTP ${status}`
  const disconnect = disconnecting[status]
  if (disconnect) {
    return {
      outcome: 'not_sent',
      retryable: false,
      errorCode: disconnect,
      errorMessage,
      account: 'disconnect',
    }
  }
  if (status === 429) {
    // Seconds since 1970.
    const reset = Number(answer.headers.get('x-ratelimit-reset') ?? Number.NaN)
    const retryAfterMs =
      parseRetryAfter(answer.headers.get('retry-after'), now) ??
      (Number.isFinite(reset) ? Math.min(maxMs, Math.max(0, reset * 1000 - now)) : undefined)
    return {
      outcome: 'not_sent',
      retryable: true,
      errorCode: 'rate_limited',
      errorMessage,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    }
  }
  const errorCode = final[status]
  return errorCode ? { outcome: 'not_sent', retryable: false, errorCode, errorMessage } : null
}
