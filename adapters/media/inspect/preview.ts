import { createHash, randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { askHelper } from './helper.ts'
import type { MediaType } from '../types.ts'

export type Preview = {
  /** In the spool; whoever asked removes it. */
  path: string
  contentType: 'image/webp'
  width: number
  height: number
  /** Bytes. */
  size: number
  /** Hex. */
  sha256: string
}

/**
 * A thumbnail in WebP, 320 × 320 at most, upright and without metadata: of JPEG, PNG, GIF (its first frame) and WebP,
 * and of a PDF's first page where `pdftoppm` (poppler-utils) is installed. Null for other types, for images that are too
 * large to decode, and for a PDF that cannot be drawn within bounds.
 * @throws {UnreadableError} for an image that `inspect` refuses too; what the disk says; the reason of `signal`.
 */
export async function makePreview(
  path: string,
  type: MediaType,
  { folder, signal }: { folder: string; signal?: AbortSignal | undefined },
): Promise<Preview | null> {
  if (type.kind !== 'image' && type.contentType !== 'application/pdf') return null
  const small = await askHelper('render', path, type, signal)
  if (!small) return null
  const { data, width, height } = small
  const target = join(folder, `${randomUUID()}.webp`)
  try {
    await writeFile(target, data, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    await rm(target, { force: true })
    throw error
  }
  const sha256 = createHash('sha256').update(data).digest('hex')
  return { path: target, contentType: 'image/webp', width, height, size: data.length, sha256 }
}
