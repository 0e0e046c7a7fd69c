import type { Readable } from 'node:stream'
import { contentDisposition } from './download.ts'
import { parseRange } from './range.ts'
import { type SignedFile, verifySignedPath } from './signed-path.ts'
import { NoSuchFileError, UnsatisfiableRangeError } from './errors.ts'
import { type OpenFile, type Storage } from './storage.ts'

export type FileAnswer = {
  status: 200 | 206 | 403 | 404 | 416
  headers: Record<string, string>
  /** Null where there is nothing to send; the caller destroys it where it does not read it to its end. */
  body: Readable | null
}

/**
 * What the HTTP server answers to a GET of a URL that `presign` has made: 200 with the file, 206 with the range of it,
 * 403 where the URL is changed or expired, 404 without a file, 416 for a range past its end.
 * @param path with its query, as in the request's first line
 * @param range the header
 * @throws StorageUnavailableError
 */
export async function answerSignedPath(
  storage: Storage,
  path: string,
  range?: string,
  signal?: AbortSignal,
): Promise<FileAnswer> {
  if (storage.served === null) return { status: 404, headers: {}, body: null }
  const file = verifySignedPath(storage.served.signingKey, path)
  if (file === null) return { status: 403, headers: {}, body: null }
  const wanted = parseRange(range)
  try {
    const opened = await storage.served.open(file.key, wanted, signal)
    return answer(file, opened, wanted !== null)
  } catch (error) {
    if (error instanceof NoSuchFileError) return { status: 404, headers: {}, body: null }
    if (!(error instanceof UnsatisfiableRangeError)) throw error
    return { status: 416, headers: { 'content-range': `bytes */${error.size}` }, body: null }
  }
}

function answer(file: SignedFile, opened: OpenFile, ranged: boolean): FileAnswer {
  const { size, start, end, body } = opened
  const left = Math.max(0, Math.floor((file.expiresAt.getTime() - Date.now()) / 1_000))
  // Browsers show no PDF in a sandbox; what they could run is never `inline`, see `checkDownload`.
  const sandbox = file.contentType.startsWith('application/pdf') ? '' : '; sandbox'
  return {
    status: ranged ? 206 : 200,
    headers: {
      'content-type': file.contentType,
      'content-length': String(end - start + 1),
      'content-disposition': contentDisposition({ ...file, seconds: left }),
      'accept-ranges': 'bytes',
      'cache-control': `private, max-age=${left}`,
      'content-security-policy': `default-src 'none'${sandbox}`,
      'x-content-type-options': 'nosniff',
      ...(ranged ? { 'content-range': `bytes ${start}-${end}/${size}` } : {}),
    },
    body,
  }
}
