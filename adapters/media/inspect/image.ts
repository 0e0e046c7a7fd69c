/**
 * Images by sharp (libvips), held to a bound of memory. Most are decoded line by line and shrunk as they come, so that
 * 100 megapixels take some 60 MB; interlaced and progressive ones, GIF and WebP must lie in memory as a whole.
 */

import sharp, { type Metadata } from 'sharp'
import { UnreadableError } from '../errors.ts'
import { heavyWork } from '../../shared/limiter.ts'

// Ours come by once each, so a cache only holds memory; threads of its own would multiply it.
sharp.cache(false)
sharp.concurrency(1)

const maxPixels = 100_000_000
/** Bytes of an image that must lie in memory as a whole; above it none is decoded. */
const maxWholeBytes = 64 * 1024 * 1024
/** Above either, nothing else is decoded meanwhile. */
const maxLightBytes = 16 * 1024 * 1024
const maxLightPixels = 25_000_000
const decodeSeconds = 20
const options = { failOn: 'error', limitInputPixels: maxPixels, sequentialRead: true } as const

export type ImageHeader = {
  /** Pixels, as it is to be shown: with its orientation applied. */
  width: number
  height: number
  /** EXIF's, 1 to 8; 1 is upright. */
  orientation: number
  /** libvips' name: jpeg, png, gif, webp. */
  format: string
  /** Of an animation; 1 for others. */
  frames: number
  /** Whether decoding it stays within bounds. */
  decodable: boolean
  /** For heavyWork. */
  weight: number
}

/**
 * What the file's header says; nothing is decoded.
 * @throws {UnreadableError} `too_many_pixels` above 100 megapixels, `image_undecodable`.
 */
export async function readHeader(path: string): Promise<ImageHeader> {
  const seen = await sharp(path, options).metadata().catch(refuse)
  const whole = bytesWhole(seen)
  return {
    width: seen.autoOrient.width,
    height: seen.autoOrient.height,
    orientation: seen.orientation ?? 1,
    format: seen.format,
    frames: seen.pages ?? 1,
    decodable: whole <= maxWholeBytes,
    weight: whole > maxLightBytes || seen.width * seen.height > maxLightPixels ? 2 : 1,
  }
}

/** Bytes that lie in memory at once while it is decoded; 0 for what is decoded line by line. */
function bytesWhole(seen: Metadata): number {
  const pixels = seen.width * seen.height
  // libnsgif and libwebp keep the canvas in RGBA, and libvips a copy of a frame.
  if (seen.format === 'gif') return pixels * 5
  if (seen.format === 'webp') return pixels * 4
  if (!seen.isProgressive) return 0
  // libjpeg keeps coefficients of two bytes, of 4:2:0 half as many.
  if (seen.format === 'jpeg') {
    return pixels * 2 * (seen.chromaSubsampling === '4:2:0' ? 1.5 : seen.channels)
  }
  return pixels * seen.channels * (seen.depth === 'ushort' ? 2 : 1)
}

export type Rendered = {
  width: number
  height: number
  /** WebP. */
  data: Buffer
}

/**
 * Decodes all of it (of an animation the first frame) to a picture of at most 320 × 320, upright, in sRGB, without any
 * metadata: no EXIF, so no place where it was taken.
 * @param source a path, or an image that we made ourselves.
 * @throws {UnreadableError} `image_undecodable` also where only the end is missing; `image_too_slow`.
 */
export async function renderSmall(
  source: string | Buffer,
  { weight }: { weight: number },
): Promise<Rendered> {
  return heavyWork(
    async () => {
      const { data, info } = await sharp(source, options)
        .autoOrient()
        .resize(320, 320, { fit: 'inside', withoutEnlargement: true })
        .webp({ quality: 75 })
        .timeout({ seconds: decodeSeconds })
        .toBuffer({ resolveWithObject: true })
        .catch(refuse)
      return { data, width: info.width, height: info.height }
    },
    { weight },
  )
}

/** In words of ours: libvips' go through as the cause. */
function refuse(cause: unknown): never {
  const said = cause instanceof Error ? cause.message : ''
  if (/file is missing/.test(said)) throw cause
  if (/exceeds pixel limit/.test(said)) {
    throw unreadable('too_many_pixels', `file has more than ${maxPixels} pixels`, cause)
  }
  if (/timeout/i.test(said)) {
    throw unreadable('image_too_slow', `file took more than ${decodeSeconds} s to decode`, cause)
  }
  throw unreadable('image_undecodable', 'file is damaged or not whole: it cannot be decoded', cause)
}

function unreadable(code: string, message: string, cause: unknown): UnreadableError {
  const hint = 'Send an image that opens, of at most 100 megapixels.'
  return new UnreadableError(message, { code, field: 'file', hint }, { cause })
}
