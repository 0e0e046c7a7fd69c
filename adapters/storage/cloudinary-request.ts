import { z } from 'zod'
import { apiUrl, type CloudinaryAccount } from './cloudinary-account.ts'
import { FileChangedError, StorageUnavailableError } from './errors.ts'

const failure = z.object({ error: z.object({ message: z.string() }) })

export type CloudinaryRequest = {
  method?: 'GET' | 'POST'
  headers?: Record<string, string>
  body?: URLSearchParams | ReadableStream<Uint8Array>
  signal?: AbortSignal | undefined
  /** ms until the answer has begun. Default 30,000 */
  limit?: number
}

/**
 * An answer of 2xx, 404 or 416; its body goes on until `signal` ends it.
 * @throws StorageUnavailableError for every other, with what Cloudinary says; the signal's reason
 */
export async function ask(url: string, request: CloudinaryRequest): Promise<Response> {
  const { signal, limit = 30_000, body, ...rest } = request
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), limit)
  let response: Response
  try {
    response = await fetch(url, {
      ...rest,
      ...(body ? { body, duplex: 'half' } : {}),
      signal: signal ? AbortSignal.any([signal, late.signal]) : late.signal,
    })
  } catch (error) {
    signal?.throwIfAborted()
    throw explain(error, late.signal.aborted, limit)
  } finally {
    clearTimeout(timer)
  }
  if (response.ok || response.status === 404 || response.status === 416) return response
  throw await refusal(response)
}

/** A page of the Admin API, or null for a 404. @throws StorageUnavailableError */
export async function askAdmin<S extends z.ZodType>(
  account: CloudinaryAccount,
  path: string,
  schema: S,
): Promise<z.output<S> | null> {
  const credentials = Buffer.from(`${account.key}:${account.secret}`).toString('base64')
  const response = await ask(apiUrl(account, path), {
    headers: { authorization: `Basic ${credentials}` },
  })
  const answer: unknown = await response.json().catch(() => null)
  if (response.status === 404) {
    const said = failure.safeParse(answer)
    // A 404 need not be about a file: a cloud that does not exist gives one, too.
    if (said.success && /cloud/i.test(said.data.error.message)) throw unavailable(404, said.data)
    return null
  }
  return understand(schema, answer)
}

/** @throws StorageUnavailableError where the answer is not what Cloudinary's documentation says */
export function understand<S extends z.ZodType>(schema: S, answer: unknown): z.output<S> {
  const read = schema.safeParse(answer)
  if (read.success) return read.data
  throw new StorageUnavailableError('Cloudinary sent an answer of an unknown form', {
    cause: read.error,
  })
}

async function refusal(response: Response): Promise<StorageUnavailableError> {
  const said = failure.safeParse(await response.json().catch(() => null))
  return unavailable(response.status, said.success ? said.data : null)
}

function unavailable(
  status: number,
  said: z.output<typeof failure> | null,
): StorageUnavailableError {
  const message = said ? `: ${said.error.message.slice(0, 300)}` : ''
  if (status === 401 || status === 403) {
    return new StorageUnavailableError(`Cloudinary refuses us; correct CLOUDINARY_URL${message}`)
  }
  if (status === 404) {
    return new StorageUnavailableError(
      `Cloudinary has no such cloud; correct CLOUDINARY_URL${message}`,
    )
  }
  if (status === 420 || status === 429) {
    return new StorageUnavailableError(`Cloudinary's limit of requests is reached; wait${message}`)
  }
  return new StorageUnavailableError(`Cloudinary answered ${status}${message}`)
}

/** fetch wraps what went wrong; what reading our own file threw is handed on as it is. */
function explain(error: unknown, late: boolean, limit: number): unknown {
  let at: unknown = error
  while (at instanceof Error && !isOurs(at) && at.cause instanceof Error) at = at.cause
  if (isOurs(at)) return at
  const reason = late ? `no answer within ${limit} ms` : at instanceof Error ? at.message : ''
  return new StorageUnavailableError(`Cloudinary cannot be reached: ${reason}`, { cause: error })
}

function isOurs(error: unknown): boolean {
  return error instanceof FileChangedError || error instanceof RangeError
}
