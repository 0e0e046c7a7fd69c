/** A message's content as ours: type, body, files, and what else there is to know. */

import { location as locationSchema } from '../../shared/content.ts'
import type { ContentType, InboundMessage, MediaReference } from '../../channel.ts'
import { sanitizeText, storable } from '../../shared/payload.ts'
import { readJid } from '../address.ts'
import { interactive } from './interactive.ts'
import type { Content } from './unwrap.ts'
import {
  asList,
  asObject,
  compact,
  type Properties,
  toBase64,
  toBytes,
  toNumber,
} from '../values.ts'

export type Said = Pick<InboundMessage, 'contentType' | 'body' | 'media' | 'replyTo'> & {
  metadata: Properties
}

/** The kinds with a file, our type of them, and the word by which Baileys derives the file's key. */
const files: Record<string, { type: ContentType; key: string }> = {
  imageMessage: { type: 'image', key: 'image' },
  stickerMessage: { type: 'image', key: 'sticker' },
  videoMessage: { type: 'video', key: 'video' },
  ptvMessage: { type: 'video', key: 'ptv' },
  audioMessage: { type: 'audio', key: 'audio' },
  documentMessage: { type: 'file', key: 'document' },
}

/** Anything that is not known becomes `structured`, with its kind in `metadata.type`. */
export function read(content: Content): Said {
  const said = readKind(content)
  const part = asObject(content.part) ?? {}
  const context = asObject(part['contextInfo'])
  const quoted = string(context?.['stanzaId'])
  const mentions = asList(context?.['mentionedJid'])
    .map((jid) => (typeof jid === 'string' ? readJid(sanitizeText(jid))?.address : undefined))
    .filter((address) => address !== undefined)
  return {
    ...said,
    ...(quoted ? { replyTo: [quoted] } : {}),
    metadata: {
      ...said.metadata,
      ...(said.contentType === 'structured' ? { type: content.kind } : {}),
      ...(mentions.length > 0 ? { mentions } : {}),
      ...(context?.['isForwarded'] === true ? { forwarded: true } : {}),
      ...(content.viewOnce ? { view_once: true } : {}),
      ...(content.albumId ? { album_id: sanitizeText(content.albumId) } : {}),
      ...(content.secret ? { message_secret: content.secret } : {}),
    },
  }
}

function readKind({ kind, part: value }: Content): Said {
  if (kind === 'conversation') return plain(string(value))
  const part = asObject(value) ?? {}
  const file = files[kind]
  if (file) {
    return {
      contentType: file.type,
      body: string(part['caption']),
      media: [mediaReference(part, file.key)],
      metadata: mediaFacts(kind, part),
    }
  }
  switch (kind) {
    case 'extendedTextMessage':
      return plain(string(part['text']))
    case 'locationMessage':
    case 'liveLocationMessage':
      return location(kind, part)
    case 'contactMessage':
      return contacts([part])
    case 'contactsArrayMessage':
      return contacts(asList(part['contacts']))
    default:
      return interactiveContent(kind, part)
  }
}

function plain(body: string | null): Said {
  return { contentType: 'text', body: body ?? '', metadata: {} }
}

function mediaReference(part: Properties, key: string): MediaReference {
  const size = toNumber(part['fileLength'])
  return compact({
    url: string(part['url']) ?? undefined,
    content_type: string(part['mimetype']) ?? undefined,
    filename: string(part['fileName']) ?? string(part['title']) ?? undefined,
    size: size !== null && size >= 0 ? size : undefined,
    sha256: toBytes(part['fileSha256'])?.toString('hex'),
    // What downloadContentFromMessage needs: the file at the URL is encrypted.
    details: compact({
      media_type: key,
      direct_path: string(part['directPath']) ?? undefined,
      media_key: toBase64(part['mediaKey']),
      media_key_timestamp: toNumber(part['mediaKeyTimestamp']) ?? undefined,
      file_enc_sha256: toBase64(part['fileEncSha256']),
    }),
  })
}

function mediaFacts(kind: string, part: Properties): Properties {
  return compact({
    sticker: kind === 'stickerMessage' || undefined,
    voice: part['ptt'] === true || undefined,
    gif: part['gifPlayback'] === true || undefined,
    seconds: toNumber(part['seconds']) || undefined,
    width: toNumber(part['width']) || undefined,
    height: toNumber(part['height']) || undefined,
    pages: toNumber(part['pageCount']) || undefined,
  })
}

function location(kind: string, part: Properties): Said {
  const place = locationSchema.safeParse(
    compact({
      latitude: toDegrees(part['degreesLatitude']),
      longitude: toDegrees(part['degreesLongitude']),
      name: string(part['name']) ?? undefined,
      address: string(part['address']) ?? undefined,
    }),
  )
  const body = string(part['comment']) ?? string(part['caption'])
  // A place without coordinates is no location to us; it is kept as what it is.
  if (!place.success) return { contentType: 'structured', body, metadata: {} }
  return {
    contentType: 'location',
    body,
    metadata: {
      location: place.data,
      ...(kind === 'liveLocationMessage' || part['isLive'] === true ? { live: true } : {}),
    },
  }
}

/** 0 may be left out of what protobuf writes. */
function toDegrees(value: unknown): unknown {
  return value ?? 0
}

function contacts(list: unknown[]): Said {
  const read = list.map((one) => {
    const contact = asObject(one) ?? {}
    return compact({
      name: string(contact['displayName']) ?? undefined,
      vcard: string(contact['vcard']) ?? undefined,
    })
  })
  const names = read.map(({ name }) => name).filter((name) => name !== undefined)
  return { contentType: 'structured', body: names.join(', ') || null, metadata: { contacts: read } }
}

function interactiveContent(kind: string, part: Properties): Said {
  const { body, facts, header } = interactive(kind, part)
  const [name] = header ? Object.keys(files).filter((file) => asObject(header[file])) : []
  const file = name ? files[name] : undefined
  return {
    contentType: 'structured',
    body,
    ...(header && name && file
      ? { media: [mediaReference(asObject(header[name]) ?? {}, file.key)] }
      : {}),
    metadata: storable(facts) as Properties,
  }
}

/** A text that may be shown; null where there is none. */
export function string(value: unknown): string | null {
  return typeof value === 'string' ? sanitizeText(value) || null : null
}
