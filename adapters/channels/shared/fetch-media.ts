/** Shared by the channels' media.ts: requesting a file from a provider, and the meaning of its errors. */

import { Readable } from 'node:stream'
import { type MediaReference, type MediaSource, MediaUnavailable } from '../channel.ts'
import {
  exchange,
  type HttpAnswer,
  type HttpRequest,
  innermost,
  prepare,
  readAnswer,
} from './http-request.ts'

/** Any answer, whole. @throws MediaUnavailable where there is none. */
export async function ask(request: HttpRequest): Promise<HttpAnswer> {
  return reach(request, () => exchange(prepare(request), request.maxBytes))
}

/**
 * The bytes of a 2xx answer, as they come; any other answer whole. What breaks off ends in an error, never as if it were
 * the end.
 * @throws MediaUnavailable where there is no answer.
 */
export async function open(request: HttpRequest): Promise<{ content: Readable } | HttpAnswer> {
  return reach(request, async () => {
    const response = await fetch(prepare(request))
    const { body } = response
    return response.ok && body
      ? { content: Readable.from(chunks(body, request)) }
      : readAnswer(response)
  })
}

async function* chunks(body: AsyncIterable<Uint8Array>, { signal }: HttpRequest) {
  try {
    yield* body
  } catch (error) {
    throw unreachable(error, signal)
  }
}

async function reach<T>({ signal }: HttpRequest, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw unreachable(error, signal)
  }
}

/** Does not quote the URL, which may hold a secret. */
function unreachable(cause: unknown, signal: AbortSignal): MediaUnavailable {
  if (signal.aborted) {
    return new MediaUnavailable('timeout', 'The provider did not give the file in time.', true)
  }
  const { code } = innermost(cause)
  const why = code ? ` (${code})` : ''
  return new MediaUnavailable('provider_unreachable', `The provider cannot be reached${why}.`, true)
}

/** What an answer without the file means by its status. `said`: in the provider's words. */
export function unavailable({ status, body }: HttpAnswer, said?: string): MediaUnavailable {
  const message = `HTTP ${status}: ${(said ?? body).slice(0, 300)}`
  // Somebody will correct the credentials, before the file is gone if they are quick.
  if (status === 401 || status === 403) {
    return new MediaUnavailable('media_unauthorized', message, true)
  }
  if (status === 404 || status === 410) return gone(message)
  const retryable = status === 408 || status === 429 || status >= 500
  return new MediaUnavailable(
    retryable ? 'provider_unavailable' : 'media_refused',
    message,
    retryable,
  )
}

export function gone(message: string): MediaUnavailable {
  return new MediaUnavailable('media_gone', message, false)
}

/** A 2xx answer that is not what the provider's documents say: a proxy's page, mostly. */
export function unreadable(provider: string): MediaUnavailable {
  const message = `${provider} answered something else than where the file is.`
  return new MediaUnavailable('answer_unreadable', message, true)
}

/** The account lacks what the provider requires. Retried, so that files come once the account is repaired. */
export function accountLacks(what: string): MediaUnavailable {
  return new MediaUnavailable('account_misconfigured', what, true)
}

/** A file that is where its reference says. @throws MediaUnavailable, final, where it says nothing. */
export function atUrl({ url }: MediaReference, headers?: Record<string, string>): MediaSource {
  if (!url) {
    throw new MediaUnavailable(
      'media_reference_invalid',
      'The file has no address and no id.',
      false,
    )
  }
  return { url, ...(headers ? { headers } : {}) }
}
