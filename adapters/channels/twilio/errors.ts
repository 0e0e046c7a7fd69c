/**
 * What Twilio's error codes mean for a message and its account. Each code has its page,
 * twilio.com/docs/api/errors/<code>; the words are ours. Twilio adds codes as it likes: one that is not here is final
 * where the status is a 4xx, and left to the status otherwise.
 */

import { z } from 'zod'
import type { SendOutcome } from '../channel.ts'
import type { HttpAnswer } from '../shared/http-request.ts'
import { parseRetryAfter } from '../shared/retry-after.ts'

/**
 * - `final`: this message cannot be sent.
 * - `limit`: too many at present; it was not taken, and may be later.
 * - `disconnect`: no message of this account can be sent.
 * - `sender`: the number is not ours to send from. As `disconnect`; but a short code or a name may only be strange to
 *   the recipient's country, and then it is the message.
 */
type Consequence = 'final' | 'limit' | 'disconnect' | 'sender'

type Meaning = {
  effect: Consequence
  means: string
  /** ms before another try is of any use, where Twilio says so. */
  waitMs?: number
}

const minute = 60_000
const codes: Record<string, Meaning> = {
  // The account
  10001: { effect: 'disconnect', means: 'the account is not active' },
  20003: { effect: 'disconnect', means: 'the credentials are wrong, or the account is suspended' },
  20005: { effect: 'disconnect', means: 'the account is not active' },
  // The path holds nothing but the account's sid.
  20404: { effect: 'disconnect', means: 'there is no such account' },
  21609: {
    effect: 'disconnect',
    means: 'the status callback is no public URL: see PIGEONPOST_PUBLIC_URL',
  },
  21701: { effect: 'disconnect', means: 'there is no such messaging service' },
  21705: { effect: 'disconnect', means: 'messaging_service_sid is none' },
  30002: { effect: 'disconnect', means: 'the account is suspended' },
  63001: { effect: 'disconnect', means: "the channel does not accept the sender's authentication" },
  90010: { effect: 'disconnect', means: 'the account is not active' },
  // Its sender. 21606 says the same of one destination as of all, so it is held against the message only.
  21606: { effect: 'final', means: 'the sender cannot send messages to this destination' },
  21659: {
    effect: 'sender',
    means: 'the sender is no Twilio number, or a short code of another country',
  },
  21660: { effect: 'sender', means: 'the sender belongs to another account' },
  63007: { effect: 'sender', means: 'the sender is not registered on the channel' },
  // Too much
  14107: { effect: 'limit', means: 'too many messages between two numbers', waitMs: minute / 2 },
  20429: { effect: 'limit', means: 'too many requests at once' },
  21611: { effect: 'limit', means: "the sender's queue is full", waitMs: 10 * minute },
  30001: { effect: 'limit', means: 'the queue overflowed', waitMs: 10 * minute },
  30022: {
    effect: 'limit',
    means: "the carriers' rate for the campaign is exceeded",
    waitMs: minute,
  },
  63017: { effect: 'limit', means: "the account's rate is exceeded" },
  63018: {
    effect: 'limit',
    means: "the channel's rate for the sender is exceeded",
    waitMs: minute,
  },
  63038: { effect: 'limit', means: "the account's daily limit is reached", waitMs: 60 * minute },
  // The recipient
  21211: { effect: 'final', means: "the recipient's number is invalid" },
  21408: { effect: 'final', means: "sending to the recipient's region is not enabled" },
  21608: { effect: 'final', means: 'a trial account may send to verified numbers only' },
  21610: { effect: 'final', means: 'the recipient opted out' },
  21612: { effect: 'final', means: 'the recipient cannot be reached from this sender' },
  21614: { effect: 'final', means: "the recipient's number is no mobile number" },
  21635: { effect: 'final', means: "the recipient's number is a landline" },
  63003: { effect: 'final', means: 'the channel does not know the recipient' },
  63016: { effect: 'final', means: 'the 24-hour window is closed: only a template can be sent' },
  63024: { effect: 'final', means: 'the recipient cannot get messages on this channel' },
  // The content
  21617: { effect: 'final', means: 'the body is longer than 1,600 characters' },
  21658: { effect: 'final', means: 'a parameter is too long' },
  63013: { effect: 'final', means: "the channel's policy does not allow the content" },
  63021: { effect: 'final', means: 'the channel does not take the content' },
  // Only in status callbacks, of messages that were taken
  30003: { effect: 'final', means: "the recipient's phone cannot be reached" },
  30004: { effect: 'final', means: 'the message was blocked' },
  30005: { effect: 'final', means: 'the recipient is not known' },
  30006: {
    effect: 'final',
    means: "the recipient's number is a landline, or its carrier cannot be reached",
  },
  30007: { effect: 'final', means: 'the carrier filtered the message' },
  30008: { effect: 'final', means: 'the carrier gave no reason' },
}

/** What a code means, in a few words; undefined of one that is not known here. */
export function meaningOf(code: string | undefined): string | undefined {
  return code !== undefined && Object.hasOwn(codes, code) ? codes[code]?.means : undefined
}

const errorBody = z.looseObject({
  code: z.union([z.number(), z.string()]).transform(String),
  message: z.string().nullish(),
})

/**
 * What an error answer means, for a message from `sender` (null: a messaging service chooses). Null where the status
 * says all there is. Limits are all called `rate_limited`, with Twilio's code in the message.
 */
export function readError(answer: HttpAnswer, sender: string | null): SendOutcome | null {
  const read = errorBody.safeParse(answer.json).data
  const meaning = read && Object.hasOwn(codes, read.code) ? codes[read.code] : undefined
  if (!read || !meaning) {
    if (answer.status === 401) return refuse('401', answer.body, true)
    const isFinal = answer.status >= 400 && answer.status < 500 && answer.status !== 429
    return read && isFinal ? refuse(read.code, read.message ?? '', false) : null
  }
  const { effect, means, waitMs = 0 } = meaning
  const errorMessage = read.message || means
  switch (effect) {
    case 'final':
      return refuse(read.code, errorMessage, false)
    case 'disconnect':
      return refuse(read.code, errorMessage, true)
    case 'sender':
      return refuse(read.code, errorMessage, sender === null || sender.startsWith('+'))
    case 'limit': {
      const asked = parseRetryAfter(answer.headers.get('retry-after')) ?? 0
      const retryAfterMs = Math.max(asked, waitMs)
      return {
        outcome: 'not_sent',
        retryable: true,
        errorCode: 'rate_limited',
        errorMessage: `${read.code}: ${errorMessage}`,
        ...(retryAfterMs > 0 ? { retryAfterMs } : {}),
      }
    }
  }
}

function refuse(errorCode: string, said: string, disconnect: boolean): SendOutcome {
  return {
    outcome: 'not_sent',
    retryable: false,
    errorCode,
    errorMessage: said.slice(0, 500) || `Twilio refused with ${errorCode}.`,
    ...(disconnect ? { account: 'disconnect' as const } : {}),
  }
}
