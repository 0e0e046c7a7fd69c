/** A message of ours as what Baileys' sendMessage takes. */

import { Readable } from 'node:stream'
import { locationOf, type MediaToSend, mediaOf } from '../../shared/content.ts'
import type { OutboundMessage } from '../../channel.ts'
import { readFile } from '../../shared/multipart.ts'
import { readJid } from '../address.ts'
import { attemptIdOf } from '../message-id.ts'
import type { BaileysContent, SendOptions } from '../bridge/socket.ts'
import { asList, asObject, compact } from '../values.ts'

/** The group's JID, or the person's: the digits of a phone, or a LID. Null where it can be neither. */
export function jidOf(
  message: Pick<OutboundMessage, 'address' | 'conversationExternalId'>,
): string | null {
  const group = readJid(message.conversationExternalId)
  if (group?.kind === 'group') return group.address
  const person = readJid(message.address)
  if (person?.kind === 'phone') return `${person.address.slice(1)}@s.whatsapp.net`
  return person?.kind === 'lid' ? person.address : null
}

/**
 * What to send, in order: several where a message has several files, or a file that takes no caption and a text. A text
 * says why it cannot be sent. Beside what content.ts names, `metadata` may have
 * - `reaction`: {emoji (null takes it back), from_me?}, on the message that `replyTo` names;
 * - `poll`: {name, options, selectable?}; `contacts`: [{name?, vcard}];
 * - `voice`: true, of an audio (ogg with Opus) that is a voice note.
 */
export function contentsOf(message: OutboundMessage): BaileysContent[] | string {
  const { metadata, body } = message
  if (asObject(metadata['reaction'])) return reactionOf(message)
  if (message.contentType === 'location') {
    const place = locationOf(message)
    if (!place) return 'metadata.location has no coordinates.'
    const { latitude, longitude, name, address } = place
    const where = { degreesLatitude: latitude, degreesLongitude: longitude, name, address }
    return withText([{ location: compact(where) }], body)
  }
  const media = mediaOf(message)
  if (media.length > 0) return filesOf(message, media)
  const poll = asObject(metadata['poll'])
  if (poll) {
    const { name, options, selectable } = poll
    const values = asList(options).filter((option) => typeof option === 'string')
    if (typeof name !== 'string' || values.length < 2)
      return 'metadata.poll needs a name and options.'
    const selectableCount = typeof selectable === 'number' ? selectable : 1
    return [{ poll: { name, values, selectableCount } }]
  }
  const contacts = asList(metadata['contacts']).flatMap((one) => {
    const { name, vcard } = asObject(one) ?? {}
    return typeof vcard === 'string' ? [{ displayName: name, vcard }] : []
  })
  if (contacts.length > 0) return withText([{ contacts: { contacts } }], body)
  if (metadata['template'] !== undefined) return 'A linked device has no templates.'
  return body ? [{ text: body }] : 'There is nothing to send.'
}

function withText(contents: BaileysContent[], body: string | null): BaileysContent[] {
  return body ? [...contents, { text: body }] : contents
}

function reactionOf({ metadata, replyTo, ...message }: OutboundMessage): BaileysContent[] | string {
  const { emoji, from_me: fromMe } = asObject(metadata['reaction']) ?? {}
  if (!replyTo) return 'A reaction needs the message that it is on.'
  const quoted = keyOf({ metadata, replyTo, ...message }, replyTo.externalMessageId)
  const key = typeof fromMe === 'boolean' ? { ...quoted, fromMe } : quoted
  return [{ react: { text: typeof emoji === 'string' ? emoji : '', key } }]
}

const byType: Record<string, 'image' | 'video' | 'audio'> = {
  image: 'image',
  video: 'video',
  audio: 'audio',
}

/**
 * The text is the first file's caption; audio has none. Files of ours are uploaded as they are read. Baileys would read
 * a path as well as a URL: only the web is.
 */
function filesOf(message: OutboundMessage, media: MediaToSend[]): BaileysContent[] | string {
  const contents: BaileysContent[] = []
  let caption = message.body
  for (const file of media) {
    const source = sourceOf(file)
    if (!source) return 'A file needs an http or https URL.'
    const type = file.content_type ?? undefined
    const kind = byType[type?.split('/')[0] ?? message.contentType] ?? 'document'
    if (kind === 'audio') {
      const voice = message.metadata['voice'] === true
      const mimetype = type ?? (voice ? 'audio/ogg; codecs=opus' : 'audio/mpeg')
      contents.push({ audio: source, mimetype, ...(voice ? { ptt: true } : {}) })
      continue
    }
    const text = caption ? { caption } : {}
    caption = null
    contents.push(
      kind === 'document'
        ? {
            document: source,
            mimetype: type ?? 'application/octet-stream',
            fileName: file.filename ?? nameIn(file.url ?? ''),
            ...text,
          }
        : { [kind]: source, ...(type ? { mimetype: type } : {}), ...text },
    )
  }
  return withText(contents, caption)
}

function sourceOf({ file, url }: MediaToSend): { stream: Readable } | { url: string } | null {
  if (file) return { stream: Readable.from(readFile(file)) }
  return url && /^https?:\/\//i.test(url) ? { url } : null
}

function nameIn(url: string): string {
  const name = URL.parse(url)?.pathname.split('/').at(-1)
  try {
    return decodeURIComponent(name ?? '') || 'file'
  } catch {
    return name || 'file'
  }
}

/**
 * The message that this one answers. WhatsApp shows what the quote itself brings, so the text should be in
 * `metadata.quoted` {body?, participant?, from_me?}; without, the quote is empty and leads to the original all the same.
 */
export function quotedOf(message: OutboundMessage): Required<Pick<SendOptions, 'quoted'>> | null {
  if (!message.replyTo) return null
  const { body } = asObject(message.metadata['quoted']) ?? {}
  const key = keyOf(message, message.replyTo.externalMessageId)
  return { quoted: { key, message: { conversation: typeof body === 'string' ? body : '' } } }
}

/** In a group the author belongs to the key: `metadata.quoted.participant`, else the person the message is to. */
function keyOf(message: OutboundMessage, id: string): Record<string, unknown> {
  const { participant, from_me: given } = asObject(message.metadata['quoted']) ?? {}
  const fromMe = typeof given === 'boolean' ? given : attemptIdOf(id) !== null
  const remoteJid = jidOf(message)
  const author = typeof participant === 'string' ? participant : message.address
  const inGroup = remoteJid?.endsWith('@g.us') === true && !fromMe
  const jid = inGroup ? jidOf({ address: author, conversationExternalId: null }) : null
  return { remoteJid, id, fromMe, ...(jid ? { participant: jid } : {}) }
}
