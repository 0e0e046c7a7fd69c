import type { Test } from 'tap'
import type {
  ChannelAccount,
  OutboundMessage,
  SendOutcome,
} from '../../../../adapters/channels/channel.ts'
import { whatsappProvider } from '../../../../adapters/channels/whatsapp/index.ts'
import { startProviderServer } from '../../../support/provider.ts'
import { account } from './samples.ts'

/** A text to Sheena, but for what is given. */
export function outbound(content: Partial<OutboundMessage> = {}): OutboundMessage {
  return {
    id: '0196a3a4-0000-7000-8000-000000000002',
    attemptId: '0196a3a4-0000-7000-8000-00000000000a',
    attempt: 1,
    address: '+16505551234',
    conversationExternalId: null,
    contentType: 'text',
    body: 'Hello',
    mediaUrl: null,
    replyTo: null,
    metadata: {},
    ...content,
  }
}

const taken = JSON.stringify({
  messaging_product: 'whatsapp',
  contacts: [{ input: '16505551234', wa_id: '16505551234' }],
  messages: [{ id: 'wamid.sent' }],
})

export type Sent = {
  path: string
  authorization: string | undefined
  contentType: string | undefined
  body: Record<string, unknown>
}

/** A Graph API that answers each message with the same. */
export async function startApi(
  t: Pick<Test, 'teardown'>,
  answer: { status?: number; body?: string; headers?: Record<string, string> } = {},
) {
  const sent: Sent[] = []
  const server = await startProviderServer(t, (body, response, request) => {
    const { authorization, 'content-type': contentType } = request.headers
    const path = `${request.method} ${request.url}`
    sent.push({ path, authorization, contentType, body: JSON.parse(body) as Sent['body'] })
    response.writeHead(answer.status ?? 200, answer.headers)
    response.end(answer.body ?? taken)
  })
  const send = (
    message: OutboundMessage,
    change: Partial<ChannelAccount> = {},
  ): Promise<SendOutcome> =>
    whatsappProvider.send(message, {
      account: {
        ...account,
        ...change,
        settings: { ...account.settings, api_url: server.url, ...change.settings },
      },
      signal: AbortSignal.timeout(60_000),
      publicUrl: null,
    })
  return { send, sent }
}
