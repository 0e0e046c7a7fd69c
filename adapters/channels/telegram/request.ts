import { z } from 'zod'
import type { ContentType, OutboundFile, OutboundMessage, SendOutcome } from '../channel.ts'
import { cannotSend, locationOf, type MediaToSend, mediaOf } from '../shared/content.ts'
import { parseExternalId } from './identity.ts'

/** Characters that Telegram takes, counted as UTF-16 code units: https://core.telegram.org/bots/api#sendmessage. */
const maxText = 4096
const maxCaption = 1024
/** Files of one album: https://core.telegram.org/bots/api#sendmediagroup. */
const maxFiles = 10

/** A method of the Bot API and its parameters, without `chat_id`. */
export type MethodCall = {
  method: string
  parameters: Record<string, unknown>
  /** To upload, the nth under `attachedName(n)`, which is what the parameters call it. */
  files: OutboundFile[]
}

export function attachedName(n: number): string {
  return `file${n}`
}

/** What of a message's metadata goes along as it is. */
const options = z.object({
  /** MarkdownV2 or HTML. Without it, a text is sent to the letter. */
  parse_mode: z.string().optional().catch(undefined),
  disable_notification: z.boolean().optional().catch(undefined),
  protect_content: z.boolean().optional().catch(undefined),
  /** The topic of a forum. */
  message_thread_id: z.coerce.number().int().positive().optional().catch(undefined),
  /** Through which business account's connection it is sent. */
  business_connection_id: z.string().optional().catch(undefined),
  /** Buttons. */
  reply_markup: z.looseObject({}).optional().catch(undefined),
  link_preview_options: z.looseObject({}).optional().catch(undefined),
})

/**
 * The call that sends a message: one message is one call, so what is too long for one is refused, not split.
 * - text: sendMessage. A file: sendPhoto, sendAudio, sendVoice, sendVideo, sendAnimation or sendDocument, by its URL or
 *   `file_id`, or uploaded where it is ours and Telegram would not fetch it, the body its caption. Two to ten:
 *   sendMediaGroup, the body the first one's caption.
 * - location: sendLocation, or sendVenue where it has a name and an address.
 */
export function toCall(message: OutboundMessage, chat: string): MethodCall | SendOutcome {
  const { parse_mode, reply_markup, link_preview_options, ...common } = options.parse(
    message.metadata,
  )
  const { body, contentType } = message
  const shared = { ...common, ...reply(message, chat) }
  const markup = reply_markup ? { reply_markup } : {}
  const mode = parse_mode ? { parse_mode } : {}

  if (contentType === 'location') {
    const place = toPlace(message)
    return 'outcome' in place
      ? place
      : { ...place, parameters: { ...place.parameters, ...shared, ...markup } }
  }
  if (contentType === 'structured') {
    return cannotSend('content_unsupported', 'Telegram is sent text, files and locations.')
  }
  const media = mediaOf(message)
  if (contentType !== 'text' && media.length === 0) {
    return cannotSend('media_missing', `A message of type ${contentType} needs a file to send.`)
  }
  const most = media.length > 0 ? maxCaption : maxText
  // Of a formatted text only what is left without its markup counts, and that is Telegram's to tell.
  if (body && !parse_mode && body.length > most) {
    const what = media.length > 0 ? 'a caption' : 'a text'
    return cannotSend(
      'body_too_long',
      `The body has ${body.length} characters; Telegram takes ${most} in ${what}. Send it as several messages.`,
    )
  }
  if (media.length === 0) {
    if (!body) return cannotSend('body_empty', 'A text message needs a body.')
    const preview = link_preview_options ? { link_preview_options } : {}
    const parameters = { text: body, ...mode, ...preview, ...shared, ...markup }
    return { method: 'sendMessage', parameters, files: [] }
  }
  const caption = body ? { caption: body, ...mode } : {}
  return media.length === 1
    ? toFile(media, contentType, { ...caption, ...shared, ...markup })
    : toAlbum(media, contentType, caption, shared)
}

function toPlace(message: OutboundMessage): MethodCall | SendOutcome {
  const place = locationOf(message)
  if (!place) return cannotSend('location_missing', 'metadata.location is no location.')
  if (message.body) {
    return cannotSend(
      'content_unsupported',
      'Telegram sends a location without a text; send the text as a message of its own.',
    )
  }
  const { latitude, longitude, name, address } = place
  const point = { latitude, longitude }
  return name && address
    ? { method: 'sendVenue', parameters: { ...point, title: name, address }, files: [] }
    : { method: 'sendLocation', parameters: point, files: [] }
}

type Kind = 'photo' | 'animation' | 'video' | 'audio' | 'voice' | 'document'

const methods: Record<Kind, string> = {
  photo: 'sendPhoto',
  animation: 'sendAnimation',
  video: 'sendVideo',
  audio: 'sendAudio',
  voice: 'sendVoice',
  document: 'sendDocument',
}

/** By the file's own type, else the message's. As audio Telegram takes MP3 and M4A alone, as voice OGG. */
function kindOf({ content_type: type }: MediaToSend, contentType: ContentType): Kind {
  if (contentType === 'file') return 'document'
  if (type === 'image/gif') return 'animation'
  if (type?.startsWith('audio/ogg')) return 'voice'
  const top = type?.split('/')[0] ?? contentType
  if (top === 'image') return 'photo'
  return top === 'video' || top === 'audio' ? top : 'document'
}

const MB = 1_000_000

/**
 * Whether Telegram fetches such a file of ours by itself: photos of 5 MB, voice messages of 1 MB, others of 20 MB at
 * most; of documents PDF and ZIP alone. What is uploaded may have 10 MB as a photo, and 50 MB else.
 * https://core.telegram.org/bots/api#sending-files
 */
function isFetched(kind: Kind, { url, size = 0, content_type: type }: MediaToSend): boolean {
  if (!url) return false
  if (kind === 'document' && !/^application\/(pdf|zip)$/.test(type ?? '')) return false
  return size <= (kind === 'photo' ? 5 : kind === 'voice' ? 1 : 20) * MB
}

/** How the parameters name a file; undefined where they cannot. Adds to `files` what has to be uploaded. */
function sourceOf(kind: Kind, media: MediaToSend, files: OutboundFile[]): string | undefined {
  if (!media.file || isFetched(kind, media)) return media.url ?? media.id
  files.push(media.file)
  return `attach://${attachedName(files.length - 1)}`
}

function toFile(
  [file]: MediaToSend[],
  contentType: ContentType,
  rest: Record<string, unknown>,
): MethodCall | SendOutcome {
  if (!file) return unreachable()
  const kind = kindOf(file, contentType)
  const files: OutboundFile[] = []
  const source = sourceOf(kind, file, files)
  return source
    ? { method: methods[kind], parameters: { [kind]: source, ...rest }, files }
    : unreachable()
}

/** Photos and videos go together; audio and documents each among their own. Animations and voice are in no album. */
function toAlbum(
  media: MediaToSend[],
  contentType: ContentType,
  caption: Record<string, unknown>,
  rest: Record<string, unknown>,
): MethodCall | SendOutcome {
  if (media.length > maxFiles) {
    return cannotSend(
      'content_unsupported',
      `Telegram takes ${maxFiles} files in one message; this one has ${media.length}.`,
    )
  }
  const files: OutboundFile[] = []
  const album = media.map((file, i) => {
    const type = kindOf(file, contentType)
    return { type, media: sourceOf(type, file, files), ...(i === 0 ? caption : {}) }
  })
  if (album.some(({ media }) => !media)) return unreachable()
  const sorts = new Set(album.map(({ type }) => (type === 'photo' ? 'video' : type)))
  if (sorts.size > 1 || sorts.has('animation') || sorts.has('voice')) {
    return cannotSend(
      'content_unsupported',
      'Telegram puts photos and videos into one message, or audio files, or documents, but does not mix them.',
    )
  }
  return { method: 'sendMediaGroup', parameters: { media: album, ...rest }, files }
}

function unreachable(): SendOutcome {
  return cannotSend(
    'media_missing',
    'A file to send needs a url, or the file_id that Telegram gave it.',
  )
}

/** An answer to a message of another chat is sent as none: it cannot be one, after a group has moved for instance. */
function reply({ replyTo }: OutboundMessage, chat: string): Record<string, unknown> {
  const parent = replyTo ? parseExternalId(replyTo.externalMessageId) : null
  if (parent?.chat !== chat) return {}
  // Somebody may have deleted it; the answer is worth sending all the same.
  return { reply_parameters: { message_id: parent.message, allow_sending_without_reply: true } }
}
