import type { Test } from 'tap'
import type { ChannelAccount, OutboundMessage } from '../../../../adapters/channels/channel.ts'
import { telegramProvider } from '../../../../adapters/channels/telegram/index.ts'
import { startProviderServer } from '../../../support/provider.ts'
import { telegramPeer } from './peer.ts'

export const token = '7000000001:AAE-webhook-test-token'
export const chatId = 1111

export type Asked = {
  method: string | undefined
  path: string | undefined
  body: Record<string, unknown>
}
export type Answer = { status: number; json: unknown }

export const taken = (result: unknown): Answer => ({ status: 200, json: { ok: true, result } })
export const message = { message_id: 42, date: 1, chat: { id: chatId, type: 'private' } }
export const refused = (error_code: number, description: string, parameters?: object): Answer => ({
  status: error_code,
  json: { ok: false, error_code, description, ...(parameters ? { parameters } : {}) },
})

/** The Bot API, answering as told, and what it was asked. */
export async function start(t: Test, answers: (asked: Asked) => Answer = () => taken(message)) {
  const asked: Asked[] = []
  const server = await startProviderServer(t, (body, response, { method, url }) => {
    const one = { method, path: url, body: JSON.parse(body) as Record<string, unknown> }
    asked.push(one)
    const { status, json } = answers(one)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json))
  })
  const api = server.url.replace(/\/$/, '')
  const account: ChannelAccount = {
    tenantId: 1,
    accountId: '0193a1b2-0000-7000-8000-000000000001',
    ...telegramPeer.account,
    settings: { api_url: api },
  }
  const send = (change: Partial<OutboundMessage>, from = account) =>
    telegramProvider.send(say(change), {
      account: from,
      signal: AbortSignal.timeout(60_000),
      publicUrl: null,
    })
  return { api, account, asked, send }
}

export function say(change: Partial<OutboundMessage>): OutboundMessage {
  return {
    id: '0193a1b2-0000-7000-8000-00000000000a',
    attemptId: '0193a1b2-0000-7000-8000-00000000000b',
    attempt: 1,
    address: String(chatId),
    conversationExternalId: null,
    contentType: 'text',
    body: 'Hello',
    mediaUrl: null,
    replyTo: null,
    metadata: {},
    ...change,
  }
}

export const url = 'https://media.example/1'
export const media = (content_type: string, id = url) => ({ url: id, content_type })
