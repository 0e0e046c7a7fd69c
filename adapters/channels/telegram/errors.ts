import type { SendOutcome } from '../channel.ts'
import type { HttpAnswer } from '../shared/http-request.ts'
import { z } from 'zod'

/** {"ok": false, "error_code": 429, "description": "…", "parameters": {"retry_after": 5}} */
const refusal = z.looseObject({
  description: z.string(),
  parameters: z
    .looseObject({
      retry_after: z.number().nullish(),
      migrate_to_chat_id: z.union([z.number(), z.string()]).nullish(),
    })
    .nullish(),
})

/**
 * What Telegram's refusals mean. It has no codes of its own beside the HTTP status, and words its descriptions for
 * people, so they are matched loosely; one that is not here is final by its status.
 * https://core.telegram.org/bots/api#making-requests, https://core.telegram.org/api/errors
 */
const meanings: [pattern: RegExp, errorCode: string][] = [
  // The person stopped the bot, or it was removed from the group; nothing comes through until they undo it.
  [/blocked by the user/i, 'bot_blocked'],
  [/user is deactivated/i, 'user_deactivated'],
  [/was kicked|not a member/i, 'bot_not_in_chat'],
  // Bots may only write to people who wrote to them first.
  [/can't initiate conversation/i, 'conversation_not_started'],
  [/can't send messages to (the )?bots/i, 'recipient_is_bot'],
  [/not enough rights|have no rights|CHAT_WRITE_FORBIDDEN|need administrator/i, 'no_rights'],
  [/chat not found|PEER_ID_INVALID|chat_id is empty/i, 'chat_not_found'],
  [/upgraded to a supergroup/i, 'chat_migrated'],
  // Telegram fetches a URL by itself, up to 5 MB for a photo and 20 MB for other files.
  [
    /wrong (file identifier|type of the web page)|failed to get HTTP URL|WEBPAGE_/i,
    'media_unreachable',
  ],
  [/can't parse entities/i, 'markup_invalid'],
  [/(message|caption) is too long/i, 'body_too_long'],
  [/text must be non-empty|message text is empty/i, 'body_empty'],
  [/BUSINESS_(CONNECTION|PEER)/i, 'business_connection_invalid'],
]

/** The outcome for an answer of the Bot API; null leaves it to the HTTP status. */
export function readError({ status, json }: HttpAnswer): SendOutcome | null {
  const { data } = refusal.safeParse(json)
  const errorMessage = data?.description.slice(0, 500) ?? `HTTP ${status}`
  const notSent = { outcome: 'not_sent' as const, retryable: false, errorMessage }
  // 401: the token was revoked, or the bot deleted. 404: it is not even a token.
  if (status === 401 || status === 404) {
    return { ...notSent, errorCode: 'bot_token_wrong', account: 'disconnect' }
  }
  if (!data) return null
  if (status === 429) {
    const seconds = data.parameters?.retry_after
    return {
      ...notSent,
      retryable: true,
      errorCode: 'rate_limited',
      ...(seconds ? { retryAfterMs: Math.ceil(seconds * 1000) } : {}),
    }
  }
  if (status < 400 || status >= 500) return null
  const known = meanings.find(([pattern]) => pattern.test(data.description))
  const code = status === 403 ? 'forbidden' : String(status)
  return { ...notSent, errorCode: known?.[1] ?? code }
}

/** Where a group has moved to, of the answer that refuses to send to its old id. */
export function readMigration({ status, json }: HttpAnswer): string | null {
  const to = status === 400 ? refusal.safeParse(json).data?.parameters?.migrate_to_chat_id : null
  return to ? String(to) : null
}
