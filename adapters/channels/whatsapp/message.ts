/** The result of one message of a webhook: a row, an update of another message, or a change of a person's address. */

import {
  type ContentType,
  type InboundMessage,
  type LinkedAddresses,
  type MediaReference,
  type Received,
  UnreadablePayload,
} from '../channel.ts'
import { location } from '../shared/content.ts'
import { readPayload, storable } from '../shared/payload.ts'
import { linkAll, type Person } from './people.ts'
import { type Media, type Message, message as messageSchema } from './schema.ts'
import { readUpdate } from './updates.ts'

/** Where a message was found. */
export type Place = {
  /** The number of ours, where the value says it. */
  accountAddress?: string
  /** Which way it went, and who is on the other side (in a group: who wrote it). */
  side: (message: Message) => { outbound: boolean; person: Person }
  /** It comes with a business app's past. */
  history?: boolean
  /** Of the whole value: they stand in for a message's own. */
  errors?: unknown
}

export type Part = Pick<Received, 'messages' | 'updates'> & { identities: LinkedAddresses[] }

/** @throws UnreadablePayload naming the field. */
export function readMessage(item: unknown, place: Place): Part {
  const message = readPayload(messageSchema, item)
  const { outbound, person } = place.side(message)
  // Their next message may name them by another of these alone.
  const identities = linkAll([person.address, ...person.others], person.name)
  const { accountAddress } = place
  const about = {
    ...(accountAddress ? { accountAddress } : {}),
    ...(message.group_id ? { conversationExternalId: message.group_id } : {}),
  }
  if (message.type === 'reaction' || message.type === 'edit' || message.type === 'revoke') {
    const sender = outbound ? (message.from ?? accountAddress ?? null) : person.address
    const update = readUpdate(message.type, item, message, sender)
    return { messages: [], updates: [{ ...about, ...update }], identities }
  }
  const system = message.type === 'system'
  const address = system ? formerAddress(message, person) : person.address
  const alternateAddress = system ? undefined : person.alternateAddress
  if (!address && !message.group_id) {
    const field = outbound ? 'to' : 'from'
    throw new UnreadablePayload(field, `${field} is missing, and ${field}_user_id too`)
  }
  const read = readContent(item, message, person, place)
  return {
    messages: [
      {
        ...about,
        direction: system ? 'system' : outbound ? 'outbound' : 'inbound',
        address,
        ...(alternateAddress ? { alternateAddress } : {}),
        externalMessageId: message.id,
        sentAt: message.timestamp,
        ...(person.name && !outbound ? { senderName: person.name } : {}),
        ...(message.context?.id ? { replyTo: [message.context.id] } : {}),
        ...(message.type === 'media_placeholder' ? { stub: true } : {}),
        ...read,
      },
    ],
    updates: [],
    identities: system ? changedAddresses(message) : identities,
  }
}

/** Before the change that it tells of: the conversation is under that address. */
function formerAddress({ from, from_user_id, system }: Message, person: Person): string | null {
  const before = [from, from_user_id, system?.customer, system?.previous_user_id].find(Boolean)
  const after = [system?.wa_id, system?.new_wa_id, system?.user_id].find(Boolean)
  return before ?? person.address ?? after ?? null
}

/**
 * A number or a BSUID that somebody left, and what came in its place. A changed identity (`customer_identity_changed`)
 * is another phone with the same number, and links nothing.
 * Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/system
 */
function changedAddresses({ from, from_user_id, system }: Message): LinkedAddresses[] {
  return linkAll([
    from,
    from_user_id,
    system?.customer,
    system?.previous_user_id,
    system?.wa_id,
    system?.new_wa_id,
    system?.user_id,
  ])
}

type Content = Pick<InboundMessage, 'contentType' | 'body' | 'media' | 'metadata' | 'raw'>

function readContent(item: unknown, message: Message, person: Person, place: Place): Content {
  const raw = storable(item) as Record<string, unknown>
  const { contentType, body = null, media, metadata } = contentOf(message, raw)
  const type = message.type ?? 'unknown'
  const reference = media && readMedia(media)
  const errors = raw['errors'] ?? (contentType === 'structured' ? place.errors : undefined)
  const { context } = message
  const referredProduct = record(raw['context'])?.['referred_product']
  return {
    contentType,
    body,
    ...(reference ? { media: [reference] } : {}),
    metadata: {
      ...(contentType === 'structured' || type === 'sticker' || type === 'system' ? { type } : {}),
      ...metadata,
      ...(media?.voice ? { voice: true } : {}),
      ...(media?.animated ? { animated: true } : {}),
      ...(context?.forwarded ? { forwarded: true } : {}),
      ...(context?.frequently_forwarded ? { frequently_forwarded: true } : {}),
      ...(referredProduct ? { referred_product: referredProduct } : {}),
      ...(raw['referral'] ? { referral: raw['referral'] } : {}),
      ...(person.username ? { username: person.username } : {}),
      ...(errors ? { errors } : {}),
      ...(place.history ? { history: raw['history_context'] ?? {} } : {}),
    },
    raw,
  }
}

type Kind = {
  contentType: ContentType
  body?: string | undefined
  media?: Media
  metadata?: Record<string, unknown>
}

/** Content that is not of its type's shape is `structured`: the message is kept, and its raw says the rest. */
function contentOf(message: Message, raw: Record<string, unknown>): Kind {
  const { type = 'unknown' } = message
  switch (type) {
    case 'text':
      if (message.text?.body === undefined) break
      return { contentType: 'text', body: message.text.body }
    case 'image':
    case 'sticker':
      return ofMedia('image', message[type])
    case 'audio':
      return ofMedia('audio', message.audio)
    case 'video':
      return ofMedia('video', message.video)
    case 'document':
      return ofMedia('file', message.document)
    case 'location': {
      const place = location.safeParse(raw['location'])
      if (!place.success) break
      return { contentType: 'location', metadata: { location: place.data } }
    }
    case 'interactive': {
      const { button_reply, list_reply, nfm_reply } = message.interactive ?? {}
      const body = button_reply?.title ?? list_reply?.title ?? nfm_reply?.body
      return { contentType: 'structured', body, metadata: kept(raw, 'interactive') }
    }
    case 'button':
      return {
        contentType: 'structured',
        body: message.button?.text,
        metadata: kept(raw, 'button'),
      }
    case 'order': {
      const body = message.order?.text || undefined
      return { contentType: 'structured', body, metadata: kept(raw, 'order') }
    }
    case 'system':
      return {
        contentType: message.system?.body ? 'text' : 'structured',
        body: message.system?.body,
        metadata: kept(raw, 'system'),
      }
    case 'contacts':
    case 'unsupported':
      return { contentType: 'structured', metadata: kept(raw, type) }
    default:
      break
  }
  return { contentType: 'structured' }
}

function ofMedia(contentType: ContentType, media: Media | undefined): Kind {
  return media ? { contentType, body: media.caption, media } : { contentType: 'structured' }
}

function kept(raw: Record<string, unknown>, field: string): Record<string, unknown> {
  return raw[field] === undefined ? {} : { [field]: raw[field] }
}

function record(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
}

/** The id is fetched with the access token, for seven days; the url, where there is one, for five minutes. */
function readMedia({ id, url, mime_type, filename, sha256 }: Media): MediaReference | null {
  if (!id && !url) return null
  const hex = sha256 && toHex(sha256)
  return {
    ...(id ? { id } : {}),
    ...(url ? { url } : {}),
    ...(mime_type ? { content_type: mime_type } : {}),
    ...(filename ? { filename } : {}),
    ...(hex ? { sha256: hex } : {}),
  }
}

/** Meta writes the hash in base64 as a rule, in hex at times; null where it is neither. */
function toHex(sha256: string): string | null {
  if (/^[0-9a-f]{64}$/i.test(sha256)) return sha256.toLowerCase()
  const bytes = Buffer.from(sha256, 'base64')
  return bytes.length === 32 ? bytes.toString('hex') : null
}
