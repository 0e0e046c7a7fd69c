import { Readable } from 'node:stream'
import {
  type ChannelAccount,
  type LocateContext,
  type MediaReference,
  type MediaSource,
  MediaUnavailable,
} from '../channel.ts'
import { apiUrl } from '../shared/content.ts'
import { atUrl, open, unavailable } from '../shared/fetch-media.ts'
import { decrypt, isMediaType } from './decrypt.ts'
import { toBytes } from './values.ts'

/**
 * Downloads and decrypts: the file at the address is of no use to anybody without the key that the message brought.
 * WhatsApp keeps files for two to three weeks. Then only the phone that sent it can bring it again, when a device asks
 * (Baileys' updateMediaMessage, on the bridge's socket); we do not call it, so an expired file is lost.
 * @throws MediaUnavailable
 */
export async function locate(
  reference: MediaReference,
  { account, signal }: LocateContext,
): Promise<MediaSource> {
  const { media_type: type, media_key: given } = reference.details ?? {}
  const key = toBytes(given)
  // One that is not encrypted: a newsletter's, or one of ours that is to be sent.
  if (!key) return atUrl(reference)
  if (!isMediaType(type)) {
    throw new MediaUnavailable(
      'media_reference_invalid',
      `details.media_type is ${String(type)}.`,
      false,
    )
  }
  const answer = await open({
    url: addressOf(reference, account),
    method: 'GET',
    headers: { origin: 'https://web.whatsapp.com' },
    signal,
  })
  if ('content' in answer) return { content: Readable.from(decrypt(answer.content, key, type)) }
  // An address that is over is forbidden, not missing.
  if ([403, 404, 410].includes(answer.status)) {
    const message = `WhatsApp has the file no longer (HTTP ${answer.status}).`
    throw new MediaUnavailable('media_gone', message, false)
  }
  throw unavailable(answer)
}

/** The host comes out of the sender's message, so only WhatsApp's own are asked, or the one of `settings.api_url`. */
function addressOf({ url, details }: MediaReference, account: ChannelAccount): string {
  const given = URL.parse(url ?? '')
  const known = given?.protocol === 'https:' && given.hostname.endsWith('.whatsapp.net')
  const host = apiUrl(account, known ? given.origin : 'https://mmg.whatsapp.net')
  const path = details?.['direct_path'] ?? (given ? given.pathname + given.search : null)
  if (typeof path !== 'string' || !path.startsWith('/')) {
    throw new MediaUnavailable(
      'media_reference_invalid',
      'The file has no url or direct_path.',
      false,
    )
  }
  return host + path
}
