import type { AttemptResult } from '../../../db/delivery/record.ts'
import type { OutboundMessage, SendOutcome } from '../../channels/channel.ts'
import { backoffMs } from '../../shared/backoff.ts'
import type { ProviderVerdict } from './breakers.ts'

export const maxAttempts = 3

const minRetryMs = 5_000

/**
 * What becomes of a message by one try. Sent: `sent`. Certainly not sent, and worth another try: `retrying`, 5 s after
 * the first try and twice as long after each, give or take a fifth so that those who failed together do not return
 * together, and never before the provider's Retry-After; at most three tries. In doubt: `unknown`, never sent again by
 * us, unless the provider takes the same attempt id once only. Where it is the account that cannot send, the message is
 * `queued` as if it had not been tried. (DESIGN, section 6.)
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

/** Our own storage failed, before anything left. */
export const filesUnavailable = 'media_unavailable'

/**
 * What a try says of the provider, for its circuit breaker. Any answer that a provider in order gives, a refusal
 * included, shows that it is well; so does a rate limit (`rate_limited`). A failure that may pass and a doubt show that
 * it is not. An account that cannot send tells nothing.
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

/** Why an account was disconnected, as its row and its event say it. */
export function disconnectReason(outcome: SendOutcome): string | null {
  return outcome.outcome === 'not_sent' && outcome.account === 'disconnect'
    ? storable(`${outcome.errorCode}: ${outcome.errorMessage}`).slice(0, 500)
    : null
}

/** ms from the end of the `attempt`th try to the next. */
export function retryDelay(attempt: number, random: () => number = Math.random): number {
  return backoffMs(attempt - 1, { minMs: minRetryMs, jitter: 0.2, random })
}

/** What a provider says, as a text of our database can hold it; an adapter without types may say anything. */
function storable(said: unknown): string {
  const text = typeof said === 'string' ? said : (JSON.stringify(said) ?? '')
  return text.replaceAll('\0', '').toWellFormed()
}
