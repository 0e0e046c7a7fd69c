import {
  type ChannelAccount,
  type Received,
  UnreadablePayload,
  type WebhookRequest,
} from '../channel.ts'
import { parseJson } from '../shared/payload.ts'
import { readEvents } from './events.ts'
import { readInbound } from './inbound.ts'
import { readMultipart } from './multipart.ts'

/** Events are JSON and mails are forms; what is neither is taken for events, and must be signed. */
export function isEvents(request: WebhookRequest): boolean {
  return !/^multipart\/form-data\b/i.test(request.headers['content-type'] ?? '')
}

/**
 * Events become receipts, a mail by Inbound Parse a message.
 * @throws UnreadablePayload
 */
export async function receive(
  request: WebhookRequest,
  account: ChannelAccount | null,
): Promise<Received> {
  if (isEvents(request)) return readEvents(parseJson(request.body))
  const parts = await readMultipart(request.headers['content-type'] ?? '', request.body)
  if (parts.length === 0) throw new UnreadablePayload('body', 'the form is empty')
  return readInbound(parts, account)
}
