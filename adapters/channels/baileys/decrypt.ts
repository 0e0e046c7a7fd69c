/**
 * WhatsApp's files as they lie on its servers: AES-256-CBC, then ten bytes of an HMAC over the IV and what is encrypted.
 * The keys are derived from the message's media key. Source: Baileys, lib/Utils/messages-media.js (getMediaKeys,
 * encryptedStream), beside which the tests hold this. Its own downloadContentFromMessage is not used: it does not look
 * at the HMAC, waits for ever on a download that breaks off, asks whatever host the sender's message names, and would
 * make every worker need the package.
 */

import { createDecipheriv, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { MediaUnavailable } from '../channel.ts'

const macLength = 10

/** Baileys' MEDIA_HKDF_KEY_MAPPING, by the media_type of our references. */
const names: Record<string, string> = {
  image: 'Image',
  sticker: 'Image',
  video: 'Video',
  ptv: 'Video',
  audio: 'Audio',
  document: 'Document',
}

export function isMediaType(type: unknown): type is string {
  return typeof type === 'string' && Object.hasOwn(names, type)
}

/**
 * The bytes behind the encrypted ones. What it yields is only to be trusted once it has ended: the HMAC comes last.
 * @throws MediaUnavailable `media_corrupt`, which may be the fault of this download alone
 */
export async function* decrypt(
  encrypted: AsyncIterable<Uint8Array>,
  mediaKey: Buffer,
  type: string,
): AsyncGenerator<Buffer> {
  const keys = Buffer.from(hkdfSync('sha256', mediaKey, '', `WhatsApp ${names[type]} Keys`, 112))
  const iv = keys.subarray(0, 16)
  const decipher = createDecipheriv('aes-256-cbc', keys.subarray(16, 48), iv)
  const hmac = createHmac('sha256', keys.subarray(48, 80)).update(iv)
  /** What may be the HMAC's bytes. */
  let tail: Buffer = Buffer.alloc(0)
  for await (const chunk of encrypted) {
    const bytes = Buffer.concat([tail, chunk])
    const end = Math.max(0, bytes.length - macLength)
    tail = bytes.subarray(end)
    const body = bytes.subarray(0, end)
    hmac.update(body)
    const plain = decipher.update(body)
    if (plain.length > 0) yield plain
  }
  const mac = hmac.digest().subarray(0, macLength)
  if (tail.length !== macLength || !timingSafeEqual(tail, mac)) throw corrupt()
  let last: Buffer
  try {
    last = decipher.final()
  } catch (cause) {
    throw corrupt({ cause })
  }
  if (last.length > 0) yield last
}

function corrupt(options?: ErrorOptions): MediaUnavailable {
  const message = 'The file that WhatsApp sent is not the one that the message describes.'
  return new MediaUnavailable('media_corrupt', message, true, options)
}
