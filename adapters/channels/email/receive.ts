import type { ChannelAccount, InboundMessage, Received, WebhookRequest } from '../channel.ts'
import { contentTypeOf, type GenericMessage, readGeneric } from '../shared/generic.ts'
import { parseJson, sanitizeText } from '../shared/payload.ts'
import { readMailboxes } from './headers.ts'
import { htmlToText, looksLikeHtml } from './html.ts'
import { readMessageIds } from './message-id.ts'
import { bound, readMime } from './mime.ts'

/**
 * A mail, in either of two forms: the generic JSON webhook (see ../generic.ts), or the mail itself (message/rfc822, or
 * as text/plain or application/octet-stream). What begins with a bracket is JSON, whatever its type says: no mail does.
 * @throws UnreadablePayload naming the field.
 */
export async function receive(
  request: WebhookRequest,
  account: ChannelAccount | null,
): Promise<Received> {
  const type = request.headers['content-type']?.toLowerCase() ?? ''
  const start = request.body.subarray(0, 64).toString('latin1').trimStart()
  const json = /^(application|text)\/([\w.-]+\+)?json\b/.test(type) || /^[{[]/.test(start)
  if (!json && request.body.length > 0) {
    return readMime(request.body, { ours: account?.address ?? null })
  }
  const { messages, problems } = readGeneric(parseJson(request.body), 'xillio_id')
  return {
    messages: await Promise.all(messages.map(toMessage)),
    updates: [],
    ...(problems.length > 0 ? { problems } : {}),
  }
}

async function toMessage(read: GenericMessage): Promise<InboundMessage> {
  const [from] = readMailboxes(read.from)
  const [to] = readMailboxes(read.to)
  const [first] = read.media
  const html = read.body !== null && looksLikeHtml(read.body) ? bound(read.body) : null
  const body = html ? htmlToText(html.text) : read.body
  const subject = word(read.rest['subject'])
  const inReplyTo = readMessageIds(word(read.rest['in_reply_to']))
  return {
    direction: 'inbound',
    address: from?.address ?? read.from,
    accountAddress: to?.address ?? read.to,
    externalMessageId: read.externalMessageId,
    contentType: first ? contentTypeOf(first) : 'text',
    body: body === null ? null : bound(body).text,
    ...(first ? { media: read.media } : {}),
    sentAt: read.sentAt,
    ...(from?.name ? { senderName: from.name } : {}),
    ...(inReplyTo.length > 0 ? { replyTo: inReplyTo } : {}),
    metadata: {
      provider: read.provider,
      ...(subject ? { subject } : {}),
      ...(html ? { html: html.text } : {}),
    },
    raw: read.raw,
  }
}

function word(value: unknown): string | null {
  return typeof value === 'string' ? sanitizeText(value).trim() : null
}
