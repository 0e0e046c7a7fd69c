import type {
  ChannelAccount,
  OutboundMessage,
  SendOutcome,
} from '../../../../adapters/channels/channel.ts'
import { twilioProvider } from '../../../../adapters/channels/twilio/index.ts'
import type { TwilioServer } from './server.ts'
import { accountId, smsAccount } from './support.ts'

export const attemptId = '0193a1b2-1111-7000-8000-000000000001'
export const publicUrl = 'https://pigeonpost.example'
export const statusCallback = `${publicUrl}/api/webhooks/twilio/${accountId}?attempt=${attemptId}`

export function outbound(change: Partial<OutboundMessage> = {}): OutboundMessage {
  return {
    id: 'message-1',
    attemptId,
    attempt: 1,
    address: '+14155550100',
    conversationExternalId: null,
    contentType: 'text',
    body: 'Hello',
    mediaUrl: null,
    replyTo: null,
    metadata: {},
    ...change,
  }
}

export function send(
  server: TwilioServer,
  change: Partial<OutboundMessage> = {},
  account: ChannelAccount = smsAccount,
  more: { publicUrl?: string | null; signal?: AbortSignal } = {},
): Promise<SendOutcome> {
  return twilioProvider.send(outbound(change), {
    account: { ...account, settings: { api_url: server.url, ...account.settings } },
    signal: more.signal ?? AbortSignal.timeout(60_000),
    publicUrl: more.publicUrl === undefined ? publicUrl : more.publicUrl,
  })
}
