/**
 * Files on their way in, each under a name of our own in one folder, where they are hashed, measured, scanned and looked
 * at before anything is stored. Nothing from outside is part of a path.
 */

import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { TooLargeError } from '../../db/errors.ts'
import { StalledError } from './errors.ts'

export type Spooled = {
  path: string
  /** Bytes. */
  size: number
  /** SHA-256 in hex. */
  sha256: string
  /** The first bytes, 8 KiB at most. */
  head: Buffer
}

export type SpoolOptions = {
  /** Made with mode 0700 where it is missing. */
  folder: string
  /** Most bytes that a file may have. */
  limit: number
  /** ms in which something must come; 30 s by default. */
  stallMs?: number
  signal?: AbortSignal | undefined
}

const headBytes = 8_192

/**
 * Writes `source` to a new file of mode 0600, holding no more of it than one chunk. Where that fails, for whatever
 * reason, the file is gone. A source that was not read to its end is left as it is, so that whoever sent it can still be
 * told; destroy it.
 * @throws {TooLargeError} `file_too_large` with the first byte over the limit, {StalledError} `upload_stalled`, the reason of
 * `signal`, what the source throws (a request that breaks off does), and what the disk says (ENOSPC).
 */
export async function spool(
  source: AsyncIterable<Uint8Array>,
  { folder, limit, stallMs = 30_000, signal }: SpoolOptions,
): Promise<Spooled> {
  signal?.throwIfAborted()
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, randomUUID())
  const handle = await open(path, 'wx', 0o600)
  try {
    const written = await write(source, handle, { limit, stallMs, signal })
    await handle.close()
    return { path, ...written }
  } catch (error) {
    await handle.close().catch(() => {})
    await rm(path, { force: true })
    throw error
  }
}

async function write(
  source: AsyncIterable<Uint8Array>,
  handle: FileHandle,
  { limit, stallMs, signal }: { limit: number; stallMs: number; signal: AbortSignal | undefined },
): Promise<Omit<Spooled, 'path'>> {
  const hash = createHash('sha256')
  const head: Uint8Array[] = []
  let size = 0
  const chunks = chunksOf(source)
  try {
    for (;;) {
      const next = await within(chunks.next(), stallMs, signal)
      if (next.done) break
      const chunk = next.value
      if (size + chunk.length > limit) throw tooLarge(limit)
      if (size < headBytes) head.push(chunk.subarray(0, headBytes - size))
      size += chunk.length
      hash.update(chunk)
      await handle.writeFile(chunk)
    }
  } catch (error) {
    // Behind a read that never ends this never ends either, so nobody waits for it.
    chunks.return?.().catch(() => {})
    throw error
  }
  return { size, sha256: hash.digest('hex'), head: Buffer.concat(head) }
}

/** A stream is not destroyed when its reader leaves: with a request's, its answer would be lost too. */
function chunksOf(source: AsyncIterable<Uint8Array>): AsyncIterator<Uint8Array> {
  if (!(source instanceof Readable)) return source[Symbol.asyncIterator]()
  // Errors of the stream after we stopped reading are ignored; they must not end the process.
  source.on('error', () => {})
  return source.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>
}

async function within<T>(work: Promise<T>, ms: number, signal?: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal?.reason)
  signal?.addEventListener('abort', abort, { once: true })
  if (signal?.aborted) abort()
  const timer = setTimeout(() => reject(stalled(ms)), ms)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}

export function tooLarge(limit: number): TooLargeError {
  return new TooLargeError(`file is too large: at most ${limit} bytes`, {
    code: 'file_too_large',
    field: 'file',
    hint: `Send at most ${limit} bytes (AWS_S3_MAX_FILE_SIZE).`,
  })
}

function stalled(ms: number): StalledError {
  return new StalledError(`file stopped coming for ${ms} ms`, {
    code: 'upload_stalled',
    field: 'file',
    hint: 'Send it again.',
  })
}

/** Files of ours, and previews beside them. */
const ours = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(\.webp)?$/

/**
 * Removes what was spooled and not touched for `olderThanMs`: what a process that died has left. Other files stay.
 * @param options.dryRun counts them, and removes none
 * @returns how many there were.
 */
export async function clearSpool(
  folder: string,
  olderThanMs: number,
  { dryRun = false }: { dryRun?: boolean } = {},
): Promise<number> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  let removed = 0
  for (const name of names) {
    if (!ours.test(name)) continue
    const path = join(folder, name)
    const seen = await stat(path).catch(() => null)
    if (!seen?.isFile() || Date.now() - seen.mtimeMs < olderThanMs) continue
    if (!dryRun) await rm(path, { force: true })
    removed += 1
  }
  return removed
}
