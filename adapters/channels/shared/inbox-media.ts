/** Files that came inside their webhook: their bytes lie in the inbox, and nowhere else until they are stored. */

import { createHash } from 'node:crypto'
import {
  type LocateContext,
  type MediaReference,
  type MediaSource,
  MediaUnavailable,
  type Received,
  UnreadablePayload,
  type WebhookRequest,
} from '../channel.ts'
import { atUrl, gone } from './fetch-media.ts'

/** Such a reference says which part of its webhook it is, and no other place to look. */
function partOf({ id, url, details }: MediaReference): number | null {
  const part = details?.['part']
  return !id && !url && Number.isInteger(part) ? Number(part) : null
}

/** With the delivery that brought them in `details.webhook`: its digest, in hex, by which the inbox knows it. */
export function nameWebhook(content: Received, digest: Buffer): Received {
  const webhook = digest.toString('hex')
  const named = (reference: MediaReference): MediaReference =>
    partOf(reference) === null
      ? reference
      : { ...reference, details: { ...reference.details, webhook } }
  return {
    ...content,
    messages: content.messages.map((message) =>
      message.media ? { ...message, media: message.media.map(named) } : message,
    ),
  }
}

/**
 * Takes the part out of its webhook, read once more; `partsOf` gives the parts as they were counted then. Bytes that are
 * not those that the reference describes are not given: the reading has changed since.
 * @throws MediaUnavailable, final
 */
export async function locatePart(
  reference: MediaReference,
  { webhook }: LocateContext,
  partsOf: (request: WebhookRequest) => Promise<Uint8Array[]>,
): Promise<MediaSource> {
  const part = partOf(reference)
  if (part === null) return atUrl(reference)
  const request = await webhook()
  if (!request) throw gone('The inbox no longer has the mail that brought the file.')
  const content = (await read(request, partsOf))[part]
  if (!content) throw changed(`The mail has no attachment ${part + 1}.`)
  const { size, sha256 } = reference
  if (size !== undefined && content.length !== size) {
    throw changed(`The attachment has ${content.length} bytes, and had ${size}.`)
  }
  if (sha256 && createHash('sha256').update(content).digest('hex') !== sha256) {
    throw changed('The attachment is not the one that came.')
  }
  return { content }
}

async function read(
  request: WebhookRequest,
  partsOf: (request: WebhookRequest) => Promise<Uint8Array[]>,
): Promise<Uint8Array[]> {
  try {
    return await partsOf(request)
  } catch (error) {
    if (error instanceof UnreadablePayload) throw changed(error.message, { cause: error })
    throw error
  }
}

function changed(message: string, options?: ErrorOptions): MediaUnavailable {
  return new MediaUnavailable('media_changed', message, false, options)
}
