import type { LocateContext, MediaReference, MediaSource } from '../channel.ts'
import { partsOfMime } from '../email/mime.ts'
import { locatePart } from '../shared/inbox-media.ts'
import { filesOf, wholeOf } from './inbound.ts'
import { readMultipart } from './multipart.ts'

/** Out of the form that Inbound Parse posted, in either of its modes. @throws MediaUnavailable */
export async function locate(
  reference: MediaReference,
  context: LocateContext,
): Promise<MediaSource> {
  return locatePart(reference, context, async ({ headers, body }) => {
    const parts = await readMultipart(headers['content-type'] ?? '', body)
    const whole = wholeOf(parts)
    return whole ? partsOfMime(whole.content) : filesOf(parts).map(({ content }) => content)
  })
}
