import { askHelper } from './helper.ts'
import type { Metadata } from './metadata.ts'
import type { MediaType } from '../types.ts'

/**
 * What the file at `path`, of the type that `sniff` found, is. JPEG, PNG, GIF and WebP are decoded once, all the way, so
 * that a truncated one is found out; those that need more than 64 MB in memory (an interlaced PNG of 22 megapixels, say)
 * are known by their header only. Video, audio and PDF are parsed within bounds of time and memory; documents and other
 * types have nothing to tell.
 * @throws {UnreadableError} for an image: `image_undecodable`, `image_too_slow`, `too_many_pixels`. An upload is refused with
 * it; what came in is kept without preview. Also what the disk says, and the reason of `signal`.
 */
export async function inspect(
  path: string,
  type: MediaType,
  signal?: AbortSignal,
): Promise<Metadata> {
  const opaque = type.kind === 'file' && type.contentType !== 'application/pdf'
  return opaque ? {} : askHelper('inspectFile', path, type, signal)
}
