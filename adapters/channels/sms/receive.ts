import type { InboundMessage, Received, WebhookRequest } from '../channel.ts'
import { contentTypeOf, type GenericMessage, readGeneric } from '../shared/generic.ts'
import { parseJson } from '../shared/payload.ts'
import { toE164 } from '../shared/phone.ts'

/**
 * The rows behind a generic sms webhook (see ../generic.ts). MMS is the same channel with attachments. An address that
 * is no phone number, a short code or a name, is kept as it came.
 * @throws UnreadablePayload naming the field.
 */
export function receive(request: WebhookRequest): Received {
  const { messages, problems } = readGeneric(parseJson(request.body), 'messaging_provider_id')
  return {
    messages: messages.map(toMessage),
    updates: [],
    ...(problems.length > 0 ? { problems } : {}),
  }
}

function toMessage(read: GenericMessage): InboundMessage {
  const [first] = read.media
  return {
    direction: 'inbound',
    address: phone(read.from),
    accountAddress: phone(read.to),
    externalMessageId: read.externalMessageId,
    contentType: first ? contentTypeOf(first) : 'text',
    body: read.body,
    ...(first ? { media: read.media } : {}),
    sentAt: read.sentAt,
    metadata: { provider: read.provider, ...(read.type ? { type: read.type } : {}) },
    raw: read.raw,
  }
}

/** Short codes have three to six digits, and E.164 at least seven. */
function phone(value: string): string {
  return toE164(value) ?? value
}
