/** A message as Meta's send request has it. */

import { z } from 'zod'
import type { OutboundFile, OutboundMessage, SendOutcome } from '../channel.ts'
import { cannotSend, locationOf, type MediaToSend, mediaOf } from '../shared/content.ts'
import { isBusinessScopedId } from './address.ts'

type Body = Record<string, unknown>
/** `upload`: a file that has to be brought to Meta first; its id belongs into the body's field `as`. */
type Built = { body: Body; upload?: { file: OutboundFile; as: string } } | SendOutcome

/** `components` as Meta has them: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates */
const template = z.looseObject({
  name: z.string().min(1),
  language: z.union([
    z
      .string()
      .min(1)
      .transform((code) => ({ code })),
    z.looseObject({ code: z.string().min(1) }),
  ]),
  components: z.array(z.unknown()).optional(),
})

const reaction = z.object({
  message_id: z.string().min(1),
  emoji: z
    .string()
    .nullish()
    .transform((emoji) => emoji ?? ''),
})

const interactive = z.looseObject({ type: z.string() })
const contacts = z.array(z.looseObject({})).min(1)

/**
 * The request's JSON, or why there is none. What it says is, in this order: `metadata.template`, `.interactive` (as
 * Meta has it), `.reaction` ({message_id, emoji}; an empty emoji takes it back), `.contacts` (as Meta has them), a file,
 * `metadata.location`, and the body as text (`metadata.preview_url` true shows a preview of its first link).
 */
export function buildBody(message: OutboundMessage): Built {
  const recipient = recipientOf(message)
  if ('outcome' in recipient) return recipient
  const said = contentOf(message)
  if ('outcome' in said) return said
  // A reaction names its message itself.
  const replies = message.replyTo && !('reaction' in said.body)
  return {
    ...said,
    body: {
      messaging_product: 'whatsapp',
      ...recipient.body,
      ...said.body,
      ...(replies ? { context: { message_id: message.replyTo?.externalMessageId } } : {}),
      biz_opaque_callback_data: message.attemptId,
    },
  }
}

/** A BSUID in `to` would be taken for a number, and the message lost: it has a field of its own. */
function recipientOf({ address, conversationExternalId }: OutboundMessage): Built {
  if (conversationExternalId !== null) {
    return { body: { recipient_type: 'group', to: conversationExternalId } }
  }
  if (isBusinessScopedId(address)) {
    return { body: { recipient_type: 'individual', recipient: address } }
  }
  const [, digits] = /^\+?(\d{5,15})$/.exec(address) ?? []
  return digits
    ? { body: { recipient_type: 'individual', to: digits } }
    : cannotSend('recipient_invalid', `${address} is no phone number and no user id of WhatsApp.`)
}

function contentOf(message: OutboundMessage): Built {
  const { metadata, contentType, body } = message
  if (metadata['template'] !== undefined) {
    return typed('template', template, metadata['template'])
  }
  if (metadata['interactive'] !== undefined) {
    return typed('interactive', interactive, metadata['interactive'])
  }
  if (metadata['reaction'] !== undefined) {
    return typed('reaction', reaction, metadata['reaction'])
  }
  if (metadata['contacts'] !== undefined) {
    return typed('contacts', contacts, metadata['contacts'])
  }
  const media = mediaOf(message)
  const [file] = media
  if (file) {
    return media.length === 1
      ? mediaBody(message, file)
      : cannotSend('content_unsupported', 'WhatsApp takes one file a message.')
  }
  if (contentType === 'location') return locationBody(message)
  if (contentType !== 'text' && contentType !== 'structured') {
    return cannotSend('content_unsupported', `The ${contentType} has neither an id nor a URL.`)
  }
  if (!body) return cannotSend('content_unsupported', 'The message is empty.')
  const preview = metadata['preview_url'] === true
  return { body: { type: 'text', text: { preview_url: preview, body } } }
}

function typed(type: string, schema: z.ZodType, given: unknown): Built {
  const read = schema.safeParse(given)
  if (read.success) return { body: { type, [type]: read.data } }
  const [issue] = read.error.issues
  const field = ['metadata', type, ...(issue?.path ?? [])].map(String).join('.')
  return cannotSend(`${type}_invalid`, `${field}: ${issue?.message}`)
}

const captioned = new Set(['image', 'video', 'document'])

function mediaBody({ contentType, body, metadata }: OutboundMessage, file: MediaToSend): Built {
  const type = metadata['type'] === 'sticker' ? 'sticker' : mediaType(contentType, file)
  const upload = file.file && !file.url ? { file: file.file, as: type } : null
  if (!upload && !file.id && !/^https?:\/\//i.test(file.url ?? '')) {
    return cannotSend('media_invalid', 'The file has neither an id of WhatsApp nor an http URL.')
  }
  if (body && !captioned.has(type)) {
    return cannotSend('content_unsupported', `WhatsApp has no caption for ${type}.`)
  }
  return {
    body: {
      type,
      [type]: {
        ...(upload ? {} : file.id ? { id: file.id } : { link: file.url }),
        ...(body ? { caption: body } : {}),
        ...(type === 'document' && file.filename ? { filename: file.filename } : {}),
      },
    },
    ...(upload ? { upload } : {}),
  }
}

function mediaType(contentType: string, file: MediaToSend): string {
  if (contentType === 'image' || contentType === 'audio' || contentType === 'video') {
    return contentType
  }
  if (contentType === 'file') return 'document'
  const [, top] = /^(image|audio|video)\//.exec(file.content_type ?? '') ?? []
  return top ?? 'document'
}

function locationBody(message: OutboundMessage): Built {
  const location = locationOf(message)
  if (!location) return cannotSend('location_invalid', 'metadata.location has no coordinates.')
  if (message.body) {
    return cannotSend('content_unsupported', 'WhatsApp has no caption for a location.')
  }
  const { latitude, longitude, name, address } = location
  return {
    body: {
      type: 'location',
      location: {
        latitude,
        longitude,
        ...(name ? { name } : {}),
        ...(address ? { address } : {}),
      },
    },
  }
}
