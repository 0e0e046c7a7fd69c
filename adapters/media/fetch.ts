/**
 * Fetches a file from an untrusted URL, with protection against server-side request forgery: each host is resolved once, all
 * its addresses must be public, and the connection goes to those addresses only, so that DNS rebinding has no effect.
 * Redirects are checked in the same way.
 */

import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { TooLargeError } from '../../db/errors.ts'
import { parseRetryAfter } from '../channels/shared/retry-after.ts'
import { filenameOf } from './disposition.ts'
import { StalledError } from './errors.ts'
import { isPrivateHost, isPublicAddress, type PrivateHost } from '../shared/public-address.ts'
import { spool, type Spooled } from './spool.ts'

export type FetchErrorCode =
  /** Not http or https, with credentials in it, to an address that is not public, or a bad redirect. */
  | 'url_forbidden'
  /** No such host, no connection, no answer in time, or an answer that breaks off. */
  | 'url_unreachable'
  | 'too_large'
  /** The host answered with an error: `httpStatus`. */
  | 'fetch_failed'

/** Messages name the host and never the whole URL, whose path or query may be a secret. */
export class FetchError extends Error {
  override readonly name = 'FetchError'
  readonly code: FetchErrorCode
  readonly retryable: boolean
  readonly httpStatus: number | undefined
  /** What the host asks for, of 429 and 503. */
  readonly retryAfterMs: number | undefined

  constructor(
    code: FetchErrorCode,
    message: string,
    options: ErrorOptions & {
      retryable?: boolean
      httpStatus?: number | undefined
      retryAfterMs?: number | undefined
    } = {},
  ) {
    super(message, options)
    this.code = code
    this.retryable = options.retryable ?? code === 'url_unreachable'
    this.httpStatus = options.httpStatus
    this.retryAfterMs = options.retryAfterMs
  }
}

export type Resolve = (hostname: string) => Promise<LookupAddress[]>

export type FetchOptions = {
  /** The spool's folder. */
  folder: string
  /** Most bytes. */
  limit: number
  /** A provider's credentials and such. They go to the origin of `url` and to no other that it redirects to. */
  headers?: Readonly<Record<string, string>>
  /** PIGEONPOST_MEDIA_HOSTS. */
  privateHosts?: readonly PrivateHost[]
  signal?: AbortSignal | undefined
  /** ms, by default 10 s until connected, 15 s without a byte, 60 s in all. */
  connectMs?: number
  stallMs?: number
  totalMs?: number
  /** The system's by default. */
  resolve?: Resolve
}

export type Fetched = Spooled & {
  /** As the host says it, without parameters; the real one is in the bytes. */
  contentType: string | null
  /** Content-Disposition's, as it was sent. */
  filename: string | null
}

const maxRedirects = 5

/**
 * The file behind `url`, spooled. Where it fails, nothing is left.
 * @throws {FetchError}, the reason of `signal`, and what the disk says.
 */
export async function fetchFile(url: string, options: FetchOptions): Promise<Fetched> {
  const totalMs = options.totalMs ?? 60_000
  const late = new FetchError('url_unreachable', `The file did not come within ${totalMs} ms`)
  const ending = new AbortController()
  const timer = setTimeout(() => ending.abort(late), totalMs)
  const signal = options.signal ? AbortSignal.any([options.signal, ending.signal]) : ending.signal
  try {
    return await follow(url, { ...options, signal })
  } catch (error) {
    // Whatever an abort makes of the parts, what is told is why.
    if (signal.aborted) throw signal.reason
    throw error
  } finally {
    clearTimeout(timer)
  }
}

type Going = FetchOptions & { signal: AbortSignal }

async function follow(start: string, options: Going): Promise<Fetched> {
  let url = parse(start)
  let headers = options.headers ?? {}
  for (let redirects = 0; ; redirects++) {
    const addresses = await resolvePublic(url, options)
    const response = await ask(url, addresses, headers, options)
    try {
      const location = redirectOf(response)
      if (location === null) return await save(url, response, options)
      if (redirects === maxRedirects) {
        throw new FetchError('url_forbidden', `${url.host} redirects more than ${redirects} times`)
      }
      const next = redirectTarget(url, location)
      if (next.origin !== url.origin) headers = {}
      url = next
    } finally {
      response.destroy()
    }
  }
}

/** Where a redirect leads. @throws {FetchError} `url_forbidden` where it gives up https, or is no plain URL. */
export function redirectTarget(url: URL, location: string): URL {
  const next = parse(location, url)
  if (url.protocol === 'https:' && next.protocol === 'http:') {
    throw new FetchError('url_forbidden', `${url.host} redirects from https to http`)
  }
  return next
}

/** @throws {FetchError} `url_forbidden` for what is no plain http or https URL. */
function parse(text: string, base?: URL): URL {
  const url = URL.canParse(text, base?.href) ? new URL(text, base) : null
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new FetchError('url_forbidden', 'The URL must begin with https:// or http://')
  }
  if (url.username || url.password) {
    throw new FetchError('url_forbidden', `The URL of ${url.host} must not hold credentials`)
  }
  return url
}

/** The host's addresses, all of them public, or the host one that may be private. */
async function resolvePublic(url: URL, options: Going): Promise<LookupAddress[]> {
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const resolve = options.resolve ?? (async (name) => lookup(name, { all: true, verbatim: true }))
  const family = isIP(hostname)
  const addresses = family
    ? [{ address: hostname, family }]
    : await beforeAbort(resolve(hostname), options.signal).catch((cause: unknown) => {
        options.signal.throwIfAborted()
        throw unreachable(url, 'cannot be resolved', cause)
      })
  if (addresses.length === 0) throw unreachable(url, 'has no address')
  const own = options.privateHosts && isPrivateHost(url, options.privateHosts)
  if (!own && !addresses.every(({ address }) => isPublicAddress(address))) {
    throw new FetchError(
      'url_forbidden',
      `${url.host} is not on the public internet (PIGEONPOST_MEDIA_HOSTS names hosts that may be fetched from all the same)`,
    )
  }
  return addresses
}

async function beforeAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** The head of the answer to a GET that goes to one of `addresses`. */
async function ask(
  url: URL,
  addresses: LookupAddress[],
  headers: Readonly<Record<string, string>>,
  { signal, connectMs = 10_000, stallMs = 15_000 }: Going,
): Promise<IncomingMessage> {
  const secure = url.protocol === 'https:'
  return new Promise((resolve, reject) => {
    const request = (secure ? httpsRequest : httpRequest)(url, {
      // A connection that was kept would be to whatever the name meant then.
      agent: false,
      lookup: answering(addresses),
      headers: { accept: '*/*', ...headers, 'accept-encoding': 'identity' },
      signal,
    })
    const connecting = setTimeout(() => {
      request.destroy(unreachable(url, `cannot be connected to within ${connectMs} ms`))
    }, connectMs)
    request.once('socket', (socket) => {
      socket.once(secure ? 'secureConnect' : 'connect', () => clearTimeout(connecting))
    })
    let answered: IncomingMessage | undefined
    request.setTimeout(stallMs, () => {
      const target = answered ?? request
      target.destroy(unreachable(url, `said nothing for ${stallMs} ms`))
    })
    request.on('error', (error) => {
      clearTimeout(connecting)
      reject(error instanceof FetchError ? error : unreachable(url, 'cannot be reached', error))
    })
    request.once('response', (response) => {
      answered = response
      resolve(response)
    })
    request.end()
  })
}

/** In place of a second look at the DNS. */
function answering(addresses: LookupAddress[]): LookupFunction {
  return ((_: string, options: { all?: boolean }, done: Parameters<typeof systemLookup>[1]) => {
    const [first] = addresses
    const tell = done as unknown as (...answer: unknown[]) => void
    if (options.all) tell(null, addresses)
    else tell(null, first?.address, first?.family)
  }) as LookupFunction
}

function redirectOf({ statusCode = 0, headers }: IncomingMessage): string | null {
  return [301, 302, 303, 307, 308].includes(statusCode) ? (headers.location ?? null) : null
}

async function save(url: URL, response: IncomingMessage, options: Going): Promise<Fetched> {
  const { statusCode: status = 0, headers } = response
  if (status !== 200) {
    throw new FetchError('fetch_failed', `${url.host} answered ${status}`, {
      httpStatus: status,
      retryable: status === 408 || status === 429 || status >= 500,
      retryAfterMs: parseRetryAfter(headers['retry-after']),
    })
  }
  const encoding = headers['content-encoding']
  if (encoding && encoding.toLowerCase() !== 'identity') {
    // Not asked for, and a few bytes of it can mean any number.
    throw new FetchError('fetch_failed', `${url.host} sent the file compressed, unasked`, {
      httpStatus: status,
    })
  }
  if (Number(headers['content-length'] ?? 0) > options.limit) throw tooLargeToFetch(url, options)
  const { folder, limit, signal, stallMs = 15_000 } = options
  try {
    const spooled = await spool(partsOf(url, response), { folder, limit, stallMs, signal })
    const contentType = headers['content-type']?.split(';')[0]?.trim().toLowerCase() || null
    return { ...spooled, contentType, filename: filenameOf(headers['content-disposition']) }
  } catch (error) {
    if (error instanceof TooLargeError) throw tooLargeToFetch(url, options)
    if (error instanceof StalledError)
      throw unreachable(url, `sent nothing for ${stallMs} ms`, error)
    throw error
  }
}

/** The body; what goes wrong with it is the host's doing, and told apart from what goes wrong with our disk. */
async function* partsOf(url: URL, response: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    yield* response as AsyncIterable<Uint8Array>
  } catch (error) {
    throw error instanceof FetchError ? error : unreachable(url, 'broke off', error)
  }
}

function unreachable(url: URL, what: string, cause?: unknown): FetchError {
  const reason = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : ''
  return new FetchError('url_unreachable', `${url.host} ${what}${reason}`, { cause })
}

function tooLargeToFetch(url: URL, { limit }: FetchOptions): FetchError {
  return new FetchError('too_large', `The file at ${url.host} has more than ${limit} bytes`)
}
