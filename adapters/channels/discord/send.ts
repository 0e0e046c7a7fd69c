import { z } from 'zod'
import type { OutboundMessage, Provider, SendContext, SendOutcome } from '../channel.ts'
import { apiUrl, cannotSend, misconfigured } from '../content.ts'
import { type HttpAnswer, sendRequest } from '../http-request.ts'
import { readSecrets } from '../secret.ts'
import { readError } from './errors.ts'
import { toBody } from './request.ts'
import { id } from './schema.ts'

const answer = z.looseObject({ id })

/** Direct chats that are remembered, so that their id is asked for once. */
const mostChats = 10_000

/**
 * Sends through Discord's REST API (https://discord.com/developers/docs/resources/message#create-message).
 *
 * The nonce is the attempt's id, and with `enforce_nonce` a second request with the same nonce within "the past few
 * minutes" answers with the first one's message instead of making another. Discord does not say how many minutes, so
 * a try that was lost longer ago than that is not safe to repeat.
 */
export function createDiscordProvider(): Provider {
  const chats = new Map<string, string>()
  return {
    name: 'discord',
    channels: ['discord'],
    takesIdempotencyKey: () => true,
    async send(message, context) {
      const token = readSecrets(context.account.secret, 'bot_token')['bot_token']
      if (!token) return misconfigured('The secret bot_token is missing.')
      // It becomes a header.
      if (!/^[\w.-]+$/.test(token)) return misconfigured('The secret bot_token is no bot token.')
      const body = toBody(message)
      if ('outcome' in body) return body as SendOutcome
      const place = await findChannel(message, context, token, chats)
      if ('outcome' in place) return place
      const outcome = await post(`channels/${place.channel}/messages`, body, context, token)
      return place.remembered ? forget(outcome, place.remembered, chats) : outcome
    },
  }
}

export const discordProvider: Provider = createDiscordProvider()

type Place = { channel: string; remembered?: string }

/**
 * The channel to write to: the conversation's, else the direct chat with the address, a user id, which has to be opened
 * first. That is the same one each time, and answers with it where it is there already.
 * https://discord.com/developers/docs/resources/user#create-dm
 */
async function findChannel(
  { address, conversationExternalId: given }: OutboundMessage,
  context: SendContext,
  token: string,
  chats: Map<string, string>,
): Promise<Place | SendOutcome> {
  if (!/^\d{1,20}$/.test(given ?? address)) {
    return cannotSend('address_invalid', `"${given ?? address}" is no id of a user or channel.`)
  }
  if (given) return { channel: given }
  const remembered = `${context.account.accountId} ${token.split('.')[0]} ${address}`
  const known = chats.get(remembered)
  if (known) return { channel: known, remembered }
  const opened = await post('users/@me/channels', { recipient_id: address }, context, token)
  if (opened.outcome === 'sent') {
    if (chats.size >= mostChats) chats.clear()
    chats.set(remembered, opened.externalMessageId)
    return { channel: opened.externalMessageId, remembered }
  }
  // Whatever became of the chat, nothing was sent to it.
  return opened.outcome === 'ambiguous'
    ? { ...opened, outcome: 'not_sent', retryable: true }
    : opened
}

/** A direct chat that is no longer there is opened anew by the next try. */
function forget(outcome: SendOutcome, key: string, chats: Map<string, string>): SendOutcome {
  if (outcome.outcome !== 'not_sent' || outcome.errorCode !== '10003') return outcome
  chats.delete(key)
  return { ...outcome, retryable: true }
}

function post(
  path: string,
  body: Record<string, unknown>,
  { account, signal, publicUrl }: SendContext,
  token: string,
): Promise<SendOutcome> {
  return sendRequest(
    {
      url: `${apiUrl(account, 'https://discord.com/api/v10')}/${path}`,
      headers: {
        authorization: `Bot ${token}`,
        'content-type': 'application/json',
        // Discord blocks clients that do not name themselves so. https://discord.com/developers/docs/reference#user-agent
        'user-agent': `DiscordBot (${publicUrl ?? 'pigeonpost'}, 1)`,
      },
      body: JSON.stringify(body),
      signal,
    },
    { readId, readError },
  )
}

function readId({ json }: HttpAnswer): string | null {
  return answer.safeParse(json).data?.id ?? null
}
