import { z } from 'zod'
import type { SendOutcome } from '../channel.ts'
import type { HttpAnswer } from '../shared/http-request.ts'

/** {"code": 50007, "message": "…", "errors": {…}}; of a 429 {"message": "…", "retry_after": 1.337, "global": false} */
const refusal = z.looseObject({
  message: z.string(),
  code: z.number().nullish(),
  /** Seconds. */
  retry_after: z.number().nullish(),
  global: z.boolean().nullish(),
  errors: z.unknown().optional(),
})

type Meaning = 'final' | 'disconnect' | { retryAfterMs: number }

/**
 * What Discord's codes mean, where the HTTP status does not say it already.
 * https://discord.com/developers/docs/topics/opcodes-and-status-codes#json-json-error-codes
 */
const meanings: Record<number, Meaning> = {
  /** Unknown channel: deleted, or never there. */
  10003: 'final',
  /** Unknown user. */
  10013: 'final',
  /** The channel's slow mode is on, and its turn has not come. */
  20016: { retryAfterMs: 10_000 },
  /** Too much is written to this channel. */
  20028: { retryAfterMs: 10_000 },
  /** Unauthorized: the token is not (or no longer) the bot's. */
  40001: 'disconnect',
  /** The bot's account has to be verified first. */
  40002: 'disconnect',
  /** Direct chats are opened too fast. Those who go on are kept from opening any, so this waits long. */
  40003: { retryAfterMs: 60_000 },
  /** Sending is switched off for now, by Discord, for everybody. */
  40004: { retryAfterMs: 60_000 },
  40062: { retryAfterMs: 10_000 },
  /** Missing access: the bot does not see the channel. */
  50001: 'final',
  50006: 'final',
  /** The person takes no direct messages from this bot: blocked, or closed to strangers. */
  50007: 'final',
  50008: 'final',
  /** Missing permissions in the channel. */
  50013: 'final',
  /** Invalid token. */
  50014: 'disconnect',
  /** A field is wrong; `errors` says which. */
  50035: 'final',
  /** The thread is archived, and the bot may not bring it back. */
  50083: 'final',
  /** No guild in common with the person. */
  50278: 'final',
  130000: { retryAfterMs: 10_000 },
  /** The channel's history is closed to the bot, so it can answer nothing there. */
  160002: 'final',
  /** Stopped by AutoMod. */
  200000: 'final',
  /** Stopped as harmful links. */
  240000: 'final',
}

/** The outcome for an answer of the API; null leaves it to the HTTP status. */
export function readError({ status, json }: HttpAnswer): SendOutcome | null {
  const { data } = refusal.safeParse(json)
  const notSent = {
    outcome: 'not_sent' as const,
    retryable: false,
    errorCode: String(data?.code || status),
    errorMessage: describe(data) ?? `HTTP ${status}`,
  }
  if (status === 401) return { ...notSent, account: 'disconnect' }
  if (!data || status < 400 || status >= 500) return null
  const meaning = data.code ? meanings[data.code] : undefined
  if (typeof data.retry_after === 'number') {
    const retryAfterMs = Math.ceil(data.retry_after * 1000)
    const errorCode = data.global ? 'rate_limited_globally' : 'rate_limited'
    return { ...notSent, errorCode, retryable: true, retryAfterMs }
  }
  if (meaning === 'disconnect') return { ...notSent, account: 'disconnect' }
  if (typeof meaning === 'object') return { ...notSent, retryable: true, ...meaning }
  return meaning === 'final' ? notSent : null
}

/** With the fields that are wrong, which the message alone ("Invalid Form Body") does not say. */
function describe(data: z.output<typeof refusal> | undefined): string | undefined {
  if (!data) return undefined
  const errors = data.errors ? ` ${JSON.stringify(data.errors)}` : ''
  return `${data.message}${errors}`.slice(0, 500)
}
