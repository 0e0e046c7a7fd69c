import { askHelper } from './helper.ts'
import type { Trouble } from './parse.ts'
import type { MediaType } from './types.ts'

/** `media.metadata`: what is known of the file besides type and size. A field that is not known is not there. */
export interface Metadata {
  /** Pixels, as it is to be shown (orientation applied). */
  width?: number
  height?: number
  /** An image's, by EXIF: 1 to 8. */
  orientation?: number
  /** Frames of an animation; 1 of any other image. */
  frames?: number
  durationSeconds?: number
  videoCodec?: string
  audioCodec?: string
  /** Of a PDF. */
  pages?: number
  /** Why nothing is known of a PDF, video or audio file. It may well be fine for whoever opens it. */
  problem?: Trouble
}

/**
 * What the file at `path`, of the type that `sniff` found, is. JPEG, PNG, GIF and WebP are decoded once, all the way, so
 * that a truncated one is found out; those that need more than 64 MB in memory (an interlaced PNG of 22 megapixels, say)
 * are known by their header only. Video, audio and PDF are parsed within bounds of time and memory; documents and other
 * types have nothing to tell.
 * @throws {Unreadable} for an image: `image_undecodable`, `image_too_slow`, `too_many_pixels`. An upload is refused with
 * it; what came in is kept without preview. Also what the disk says, and the reason of `signal`.
 */
export async function inspect(
  path: string,
  type: MediaType,
  signal?: AbortSignal,
): Promise<Metadata> {
  const opaque = type.kind === 'file' && type.contentType !== 'application/pdf'
  return opaque ? {} : askHelper('examine', path, type, signal)
}
