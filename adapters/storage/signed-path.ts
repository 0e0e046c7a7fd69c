/** URLs of our own HTTP server that let anyone fetch one file for some time, by a signature over all that they say. */

import { createHmac } from 'node:crypto'
import { isSameSecret } from '../shared/secrets.ts'
import { type Download, checkDownload } from './download.ts'
import { checkKey, isKey } from './key.ts'

/** Where the HTTP server answers them; the key follows. */
export const filesPath = '/api/v1/files/'

export type SignedFile = {
  key: string
  expiresAt: Date
  filename: string
  contentType: string
  disposition: Download['disposition']
}

/** @param base where the HTTP server is reached, without a slash at its end */
export function signUrl(
  signingKey: Buffer,
  base: string,
  key: string,
  about: Download,
  now = new Date(),
): string {
  const { seconds, filename, contentType, disposition } = checkDownload(about)
  const expires = Math.floor(now.getTime() / 1_000) + seconds
  const query = new URLSearchParams({
    expires: String(expires),
    name: filename,
    type: contentType,
    disposition,
    signature: sign(signingKey, [
      checkKey(key),
      String(expires),
      filename,
      contentType,
      disposition,
    ]),
  })
  return `${base}${filesPath}${key}?${query.toString()}`
}

/**
 * What a signed path with its query allows; null where it is changed, expired, or none. Other parameters than ours are
 * passed over, since proxies and mail programs add some.
 * @param path from the slash on, as in a request's first line
 */
export function verifySignedPath(
  signingKey: Buffer,
  path: string,
  now = new Date(),
): SignedFile | null {
  const [pathname = '', search = ''] = path.split(/\?([^]*)/, 2)
  if (!pathname.startsWith(filesPath)) return null
  const key = pathname.slice(filesPath.length)
  const query = new URLSearchParams(search)
  const [expires, filename, contentType, disposition, signature] = [
    'expires',
    'name',
    'type',
    'disposition',
    'signature',
  ].map((name) => only(query.getAll(name)))
  if (!isKey(key) || !expires || filename === undefined || contentType === undefined) return null
  if (disposition !== 'attachment' && disposition !== 'inline') return null
  const expected = sign(signingKey, [key, expires, filename, contentType, disposition])
  if (!isSameSecret(signature, expected)) return null
  const expiresAt = new Date(Number(expires) * 1_000)
  return now < expiresAt ? { key, expiresAt, filename, contentType, disposition } : null
}

function only(values: string[]): string | undefined {
  return values.length === 1 ? values[0] : undefined
}

function sign(signingKey: Buffer, parts: string[]): string {
  return createHmac('sha256', signingKey).update(JSON.stringify(parts)).digest('base64url')
}
