import { z } from 'zod'
import type {
  OutboundFile,
  OutboundMessage,
  Provider,
  SendContext,
  SendOutcome,
} from '../channel.ts'
import { cannotSend } from '../shared/content.ts'
import { type Cache, createCache } from '../../shared/cache.ts'
import { type HttpAnswer, sendRequest } from '../shared/http-request.ts'
import { multipart, type StreamedBody } from '../shared/multipart.ts'
import { apiRequest, readToken } from './api.ts'
import { readError } from './errors.ts'
import { toBody, uploadsOf } from './request.ts'
import { id } from './schema.ts'

const answer = z.looseObject({ id })

/** Direct chats in the cache, so that their id is asked for once. */
const maxChats = 10_000

/**
 * Sends through Discord's REST API (https://discord.com/developers/docs/resources/message#create-message).
 *
 * The nonce is the attempt's id, and with `enforce_nonce` a second request with the same nonce within "the past few
 * minutes" answers with the first one's message instead of making another. Discord does not say how many minutes, so
 * a try that was lost longer ago than that is not safe to repeat.
 */
export function createDiscordProvider(): Provider {
  const chats = createCache<string>({ maxEntries: maxChats })
  return {
    name: 'discord',
    channels: ['discord'],
    takesIdempotencyKey: () => true,
    async send(message, context) {
      const token = readToken(context.account)
      if (typeof token !== 'string') return token
      const body = toBody(message)
      if ('outcome' in body) return body as SendOutcome
      const place = await findChannel(message, context, token, chats)
      if ('outcome' in place) return place
      const path = `channels/${place.channel}/messages`
      const outcome = await post(path, withFiles(body, uploadsOf(message)), context, token)
      return place.cacheKey ? forget(outcome, place.cacheKey, chats) : outcome
    },
  }
}

export const discordProvider: Provider = createDiscordProvider()

type Place = { channel: string; cacheKey?: string }

/**
 * The channel to write to: the conversation's, else the direct chat with the address, a user id, which has to be opened
 * first. That is the same one each time, and answers with it where it is there already.
 * https://discord.com/developers/docs/resources/user#create-dm
 */
async function findChannel(
  { address, conversationExternalId: given }: OutboundMessage,
  context: SendContext,
  token: string,
  chats: Cache<string>,
): Promise<Place | SendOutcome> {
  if (!/^\d{1,20}$/.test(given ?? address)) {
    return cannotSend('address_invalid', `"${given ?? address}" is no id of a user or channel.`)
  }
  if (given) return { channel: given }
  const cacheKey = `${context.account.accountId} ${token.split('.')[0]} ${address}`
  const known = chats.get(cacheKey)
  if (known) return { channel: known, cacheKey }
  const asked = JSON.stringify({ recipient_id: address })
  const opened = await post('users/@me/channels', asked, context, token)
  if (opened.outcome === 'sent') {
    chats.set(cacheKey, opened.externalMessageId)
    return { channel: opened.externalMessageId, cacheKey }
  }
  // Whatever became of the chat, nothing was sent to it.
  return opened.outcome === 'ambiguous'
    ? { ...opened, outcome: 'not_sent', retryable: true }
    : opened
}

/** A direct chat that is no longer there is opened anew by the next try. */
function forget(outcome: SendOutcome, key: string, chats: Cache<string>): SendOutcome {
  if (outcome.outcome !== 'not_sent' || outcome.errorCode !== '10003') return outcome
  chats.delete(key)
  return { ...outcome, retryable: true }
}

function post(
  path: string,
  body: string | StreamedBody,
  { account, signal, publicUrl }: SendContext,
  token: string,
): Promise<SendOutcome> {
  return sendRequest(
    { ...apiRequest(path, account, token, publicUrl), body, signal },
    { readId, readError },
  )
}

/** https://discord.com/developers/docs/reference#uploading-files */
function withFiles(body: Record<string, unknown>, files: OutboundFile[]): string | StreamedBody {
  const json = JSON.stringify(body)
  if (files.length === 0) return json
  return multipart([
    ...files.map((file, i): [string, OutboundFile] => [`files[${i}]`, file]),
    ['payload_json', json],
  ])
}

function readId({ json }: HttpAnswer): string | null {
  return answer.safeParse(json).data?.id ?? null
}
