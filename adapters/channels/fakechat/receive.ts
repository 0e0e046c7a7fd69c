import { z } from 'zod'
import {
  type ContentType,
  type InboundMessage,
  type InboundUpdate,
  type MediaReference,
  type Received,
  UnreadablePayload,
  type WebhookRequest,
} from '../channel.ts'
import { parseJson, readPayload, sanitizeText, storable } from '../shared/payload.ts'
import { type media as mediaSchema, payloads, type receipt as receiptSchema } from './schema.ts'

const contentTypes: Record<string, ContentType> = {
  text: 'text',
  image: 'image',
  photo: 'image',
  sticker: 'image',
  audio: 'audio',
  voice: 'audio',
  video: 'video',
  file: 'file',
  document: 'file',
  location: 'location',
}

/**
 * The rows for a fakechat payload, normalized as for every channel: timestamps in UTC, phones in E.164, a sanitized
 * body, our content types (an unknown one is `structured`), media references, and the complete payload in `raw`.
 * @throws UnreadablePayload naming the field.
 */
export function receive(request: WebhookRequest): Received {
  const payload = parseJson(request.body)
  const raw = storable(payload)
  const kinds = Object.keys(payloads) as (keyof typeof payloads)[]
  const has = (kind: string) => typeof payload === 'object' && payload !== null && kind in payload
  // One without a kind is read as a message, so that the error says what is missing.
  const [kind = 'message', second] = kinds.filter(has)
  if (second) {
    throw new UnreadablePayload(
      second,
      `${second} cannot stand beside ${kind}`,
      'Send one kind in one payload.',
    )
  }
  return kind === 'message'
    ? { messages: [readMessage(payload, raw)], updates: [] }
    : { messages: [], updates: readUpdates(kind, payload) }
}

function readMessage(payload: unknown, raw: unknown): InboundMessage {
  const { user, to, group, message } = readPayload(payloads.message, payload)
  const given = message.type?.toLowerCase() ?? 'text'
  const contentType = contentTypes[given] ?? 'structured'
  const text = typeof message.content === 'string' ? sanitizeText(message.content) : null
  if (contentType === 'text' && text === null) {
    const missing = message.content === undefined || message.content === null
    throw new UnreadablePayload(
      'message.content',
      `message.content ${missing ? 'is missing' : 'must be a string'}`,
    )
  }
  // A media without a reference of its own carries it in the place of the caption.
  const reference = message.media_url ?? message.media?.url ?? null
  const bare = reference === null && contentType in mediaTypes && z.url().safeParse(text).success
  const mediaUrl = bare ? text : reference
  const metadata = {
    ...(contentType === 'structured' ? { type: given } : {}),
    ...(text === null && (message.content ?? null) !== null
      ? { content: storable(message.content) }
      : {}),
  }
  return {
    direction: message.from_me ? 'outbound' : 'inbound',
    address: user.id,
    ...(to ? { accountAddress: to } : {}),
    ...(group ? { conversationExternalId: group.id } : {}),
    externalMessageId: message.id,
    ...(message.from_me && message.reference ? { reference: message.reference } : {}),
    contentType,
    body: bare ? null : text,
    ...(mediaUrl || message.media ? { media: [mediaReference(mediaUrl, message.media)] } : {}),
    ...(group?.name ? { groupName: group.name } : {}),
    ...(message.reply_to ? { replyTo: [message.reply_to] } : {}),
    sentAt: message.timestamp,
    ...(user.name && !message.from_me ? { senderName: user.name } : {}),
    metadata,
    raw,
  }
}

function mediaReference(
  url: string | null,
  media: z.output<typeof mediaSchema> | null | undefined,
): MediaReference {
  return {
    ...(url ? { url } : {}),
    ...(media?.content_type ? { content_type: media.content_type } : {}),
    ...(media?.filename ? { filename: media.filename } : {}),
  }
}

const mediaTypes = { image: true, audio: true, video: true, file: true }

function readUpdates(
  kind: Exclude<keyof typeof payloads, 'message'>,
  payload: unknown,
): InboundUpdate[] {
  switch (kind) {
    case 'receipt': {
      const read = readPayload(payloads.receipt, payload)
      return [{ ...place(read, read.receipt), update: receiptUpdate(read.receipt) }]
    }
    case 'receipts': {
      const read = readPayload(payloads.receipts, payload)
      return read.receipts.map((one) => ({ ...place(read, one), update: receiptUpdate(one) }))
    }
    case 'edit': {
      const read = readPayload(payloads.edit, payload)
      const at = read.edit.timestamp.toISOString()
      return [{ ...place(read, read.edit), update: { kind, body: read.edit.content, at } }]
    }
    case 'revoke': {
      const read = readPayload(payloads.revoke, payload)
      return [
        { ...place(read, read.revoke), update: { kind, at: read.revoke.timestamp.toISOString() } },
      ]
    }
    case 'reaction': {
      const read = readPayload(payloads.reaction, payload)
      const at = read.reaction.timestamp.toISOString()
      // Taking a reaction back is an empty one (CHANNELS.md, Baileys).
      const emoji = read.reaction.emoji || null
      return [{ ...place(read, read.reaction), update: { kind, emoji, sender: read.user.id, at } }]
    }
  }
}

function receiptUpdate(receipt: z.output<typeof receiptSchema>): InboundUpdate['update'] {
  return {
    kind: 'receipt',
    status: receipt.status,
    at: receipt.timestamp.toISOString(),
    ...(receipt.recipient ? { recipient: receipt.recipient } : {}),
    ...(receipt.error
      ? { error_code: receipt.error.code, error_message: receipt.error.message ?? '' }
      : {}),
  }
}

type Placed = {
  to?: string | null | undefined
  group?: { id: string } | null | undefined
}

/** Which message an update is about. */
function place(
  payload: Placed,
  about: { message_id: string; reference?: string | null | undefined },
): Omit<InboundUpdate, 'update'> {
  return {
    externalMessageId: about.message_id,
    ...(about.reference ? { reference: about.reference } : {}),
    ...(payload.to ? { accountAddress: payload.to } : {}),
    ...(payload.group ? { conversationExternalId: payload.group.id } : {}),
  }
}
