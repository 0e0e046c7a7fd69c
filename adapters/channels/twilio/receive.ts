import {
  type InboundMessage,
  type InboundUpdate,
  type LinkedAddresses,
  type Received,
  UnreadablePayload,
  type WebhookRequest,
} from '../channel.ts'
import { readPayload, sanitizeText, storable, toDate } from '../shared/payload.ts'
import { readAddress } from './addresses.ts'
import { describeContent, readMedia } from './content.ts'
import { meaningOf } from './errors.ts'
import { type Fields, readFields } from './form.ts'
import { callback, message, toPayload } from './schema.ts'

const channels: ReadonlySet<string> = new Set(['sms', 'whatsapp'])

/**
 * The rows behind one webhook, which is one message or one status callback. Twilio says no time in either: see timeOf.
 * A JSON body (Conversations, Event Streams) is none of these and is kept as unreadable, to be replayed.
 * @throws UnreadablePayload naming the field.
 */
export function receive(request: WebhookRequest): Received {
  if (/\bjson\b/i.test(request.headers['content-type'] ?? '')) {
    throw new UnreadablePayload(
      'body',
      'a JSON webhook of Twilio is not read',
      'Set the webhook of the number or messaging service, which posts form fields.',
    )
  }
  const fields = readFields(request)
  const payload = toPayload(fields)
  const status = (payload['MessageStatus'] ?? payload['SmsStatus'] ?? 'received').toLowerCase()
  return status.trim() === 'received'
    ? readMessage(request, fields, payload)
    : readCallback(request, payload)
}

/**
 * When it was: neither a message nor a callback brings a time of its own, and a webhook comes within seconds. So it is the
 * Date header where whoever forwards it gives one, else when it was received.
 */
function timeOf(request: WebhookRequest): Date {
  const ms = Date.parse(request.headers['date'] ?? '')
  return (Number.isNaN(ms) ? null : toDate(new Date(ms).toISOString())) ?? request.receivedAt
}

function readMessage(
  request: WebhookRequest,
  fields: Fields,
  payload: Record<string, string>,
): Received {
  const read = readPayload(message, payload)
  const { From: from, To: to } = read
  if (!channels.has(from.channel)) {
    throw new UnreadablePayload('From', `From is on channel ${from.channel}, which is not read`)
  }
  const media = readMedia(fields)
  // Two more ids of the sender, each of which may be missing, or what From says again.
  const waId = from.channel === 'whatsapp' && read.WaId ? phoneOf(`whatsapp:${read.WaId}`) : null
  const [alternateAddress, ...rest] = new Set(
    [read.ExternalUserId?.address, waId].filter(
      (other) => typeof other === 'string' && other !== from.address,
    ),
  )
  const identities = rest.flatMap((other) =>
    other ? [{ channel: from.channel, address: from.address, alternateAddress: other }] : [],
  )
  const inbound: InboundMessage = {
    direction: 'inbound',
    channel: from.channel,
    address: from.address,
    ...(alternateAddress ? { alternateAddress } : {}),
    accountAddress: to.address,
    externalMessageId: read.MessageSid,
    ...describeContent(read, media),
    ...(media.length > 0 ? { media } : {}),
    sentAt: timeOf(request),
    ...(read.ProfileName ? { senderName: read.ProfileName } : {}),
    ...(read.OriginalRepliedMessageSid ? { replyTo: [read.OriginalRepliedMessageSid] } : {}),
    raw: storable(fields),
  }
  const promised = /^\d{1,4}$/.test(read.NumMedia ?? '') ? Number(read.NumMedia) : 0
  return {
    messages: [inbound],
    updates: [],
    ...(identities.length > 0 ? { identities } : {}),
    ...(promised > media.length
      ? {
          problems: [
            new UnreadablePayload(
              'NumMedia',
              `NumMedia is ${promised}, but ${media.length} have a URL`,
            ),
          ],
        }
      : {}),
  }
}

function phoneOf(value: string): string | null {
  const { address } = readAddress(sanitizeText(value))
  return address.startsWith('+') ? address : null
}

/** Twilio's statuses to ours; of those that are not here (queued, accepted, sending, scheduled) there is no receipt. */
const statuses: Record<string, 'sent' | 'delivered' | 'read' | 'failed'> = {
  sent: 'sent',
  delivered: 'delivered',
  read: 'read',
  failed: 'failed',
  undelivered: 'failed',
  canceled: 'failed',
}

function readCallback(request: WebhookRequest, payload: Record<string, string>): Received {
  const read = readPayload(callback, payload)
  const said = read.MessageStatus ?? read.SmsStatus ?? ''
  const status = Object.hasOwn(statuses, said) ? statuses[said] : undefined
  if (!status) return { messages: [], updates: [] }
  const { From: from, To: to } = read
  const ours = from && channels.has(from.channel) ? from : null
  const update: InboundUpdate = {
    ...(ours ? { channel: ours.channel, accountAddress: ours.address } : {}),
    externalMessageId: read.MessageSid,
    ...referenceOf(request),
    update: {
      kind: 'receipt',
      status,
      at: timeOf(request).toISOString(),
      ...(status === 'failed'
        ? {
            error_code: read.ErrorCode ?? said,
            error_message:
              read.ErrorMessage ??
              read.ChannelStatusMessage ??
              meaningOf(read.ErrorCode) ??
              `Twilio reports the message as ${said}.`,
          }
        : {}),
    },
  }
  // With a phone in To, ExternalUserId is the same person's other id; without one the two are alike.
  const other = read.ExternalUserId?.address
  const identities: LinkedAddresses[] =
    to?.channel === 'whatsapp' && to.address.startsWith('+') && other && other !== to.address
      ? [{ channel: to.channel, address: to.address, alternateAddress: other }]
      : []
  return { messages: [], updates: [update], ...(identities.length > 0 ? { identities } : {}) }
}

/** The attempt's id, which travels in the callback's URL. */
function referenceOf({ query }: WebhookRequest): { reference?: string } {
  const attempt = query['attempt'] ?? ''
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(attempt) ? { reference: attempt } : {}
}
