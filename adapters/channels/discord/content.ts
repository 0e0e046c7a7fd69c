import type { ContentType, MediaReference } from '../channel.ts'
import { storable } from '../shared/payload.ts'
import type { Attachment, Message, MessageContent } from './schema.ts'

export type Content = {
  contentType: ContentType
  body: string | null
  media?: MediaReference[]
  metadata: Record<string, unknown>
}

/**
 * Types of message that a person or an app wrote: 0 a plain one, 19 a reply, 20 and 23 an app's reply to a command. All others
 * (joins, pins, boosts, calls …) are Discord's.
 * https://discord.com/developers/docs/resources/message#message-object-message-types
 */
const said = new Set([0, 19, 20, 23])

export function isSystem({ type }: Message): boolean {
  return !said.has(type ?? 0)
}

/** A forwarded message is empty, and what it forwards is its snapshot. */
export function readContent(message: Message): Content {
  const forwarded = message.message_reference?.type === 1
  const snapshot = forwarded ? message.message_snapshots?.[0]?.message : undefined
  const read = readParts(snapshot ?? message)
  const origin = forwarded ? { forwarded: storable(message.message_reference) } : {}
  const type = message.type ?? 0
  return {
    ...read,
    metadata: { ...read.metadata, ...origin, ...(type === 0 ? {} : { message_type: type }) },
  }
}

function readParts(parts: MessageContent): Content {
  const body = parts.content || null
  const [first] = parts.attachments ?? []
  if (first) {
    const media = (parts.attachments ?? []).map(fromAttachment)
    return { contentType: typeOf(first), body, media, metadata: {} }
  }
  const stickers = parts.sticker_items ?? []
  if (stickers.length > 0) {
    const names = stickers.flatMap(({ name }) => (name ? [name] : []))
    const media = stickers.map(({ id, format_type }) => fromSticker(id, format_type))
    return { contentType: 'image', body, media, metadata: { type: 'sticker', stickers: names } }
  }
  if (parts.poll) {
    const question = parts.poll.question?.text ?? null
    const metadata = { type: 'poll', poll: storable(parts.poll) }
    return { contentType: 'structured', body: body ?? question, metadata }
  }
  if (body) return { contentType: 'text', body, metadata: {} }
  for (const type of ['embeds', 'components'] as const) {
    const given = parts[type]
    if (given && given.length > 0) {
      return { contentType: 'structured', body, metadata: { type, [type]: storable(given) } }
    }
  }
  // Without the intent MESSAGE_CONTENT, messages of guilds that do not mention the bot come like this.
  return { contentType: 'structured', body, metadata: { type: 'empty' } }
}

function typeOf({ content_type: type }: Attachment): ContentType {
  const top = type?.split('/')[0]
  return top === 'image' || top === 'audio' || top === 'video' ? top : 'file'
}

/** The URL is signed, and ends after a day. https://discord.com/developers/docs/reference#signed-attachment-cdn-urls */
function fromAttachment(attachment: Attachment): MediaReference {
  const { id, url, content_type: type, filename, size } = attachment
  const details = Object.fromEntries(
    (['width', 'height', 'duration_secs'] as const).flatMap((name) =>
      typeof attachment[name] === 'number' ? [[name, attachment[name]]] : [],
    ),
  )
  return {
    id,
    url,
    ...(type ? { content_type: type } : {}),
    ...(filename ? { filename } : {}),
    ...(typeof size === 'number' ? { size } : {}),
    ...(Object.keys(details).length > 0 ? { details } : {}),
  }
}

/** Formats: 1 PNG, 2 APNG, 3 Lottie, 4 GIF. https://discord.com/developers/docs/reference#image-formatting-cdn-endpoints */
function fromSticker(id: string, format: number | null | undefined): MediaReference {
  if (format === 3) {
    return {
      id,
      url: `https://cdn.discordapp.com/stickers/${id}.json`,
      content_type: 'application/json',
    }
  }
  return format === 4
    ? { id, url: `https://media.discordapp.net/stickers/${id}.gif`, content_type: 'image/gif' }
    : { id, url: `https://cdn.discordapp.com/stickers/${id}.png`, content_type: 'image/png' }
}
