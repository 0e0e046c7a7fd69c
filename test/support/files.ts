/** Files on their way: a provider's server that has or takes them, files of ours, and what arrived. */

import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import type { Test } from 'tap'
import type { MediaSource, OutboundFile } from '../../adapters/channels/channel.ts'
import { readMultipart } from '../../adapters/channels/sendgrid/multipart.ts'

/** The smallest PNG: one pixel. */
export const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

export interface FileRequest {
  method: string
  path: string
  headers: IncomingHttpHeaders
  body: Buffer
}
/** `hang`: no answer at all. `cut`: half of the body, and then nothing more. */
export type FileAnswer =
  | { status?: number; headers?: Record<string, string>; body?: string | Buffer; cut?: boolean }
  | 'hang'

export interface FileServer {
  url: string
  asked: FileRequest[]
  /** Its time is over once a request has come in whole and is left to hang. */
  hung: AbortSignal
}

/** A server on loopback that answers as told, and what it was asked. */
export async function startFileServer(
  t: Pick<Test, 'teardown'>,
  answer: (request: FileRequest) => FileAnswer,
): Promise<FileServer> {
  const asked: FileRequest[] = []
  const hung = new AbortController()
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request
      const one = { method, path, headers, body: Buffer.concat(chunks) }
      asked.push(one)
      const given = answer(one)
      if (given === 'hang') return hung.abort(timedOut())
      const bytes = Buffer.from(given.body ?? '')
      response.writeHead(given.status ?? 200, {
        ...given.headers,
        'content-length': String(bytes.length),
      })
      if (!given.cut) return void response.end(bytes)
      response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy())
    })
    request.on('error', () => {})
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.teardown(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, asked, hung: hung.signal }
}

/** Why a signal aborts whose time is over, for tests that say when that is. */
export function timedOut(): DOMException {
  return new DOMException('The operation was aborted due to timeout', 'TimeoutError')
}

/** A file of ours that the internet does not reach, but for what is given. */
export function ourFile(
  content: string | Buffer,
  change: Partial<OutboundFile> = {},
): OutboundFile {
  const bytes = Buffer.from(content)
  return {
    reference: {},
    filename: 'photo.png',
    contentType: 'image/png',
    size: bytes.length,
    url: null,
    read: async () => Readable.from([bytes.subarray(0, 1), bytes.subarray(1)]),
    ...change,
  }
}

/** One that breaks off in the middle. */
export function brokenFile(change: Partial<OutboundFile> = {}): OutboundFile {
  async function* half() {
    yield Buffer.alloc(50_000)
    throw new Error('the disk is gone')
  }
  return ourFile(Buffer.alloc(100_000), { read: async () => Readable.from(half()), ...change })
}

/** The bytes behind a source; an address is asked as the fetcher asks it. */
export async function bytesOf(source: MediaSource): Promise<Buffer> {
  if ('url' in source) {
    const response = await fetch(source.url, { headers: source.headers ?? {} })
    if (!response.ok) throw new Error(`HTTP ${response.status}`)
    return Buffer.from(await response.arrayBuffer())
  }
  if (source.content instanceof Uint8Array) return Buffer.from(source.content)
  const chunks: Buffer[] = []
  for await (const chunk of source.content) chunks.push(Buffer.from(chunk as Uint8Array))
  return Buffer.concat(chunks)
}

/** A form's parts, less what a client chooses by chance: its boundary, and the names in `attach://`. */
export async function readForm({ headers, body }: FileRequest) {
  const parts = await readMultipart(headers['content-type'] ?? '', body)
  return Object.fromEntries(
    parts.map(({ name, filename, type, content }) => [
      name,
      filename === null ? content.toString() : { filename, type, content: content.toString('hex') },
    ]),
  )
}

/** What a provider may answer instead of a file, and what has to become of it where its status says all there is. */
export const wrongAnswers: [title: string, answer: FileAnswer, error: object][] = [
  ['401', { status: 401 }, { code: 'media_unauthorized', retryable: true }],
  ['404', { status: 404 }, { code: 'media_gone', retryable: false }],
  ['429', { status: 429 }, { code: 'provider_unavailable', retryable: true }],
  ['500', { status: 500 }, { code: 'provider_unavailable', retryable: true }],
  [
    'a page',
    { body: '<html>We are back soon</html>' },
    { code: 'answer_unreadable', retryable: true },
  ],
  ['nothing in time', 'hang', { code: 'timeout', retryable: true }],
]

/** Holds a channel's `locate` against wrong answers; `change` names those that mean something else to it, or nothing. */
export async function refusesWell(
  t: Test,
  locate: (answer: FileAnswer, signal: AbortSignal) => Promise<MediaSource>,
  change: Record<string, object | null> = {},
): Promise<void> {
  for (const [title, answer, standard] of wrongAnswers) {
    const expected = title in change ? change[title] : standard
    if (!expected) continue
    const signal = AbortSignal.timeout(answer === 'hang' ? 100 : 60_000)
    const error = { name: 'MediaUnavailable', ...expected }
    await t.rejects(locate(answer, signal), error, title)
  }
}
