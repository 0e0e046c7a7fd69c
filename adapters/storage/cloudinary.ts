import { createHmac, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { z } from 'zod'
import {
  apiUrl,
  type CloudinaryAccount,
  downloadUrl,
  signParameters,
} from './cloudinary-account.ts'
import { ask, askAdmin, understand } from './cloudinary-request.ts'
import { createLimiter } from '../shared/limiter.ts'
import { maxConcurrentUploads } from './source.ts'
import { checkKey, checkPrefix, isKey } from './key.ts'
import { type ByteRange, formatRange, placeRange } from './range.ts'
import { signUrl } from './signed-path.ts'
import { checkFacts, readChecked } from './source.ts'
import { NoSuchFileError, StorageUnavailableError, UnsatisfiableRangeError } from './errors.ts'
import { type FileFacts, type OpenFile, type Storage, type StoredFile } from './storage.ts'

const uploaded = z.object({ public_id: z.string(), bytes: z.number() })
const destroyed = z.object({ result: z.enum(['ok', 'not found']) })
/** `version` is when it was last uploaded, in seconds; `created_at` may be of the first time. */
const resource = z.object({ public_id: z.string(), bytes: z.number(), version: z.number() })
const page = z.object({ resources: z.array(resource), next_cursor: z.string().optional() })

/**
 * Files in a Cloudinary account, as private raw ones: raw, since images and videos are looked into and may be refused
 * or changed; private, since nothing but a signed request then gets them.
 *
 * Cloudinary's own download URLs can neither say a type nor a name for a raw file, and do not promise ranges. So
 * `presign` leads to our HTTP server, which asks Cloudinary by a signed URL of a minute's life. Listing and `stat` are
 * of the Admin API, which has a limit per hour (500 in the free plan); the rest has none. Accounts have a limit for the
 * size of raw files, too (10 MB in the free plan), and without parts, which we do not send, 100 MB is the most.
 *
 * Sources: https://cloudinary.com/documentation/image_upload_api_reference and …/admin_api
 */
export function openCloudinary(account: CloudinaryAccount, options: { baseUrl: string }): Storage {
  const signingKey = createHmac('sha256', account.secret).update('pigeonpost files').digest()
  const limiter = createLimiter(maxConcurrentUploads)
  const destroy = async (key: string) => {
    const body = new URLSearchParams(signParameters(account, parametersOf(key)))
    const response = await ask(apiUrl(account, 'raw/destroy'), { method: 'POST', body })
    understand(destroyed, await response.json())
  }

  return {
    name: 'cloudinary',
    async put(key, path, about, signal) {
      checkFacts(about)
      const answer = await limiter(
        async () => upload(account, { key: checkKey(key), path, about, signal }),
        { signal },
      )
      if (answer.bytes === about.size && answer.public_id === key) return
      await destroy(answer.public_id)
      throw new StorageUnavailableError(`Cloudinary kept ${answer.bytes} bytes of ${about.size}`)
    },
    get: async (key, signal) => (await openFile(account, checkKey(key), null, signal)).body,
    async stat(key) {
      const path = `resources/raw/private/${encodeURIComponent(checkKey(key))}`
      const found = await askAdmin(account, path, resource)
      return found && toStored(found)
    },
    delete: async (key) => destroy(checkKey(key)),
    list: (prefix) => listResources(account, checkPrefix(prefix)),
    presign: async (key, about) => signUrl(signingKey, options.baseUrl, key, about),
    served: {
      signingKey,
      open: async (key, range, signal) => openFile(account, checkKey(key), range, signal),
    },
    // An upload is one request: Cloudinary drops what does not come whole.
    clearIncoming: async () => 0,
    async check() {
      await askAdmin(account, 'ping', z.object({ status: z.literal('ok') }))
    },
    close() {},
  }
}

function parametersOf(key: string) {
  return { timestamp: String(Math.floor(Date.now() / 1_000)), public_id: key, type: 'private' }
}

/** multipart/form-data, whose length is known before, with the file read as it is sent. */
async function upload(
  account: CloudinaryAccount,
  file: { key: string; path: string; about: FileFacts; signal: AbortSignal | undefined },
): Promise<z.output<typeof uploaded>> {
  const { key, path, about, signal } = file
  const boundary = `pigeonpost-${randomBytes(16).toString('hex')}`
  const fields = signParameters(account, { ...parametersOf(key), overwrite: 'true' })
  const head = Object.entries(fields).map(
    ([name, value]) =>
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  )
  head.push(
    `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n`,
    'Content-Type: application/octet-stream\r\n\r\n',
  )
  const before = Buffer.from(head.join(''))
  const after = Buffer.from(`\r\n--${boundary}--\r\n`)
  async function* body() {
    yield before
    yield* readChecked(path, about, signal)
    yield after
  }
  const response = await ask(apiUrl(account, 'raw/upload'), {
    method: 'POST',
    headers: {
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': String(before.length + about.size + after.length),
    },
    body: ReadableStream.from(body()),
    signal,
    // 100 MB, the most that they take, at 3 Mbit/s.
    limit: 300_000,
  })
  return understand(uploaded, await response.json())
}

async function openFile(
  account: CloudinaryAccount,
  key: string,
  range: ByteRange | null,
  signal?: AbortSignal,
): Promise<OpenFile> {
  const response = await ask(downloadUrl(account, key, { now: new Date(), seconds: 60 }), {
    // Else a text comes compressed, and its length is another.
    headers: { 'accept-encoding': 'identity', ...(range ? { range: formatRange(range) } : {}) },
    signal,
  })
  const [, first, last, total] =
    /^bytes (?:(\d+)-(\d+)|\*)\/(\d+)$/.exec(response.headers.get('content-range') ?? '') ?? []
  if (response.status === 404 || !response.body) throw new NoSuchFileError(key)
  if (response.status === 416) throw new UnsatisfiableRangeError(Number(total ?? 0))
  const body = Readable.fromWeb(response.body)
  if (response.status === 206) {
    return { size: Number(total), start: Number(first), end: Number(last), body }
  }
  const size = Number(response.headers.get('content-length'))
  try {
    const { start, end } = placeRange(range, size)
    const part = range ? Readable.from(cut(body, start, end), { objectMode: false }) : body
    return { size, start, end, body: part }
  } catch (error) {
    body.destroy()
    throw error
  }
}

/** The bytes from `start` to `end`, for a server that has not heard of ranges. */
async function* cut(body: Readable, start: number, end: number): AsyncGenerator<Buffer> {
  let at = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    const part = chunk.subarray(Math.max(0, start - at), Math.max(0, end + 1 - at))
    at += chunk.length
    if (part.length > 0) yield part
    if (at > end) return
  }
}

async function* listResources(account: CloudinaryAccount, prefix: string) {
  const query = new URLSearchParams({ prefix, max_results: '500' })
  for (;;) {
    const found = await askAdmin(account, `resources/raw/private?${query.toString()}`, page)
    yield* (found?.resources ?? []).filter((one) => isKey(one.public_id)).map(toStored)
    if (!found?.next_cursor) return
    query.set('next_cursor', found.next_cursor)
  }
}

function toStored({ public_id: key, bytes: size, version }: z.output<typeof resource>): StoredFile {
  return { key, size, modifiedAt: new Date(version * 1_000) }
}
