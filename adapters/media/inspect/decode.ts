/** Decoding of files, run in the helper process (helper.ts explains why). */

import { stat } from 'node:fs/promises'
import { drawFirstPage } from './pdf-preview.ts'
import { UnreadableError } from '../errors.ts'
import { readHeader, renderSmall, type Rendered } from './image.ts'
import type { Metadata } from './metadata.ts'
import { parseFile } from './parse.ts'
import type { MediaType } from '../types.ts'

/** Those that are decoded; other images that come in are kept as they are. */
export const imageTypes: ReadonlySet<string> = new Set([
  'image/jpeg',
  'image/png',
  'image/gif',
  'image/webp',
])

/** @throws {UnreadableError} for an image. */
export async function inspectFile(
  path: string,
  { contentType, kind }: MediaType,
): Promise<Metadata> {
  if (imageTypes.has(contentType)) {
    const { width, height, orientation, frames, weight, ...header } = await readHeader(path)
    if (header.decodable) await renderSmall(path, { weight })
    return { width, height, orientation, frames }
  }
  const { size } = await stat(path)
  if (contentType === 'application/pdf') return parseFile({ kind: 'pdf', path, size })
  if (kind === 'video' || kind === 'audio') return parseFile({ kind: 'media', path, size })
  return {}
}

/** A thumbnail, or null where there is none to be had. @throws {UnreadableError} for an image. */
export async function render(path: string, { contentType }: MediaType): Promise<Rendered | null> {
  if (imageTypes.has(contentType)) {
    const { decodable, weight } = await readHeader(path)
    return decodable ? renderSmall(path, { weight }) : null
  }
  if (contentType !== 'application/pdf') return null
  const page = await drawFirstPage(path)
  if (!page) return null
  return renderSmall(page, { weight: 1 }).catch((error: unknown) => {
    if (error instanceof UnreadableError) return null
    throw error
  })
}
