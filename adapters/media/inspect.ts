import { stat } from 'node:fs/promises'
import { inspectApart, type Trouble } from './apart.ts'
import { readHeader, renderSmall } from './image.ts'
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

const decodable = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp'])

/**
 * What the file at `path`, of the type that `sniff` found, is. JPEG, PNG, GIF and WebP are decoded once, all the way, so
 * that a truncated one is found out; those of more than 128 MB in memory (an interlaced PNG of 40 megapixels, say) by
 * their header only. Video, audio and PDF are looked at in a thread that is ended when it takes too long or too much.
 * Two at once in a process; documents and other types have none.
 * @param about.willDraw `makePreview` comes next: it decodes an image all the way, so that is not done here
 * @throws {Unreadable} for an image: `image_undecodable`, `image_too_slow`, `too_many_pixels`. An upload is refused with
 * it; what came in is kept without preview.
 */
export async function inspect(
  path: string,
  { contentType, kind }: MediaType,
  signal?: AbortSignal,
  { willDraw = false }: { willDraw?: boolean } = {},
): Promise<Metadata> {
  if (decodable.has(contentType)) {
    const { width, height, orientation, frames, weight, ...header } = await readHeader(path)
    if (header.decodable && !willDraw) await renderSmall(path, { weight, signal })
    return { width, height, orientation, frames }
  }
  const { size } = await stat(path)
  if (contentType === 'application/pdf') return inspectApart({ kind: 'pdf', path, size }, signal)
  if (kind === 'video' || kind === 'audio') {
    return inspectApart({ kind: 'media', path, size }, signal)
  }
  return {}
}
