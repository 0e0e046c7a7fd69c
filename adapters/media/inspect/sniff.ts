import { open } from 'node:fs/promises'
import { fileTypeFromFile } from 'file-type'
import { hasStream } from './cfb.ts'
import { findSecondType } from './polyglot.ts'
import {
  allowedType,
  allowedTypes,
  isExtensionOf,
  type MediaKind,
  type MediaType,
} from '../types.ts'

/** A file's type by its content. */
export type Sniffed = MediaType & {
  /** What it is besides, which no honest file is: "a ZIP archive", "a PDF", "a web page or script". */
  also: string | null
}

/** Of one read by a detector, in bytes: what lengths inside a hostile file say allocates no more. */
const maxBufferSize = 4 * 1024 * 1024
const detectMs = 10_000

/**
 * The real type of the file at `path`, by its bytes alone. Null where bytes do not show a type: text, HTML, SVG, CSV, an
 * empty file.
 *
 * Supported types (types.ts) have one name each (an animated PNG is image/png, MPEG of any kind video/mpeg, a
 * .doc application/msword if it has Word's stream, else it stays application/x-cfb); macros make another type
 * (docm). Others come as `file-type` names them.
 * @throws what reading the file throws.
 */
export async function sniff(path: string): Promise<Sniffed | null> {
  const handle = await open(path)
  try {
    const found = await detect(path)
    if (!found) return null
    const type =
      found.mime === 'application/x-cfb' && (await hasStream(handle, 'WordDocument'))
        ? typeOf('doc', 'application/msword')
        : typeOf(found.ext, found.mime)
    return { ...type, also: await findSecondType(handle, type) }
  } finally {
    await handle.close()
  }
}

/** A file that no detector can follow to its end is of no known type. */
async function detect(path: string): Promise<{ ext: string; mime: string } | null> {
  const signal = AbortSignal.timeout(detectMs)
  try {
    return (await fileTypeFromFile(path, { maxBufferSize, signal })) ?? null
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw error
    return null
  }
}

function typeOf(ext: string, mime: string): MediaType {
  const contentType = mime.split(';')[0]?.trim().toLowerCase() ?? mime
  const listed =
    allowedType(contentType) ?? allowedTypes.find((type) => isSame(type, ext, contentType))
  if (listed && isExtensionOf(listed, ext)) {
    return { contentType: listed.contentType, kind: listed.kind, extension: listed.extension }
  }
  return { contentType, kind: kindOf(contentType), extension: ext }
}

/** By other names: image/apng, video/x-m4v, video/MP1S and video/MP2P (`file-type`'s for MPEG program streams). */
function isSame(type: (typeof allowedTypes)[number], ext: string, contentType: string): boolean {
  return isExtensionOf(type, ext) && contentType.startsWith(`${type.kind}/`)
}

function kindOf(contentType: string): MediaKind {
  const top = contentType.split('/')[0]
  if (top === 'video' || top === 'audio') return top
  // SVG counts as markup: it may contain scripts.
  return top === 'image' && !contentType.includes('svg') ? 'image' : 'file'
}
