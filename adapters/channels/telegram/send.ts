import { z } from 'zod'
import type { OutboundMessage, Provider, SendContext, SendOutcome } from '../channel.ts'
import { apiUrl } from '../shared/content.ts'
import { type HttpAnswer, sendRequest } from '../shared/http-request.ts'
import { multipart, type StreamedBody } from '../shared/multipart.ts'
import { readError, readMigration } from './errors.ts'
import { idOf } from './identity.ts'
import { attachedName, type MethodCall, toCall } from './request.ts'
import { id } from './schema.ts'
import { readToken } from './token.ts'

const sent = z.looseObject({
  message_id: id,
  chat: z.looseObject({ id }),
  business_connection_id: z.string().nullish(),
})
const answer = z.looseObject({ result: z.union([sent, z.array(sent).min(1)]) })

/**
 * Sends through the Bot API (https://core.telegram.org/bots/api), at `settings.api_url` where that is a server of one's
 * own. Telegram does not deduplicate and returns no reference: a send whose answer was lost stays unknown.
 */
export const telegramProvider: Provider = {
  name: 'telegram',
  channels: ['telegram'],
  takesIdempotencyKey: () => false,
  async send(message, context) {
    const token = readToken(context.account)
    if (typeof token !== 'string') return token
    const outcome = await sendTo(chatOf(message), message, context, token)
    return hide(outcome, token)
  },
}

function chatOf({ conversationExternalId, address }: OutboundMessage): string {
  return conversationExternalId ?? address
}

/**
 * A group that has become a supergroup refuses what is sent to its old id, and says the new one. That try certainly
 * sent nothing, so it goes out to the new id at once. (The move itself comes as a webhook, and renames the group.)
 */
async function sendTo(
  chat: string,
  message: OutboundMessage,
  context: SendContext,
  token: string,
  moved = false,
): Promise<SendOutcome> {
  const call = toCall(message, chat)
  if ('outcome' in call) return call
  let movedTo: string | null = null
  const outcome = await request(chat, call, message, context, token, (answer) => {
    movedTo = readMigration(answer)
  })
  return movedTo && !moved ? sendTo(movedTo, message, context, token, true) : outcome
}

function request(
  chat: string,
  call: MethodCall,
  { attemptId }: OutboundMessage,
  { account, signal }: SendContext,
  token: string,
  onRefusal: (answer: HttpAnswer) => void,
): Promise<SendOutcome> {
  const standing = account.settings['business_connection_id']
  return sendRequest(
    {
      url: `${apiUrl(account, 'https://api.telegram.org')}/bot${token}/${call.method}`,
      headers: { 'content-type': 'application/json' },
      body: toRequestBody(call, {
        chat_id: toChatId(chat),
        ...(typeof standing === 'string' ? { business_connection_id: standing } : {}),
        ...call.parameters,
      }),
      signal,
    },
    {
      readId: ({ json }) => readId(json, attemptId),
      readError: (refused) => {
        onRefusal(refused)
        return readError(refused)
      },
    },
  )
}

/** JSON, or a form where files go along: https://core.telegram.org/bots/api#sending-files */
function toRequestBody(
  { files }: MethodCall,
  parameters: Record<string, unknown>,
): string | StreamedBody {
  if (files.length === 0) return JSON.stringify(parameters)
  return multipart([
    ...Object.entries(parameters).map(([name, value]): [string, string] => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
    ...files.map((file, i): [string, typeof file] => [attachedName(i), file]),
  ])
}

/** An integer, or the `@name` of a public channel. */
function toChatId(chat: string): number | string {
  return /^-?\d{1,15}$/.test(chat) ? Number(chat) : chat
}

/**
 * An album is several messages; the first, which has the caption, stands for all.
 * Telegram may put a message off (a video that it still works on), and says 0 for its id then, which names nothing.
 */
function readId(json: unknown, attemptId: string): string | null {
  const { data } = answer.safeParse(json)
  const first = Array.isArray(data?.result) ? data.result[0] : data?.result
  if (!first) return null
  const number = first.message_id === '0' ? `put-off-${attemptId}` : first.message_id
  return idOf(first.chat.id, number, first.business_connection_id)
}

/** Errors of the network may quote the URL, and the token is in it. */
function hide(outcome: SendOutcome, token: string): SendOutcome {
  return outcome.outcome === 'sent'
    ? outcome
    : { ...outcome, errorMessage: outcome.errorMessage.replaceAll(token, '[bot token]') }
}
