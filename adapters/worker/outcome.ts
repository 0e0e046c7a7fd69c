import type { AttemptResult } from '../../db/delivery/record.ts'
import type { OutboundMessage, SendOutcome } from '../channels/channel.ts'

export const maxAttempts = 3

const firstRetryMs = 5_000
const jitter = 0.2

/**
 * What becomes of a message by one try. Sent: `sent`. Certainly not sent, and worth another try: `retrying`, 5 s after
 * the first try and twice as long after each, give or take a fifth so that those who failed together do not return
 * together, and never before the provider's Retry-After; at most three tries. In doubt: `unknown`, never sent again by
 * us, unless the provider takes the same attempt id once only. (DESIGN, section 6.)
 */
export function judge(
  message: OutboundMessage,
  outcome: SendOutcome,
  about: { takesIdempotencyKey: boolean; durationMs: number; random?: () => number },
): AttemptResult {
  const result: AttemptResult = {
    messageId: message.id,
    attemptId: message.attemptId,
    attempt: message.attempt,
    status: 'sent',
    externalMessageId: null,
    errorCode: null,
    errorMessage: null,
    retryInMs: null,
    sameAttempt: false,
    durationMs: Math.round(about.durationMs),
  }
  if (outcome.outcome === 'sent') {
    return { ...result, externalMessageId: storable(outcome.externalMessageId) || null }
  }
  result.errorCode = storable(outcome.errorCode)
  result.errorMessage = storable(outcome.errorMessage).slice(0, 2_000)
  const another = message.attempt < maxAttempts
  const waitMs = retryDelay(message.attempt, about.random)
  if (outcome.outcome === 'ambiguous') {
    return about.takesIdempotencyKey && another
      ? { ...result, status: 'retrying', retryInMs: waitMs, sameAttempt: true }
      : { ...result, status: 'unknown' }
  }
  return outcome.retryable && another
    ? { ...result, status: 'retrying', retryInMs: Math.max(waitMs, outcome.retryAfterMs ?? 0) }
    : { ...result, status: 'failed' }
}

/** ms from the end of the `attempt`th try to the next. */
export function retryDelay(attempt: number, random: () => number = Math.random): number {
  return firstRetryMs * 2 ** (attempt - 1) * (1 - jitter + 2 * jitter * random())
}

/** What a provider says, as a text of our database can hold it. */
function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed()
}
