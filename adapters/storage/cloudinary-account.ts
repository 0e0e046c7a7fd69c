import { createHash } from 'node:crypto'
import { StorageMisconfiguredError } from './errors.ts'

export type CloudinaryAccount = {
  cloud: string
  key: string
  secret: string
  /** Where the API is, without a slash at its end. */
  apiBase: string
  /** What signatures are made with, as the account's security settings say. */
  algorithm: 'sha1' | 'sha256'
}

/**
 * `cloudinary://key:secret@cloud`, with `?upload_prefix=https://api-eu.cloudinary.com` (or another data center) and
 * `?signature_algorithm=sha256` where the account has them, as Cloudinary's own SDKs read it. What else they know in it
 * is about delivery, and passed over.
 * @throws StorageMisconfiguredError that quotes nothing of it
 */
export function readCloudinaryUrl(text: string): CloudinaryAccount {
  const url = URL.canParse(text) ? new URL(text) : null
  const apiBase = url?.searchParams.get('upload_prefix') ?? 'https://api.cloudinary.com'
  const algorithm = url?.searchParams.get('signature_algorithm') ?? 'sha1'
  const problem = problemOf(url, apiBase, algorithm)
  if (url === null || problem !== null) {
    throw new StorageMisconfiguredError(
      `CLOUDINARY_URL ${problem}; give cloudinary://<api key>:<api secret>@<cloud name>, as the console shows it`,
    )
  }
  return {
    cloud: decodeURIComponent(url.hostname),
    key: decodeURIComponent(url.username),
    secret: decodeURIComponent(url.password),
    apiBase: apiBase.replace(/\/+$/, ''),
    algorithm: algorithm === 'sha256' ? 'sha256' : 'sha1',
  }
}

function problemOf(url: URL | null, apiBase: string, algorithm: string): string | null {
  if (url?.protocol !== 'cloudinary:') return 'is no URL of a Cloudinary account'
  if (!url.hostname) return 'names no cloud'
  if (!url.username) return 'has no API key'
  if (!url.password) return 'has no API secret'
  try {
    for (const part of [url.username, url.password]) decodeURIComponent(part)
  } catch {
    return 'is not percent-encoded well'
  }
  if (!URL.canParse(apiBase) || !/^https?:$/.test(new URL(apiBase).protocol)) {
    return 'has an upload_prefix that is no http address'
  }
  return ['sha1', 'sha256'].includes(algorithm)
    ? null
    : 'has a signature_algorithm other than sha1 and sha256'
}

/**
 * The parameters with `signature` and `api_key`. Signed is `name=value` of all, sorted and joined by `&` (an `&` within
 * as `%26`), with the secret behind.
 * Source: https://cloudinary.com/documentation/authentication_signatures
 */
export function signParameters(
  account: CloudinaryAccount,
  parameters: Record<string, string>,
): Record<string, string> {
  const signed = Object.entries(parameters)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`.replaceAll('&', '%26'))
    .join('&')
  const signature = createHash(account.algorithm).update(signed + account.secret)
  return { ...parameters, signature: signature.digest('hex'), api_key: account.key }
}

/** Of a raw file, by the API: `upload`, `destroy`, `download`. */
export function apiUrl({ apiBase, cloud }: CloudinaryAccount, action: string): string {
  return `${apiBase}/v1_1/${encodeURIComponent(cloud)}/${action}`
}

/**
 * Where a private raw file can be fetched until it expires, whatever Cloudinary then calls it.
 * Source: `private_download_url` of their SDKs
 */
export function downloadUrl(
  account: CloudinaryAccount,
  key: string,
  times: { now: Date; seconds: number },
): string {
  const timestamp = Math.floor(times.now.getTime() / 1_000)
  const query = signParameters(account, {
    timestamp: String(timestamp),
    public_id: key,
    type: 'private',
    expires_at: String(timestamp + times.seconds),
  })
  return `${apiUrl(account, 'raw/download')}?${new URLSearchParams(query).toString()}`
}
