import type { OutboundMessage } from '../../../../adapters/channels/channel.ts'

export const attemptId = '0191d1a0-7b7b-7c3c-8d8d-0123456789ab'

/** A message to send, as the worker claims it. */
export function outbound(change: Partial<OutboundMessage> = {}): OutboundMessage {
  return {
    id: '0191d1a0-0000-7c3c-8d8d-0123456789ab',
    attemptId,
    attempt: 1,
    address: 'ann@example.com',
    conversationExternalId: null,
    contentType: 'text',
    body: 'Hello 🕊',
    mediaUrl: null,
    replyTo: null,
    metadata: {},
    ...change,
  }
}
