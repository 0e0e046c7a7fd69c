import type { LocateContext, MediaReference, MediaSource } from '../channel.ts'
import { locatePart } from '../shared/inbox-media.ts'
import { partsOfMime } from './mime.ts'

/** The generic webhook's files have URLs; a whole mail brings its own along. @throws MediaUnavailable */
export async function locate(
  reference: MediaReference,
  context: LocateContext,
): Promise<MediaSource> {
  return locatePart(reference, context, ({ body }) => partsOfMime(body))
}
