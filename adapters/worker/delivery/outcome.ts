import type { AttemptResult } from '../../../db/delivery/record.ts'
import type { OutboundMessage, SendOutcome } from '../../channels/channel.ts'
import { backoffMs } from '../../shared/backoff.ts'
import type { ProviderVerdict } from './breakers.ts'

export const maxAttempts = 3

const minRetryMs = 5_000

/**
 * The new state of a message after one attempt. Sent: `sent`. Certainly not sent, and the failure is transient: `retrying`,
 * 5 s after the first attempt and twice as long after each, with a jitter of 20% so that messages that failed together do
 * not retry together, and never before the provider's Retry-After; at most three attempts. In doubt: `unknown`, and never
 * sent again by us, unless the provider takes the attempt id as an idempotency key. Where it is the account that cannot
 * send, the message is `queued` as if it had not been attempted.
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
  if (outcome.outcome === 'not_sent' && outcome.account === 'disconnect') {
    return { ...result, status: 'queued' }
  }
  if (outcome.outcome === 'ambiguous') {
    return about.takesIdempotencyKey && another
      ? { ...result, status: 'retrying', retryInMs: waitMs, sameAttempt: true }
      : { ...result, status: 'unknown' }
  }
  return outcome.retryable && another
    ? { ...result, status: 'retrying', retryInMs: Math.max(waitMs, outcome.retryAfterMs ?? 0) }
    : { ...result, status: 'failed' }
}

/** Our own storage failed, before the request was made. */
export const filesUnavailable = 'media_unavailable'

/**
 * What an attempt shows about the provider, for its circuit breaker. Any regular answer, a refusal or a rate limit
 * (`rate_limited`) included, counts as a success; a transient failure or an unknown outcome counts as a failure. An account
 * that cannot send counts as neither.
 */
export function verdictOf(provider: string, outcome: SendOutcome): ProviderVerdict | null {
  if (outcome.outcome === 'sent') return { provider, well: true, error: null }
  if (outcome.outcome === 'ambiguous') {
    return {
      provider,
      well: false,
      error: storable(`${outcome.errorCode}: ${outcome.errorMessage}`).slice(0, 500),
    }
  }
  if (outcome.account === 'disconnect') return null
  if (outcome.errorCode === filesUnavailable) return null
  const well = !outcome.retryable || outcome.errorCode === 'rate_limited'
  const error = storable(`${outcome.errorCode}: ${outcome.errorMessage}`).slice(0, 500)
  return { provider, well, error: well ? null : error }
}

/** Why an account was disconnected, for its row and its event. */
export function disconnectReason(outcome: SendOutcome): string | null {
  return outcome.outcome === 'not_sent' && outcome.account === 'disconnect'
    ? storable(`${outcome.errorCode}: ${outcome.errorMessage}`).slice(0, 500)
    : null
}

/** ms from the end of attempt number `attempt` to the next. */
export function retryDelay(attempt: number, random: () => number = Math.random): number {
  return backoffMs(attempt - 1, { minMs: minRetryMs, jitter: 0.2, random })
}

/** A provider's text as our database can store it; an untyped adapter may return anything. */
function storable(said: unknown): string {
  const text = typeof said === 'string' ? said : (JSON.stringify(said) ?? '')
  return text.replaceAll('\0', '').toWellFormed()
}
