/**
 * One request to a provider's HTTP API, and its outcome: whether the provider certainly did not accept the message, or may
 * have.
 */

import type { SendOutcome } from '../channel.ts'
import { FileUnreadable, type StreamedBody } from './multipart.ts'
import { parseRetryAfter } from './retry-after.ts'

export type HttpRequest = {
  url: string
  /** Default POST. */
  method?: string
  headers?: Record<string, string>
  /** What is streamed brings its own content type. */
  body?: string | Uint8Array<ArrayBuffer> | StreamedBody
  /** Aborts the request: SendContext's. */
  signal: AbortSignal
  /** Bytes of an answer that are read at most; a longer one cannot be understood. Default 1 MiB. */
  maxBytes?: number
}

/** A whole answer. */
export type HttpAnswer = {
  status: number
  headers: Headers
  body: string
  /** The body as JSON; undefined where it is none. */
  json: unknown
}

export type Reading = {
  /** The provider's id of the message, of a 2xx answer; null where there is none to be found in it. */
  readId(answer: HttpAnswer): string | null
  /**
   * What the provider's own errors mean, where they say more than the status: a code of its own, a reason to disconnect
   * the account. Null leaves it to the status.
   */
  readError?(answer: HttpAnswer): SendOutcome | null
}

/**
 * Sends, and classifies:
 * - `sent`: a 2xx answer with an id.
 * - `not_sent`, retryable: the connection was not made, so that nothing was written; 429 (`rate_limited`), 500 and 503,
 *   with their Retry-After; a streamed body that did not leave whole, since a file could not be read
 *   (`media_unreadable`), the time was over or the connection was lost.
 * - `not_sent`, final: other 4xx, and 3xx, which are not followed; a URL or header that cannot be sent.
 * - `ambiguous`: everything else after the request may have been written. No answer in time, an answer that breaks off
 *   or is no HTTP, a 2xx without an id, 502, 504 and other 5xx, which a proxy may have said after the provider took it.
 *
 * Never throws for what the network or the provider does.
 */
export async function sendRequest(request: HttpRequest, reading: Reading): Promise<SendOutcome> {
  if (request.signal.aborted) {
    return notSent('aborted', 'The time was over before the request left.', true)
  }
  let answer: HttpAnswer
  let prepared: Request
  try {
    prepared = prepare(request)
  } catch (error) {
    return notSent('request_invalid', String(error), false)
  }
  try {
    answer = await exchange(prepared, request.maxBytes)
  } catch (error) {
    return classifyError(error, request)
  }
  const said = answer.status >= 300 ? reading.readError?.(answer) : null
  if (said) return said
  return classifyAnswer(answer, reading)
}

/** @throws where the URL or a header cannot be sent. */
export function prepare({
  url,
  method = 'POST',
  headers = {},
  body,
  signal,
}: HttpRequest): Request {
  const about = { method, headers, signal, redirect: 'manual' } as const
  if (body === undefined) return new Request(url, about)
  if (!isStreamed(body)) return new Request(url, { ...about, body })
  const { contentType, length } = body
  return new Request(url, {
    ...about,
    headers: { ...headers, 'content-type': contentType, 'content-length': String(length) },
    body: ReadableStream.from(body.read()),
    duplex: 'half',
  })
}

function isStreamed(body: HttpRequest['body']): body is StreamedBody {
  return typeof body === 'object' && 'read' in body
}

/** The whole answer. @throws where there is none, or it is longer than `maxBytes`. */
export async function exchange(request: Request, maxBytes?: number): Promise<HttpAnswer> {
  return readAnswer(await fetch(request), maxBytes)
}

/** @throws as `exchange` does. */
export async function readAnswer(response: Response, maxBytes = 1_048_576): Promise<HttpAnswer> {
  const chunks: Uint8Array[] = []
  let length = 0
  const body: AsyncIterable<Uint8Array> | Uint8Array[] = response.body ?? []
  for await (const chunk of body) {
    length += chunk.length
    if (length > maxBytes) throw new Error(`The answer has more than ${maxBytes} bytes.`)
    chunks.push(chunk)
  }
  const text = Buffer.concat(chunks).toString('utf8')
  return { status: response.status, headers: response.headers, body: text, json: parse(text) }
}

function classifyAnswer(answer: HttpAnswer, { readId }: Reading): SendOutcome {
  const { status } = answer
  const code = String(status)
  const message = answer.body.slice(0, 500) || `HTTP ${code}`
  if (status >= 200 && status < 300) {
    const externalMessageId = readId(answer)
    return externalMessageId
      ? { outcome: 'sent', externalMessageId }
      : ambiguous('answer_unreadable', `HTTP ${code} without an id: ${message}`)
  }
  if (status === 429 || status === 500 || status === 503) {
    const retryAfterMs = parseRetryAfter(answer.headers.get('retry-after'))
    return {
      ...notSent(status === 429 ? 'rate_limited' : code, message, true),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    }
  }
  return status >= 500 ? ambiguous(code, message) : notSent(code, message, false)
}

/** Codes of what goes wrong before a connection is there to write to. */
const beforeWriting =
  /^(ECONNREFUSED|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT|ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/

function classifyError(error: unknown, { signal, body }: HttpRequest): SendOutcome {
  const partly = isStreamed(body) && !body.whole
  if (signal.aborted) {
    return partly
      ? notSent('timeout', 'The time was over before the files had left.', true)
      : ambiguous('timeout', 'The provider did not answer in time.')
  }
  const { code, message, unreadable } = innermost(error)
  if (unreadable) return notSent('media_unreadable', message, true)
  if (beforeWriting.test(code)) return notSent('connection_failed', `${code}: ${message}`, true)
  const said = code ? `${code}: ${message}` : message
  return partly ? notSent('connection_lost', said, true) : ambiguous('connection_lost', said)
}

/** fetch says "fetch failed" or "terminated"; what it failed for is the cause. */
export function innermost(error: unknown): { code: string; message: string; unreadable: boolean } {
  let at: unknown = error
  while (at instanceof Error && at.cause instanceof Error && !(at instanceof FileUnreadable)) {
    at = at.cause
  }
  if (!(at instanceof Error)) return { code: '', message: String(at), unreadable: false }
  if (at instanceof FileUnreadable) return { code: '', message: at.message, unreadable: true }
  const code = 'code' in at && typeof at.code === 'string' ? at.code : ''
  // Several addresses were tried, and each failed.
  const first: unknown = at instanceof AggregateError ? at.errors[0] : null
  const message = at.message || (first instanceof Error ? first.message : '')
  return { code, message, unreadable: false }
}

function notSent(errorCode: string, errorMessage: string, retryable: boolean) {
  return { outcome: 'not_sent' as const, retryable, errorCode, errorMessage }
}

function ambiguous(errorCode: string, errorMessage: string): SendOutcome {
  return { outcome: 'ambiguous', errorCode, errorMessage }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
