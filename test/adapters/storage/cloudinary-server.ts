import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Busboy } from '@fastify/busboy'
import type { Test } from 'tap'
import type { CloudinaryAccount } from '../../../adapters/storage/cloudinary-account.ts'

// Their SDK decides as it is loaded, by this, whether it speaks HTTPS.
process.env['CLOUDINARY_URL'] = 'cloudinary://key:secret@cloud?upload_prefix=http://127.0.0.1'
const { v2: cloudinary } = await import('cloudinary')

type Kept = { bytes: Buffer; type: string; version: number }

export type CloudinaryServer = {
  account: CloudinaryAccount
  /** By public id. */
  kept: Map<string, Kept>
  /** Uploads of which something has come and that have not ended. */
  receiving: number
  /** Answered in place of everything else while it is set. */
  refusal: { status: number; message: string } | null
}

/**
 * Cloudinary on loopback, for raw files: what their documentation says of it, with signatures checked by their own SDK.
 * Whether they take ranges they do not say, so it can be had both ways.
 */
export async function startCloudinary(
  t: Pick<Test, 'teardown'>,
  options: { ranges: boolean },
): Promise<CloudinaryServer> {
  const server = createServer((request, response) => {
    respond(state, options, request, response).catch((error: unknown) => {
      const { status, message } = error instanceof Refusal ? error : new Refusal(500, String(error))
      if (!response.headersSent) json(response, status, { error: { message } })
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const state: CloudinaryServer = {
    account: {
      cloud: 'test-cloud',
      key: '123456789012345',
      secret: 'abc_DEF-123',
      apiBase: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      algorithm: 'sha1',
    },
    kept: new Map(),
    receiving: 0,
    refusal: null,
  }
  t.teardown(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return state
}

class Refusal extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

async function respond(
  state: CloudinaryServer,
  options: { ranges: boolean },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (state.refusal) throw new Refusal(state.refusal.status, state.refusal.message)
  const url = new URL(request.url ?? '', state.account.apiBase)
  const [, version, cloud, ...path] = url.pathname.split('/').map(decodeURIComponent)
  if (version !== 'v1_1' || cloud !== state.account.cloud) {
    throw new Refusal(401, `Unknown cloud_name ${cloud}`)
  }
  const action = `${request.method} ${path.slice(0, 3).join('/')}`
  if (action === 'POST raw/upload') json(response, 200, await upload(state, request))
  else if (action === 'POST raw/destroy') {
    const { fields } = await readForm(request)
    checkSignature(state, fields)
    const there = state.kept.delete(fields['public_id'] ?? '')
    json(response, 200, { result: there ? 'ok' : 'not found' })
  } else if (action === 'GET raw/download') {
    download(state, options, url.searchParams, request, response)
  } else {
    checkBasic(state, request)
    if (action === 'GET ping') json(response, 200, { status: 'ok' })
    else if (action === 'GET resources/raw/private') {
      const found = path[3] === undefined ? page(state, url.searchParams) : one(state, path[3])
      json(response, 200, found)
    } else throw new Refusal(404, `There is no ${action}`)
  }
}

async function upload(state: CloudinaryServer, request: IncomingMessage): Promise<object> {
  state.receiving += 1
  try {
    const { fields, file } = await readForm(request)
    checkSignature(state, fields)
    const { public_id: id = '', type = 'upload' } = fields
    if (!file || file.length === 0) throw new Refusal(400, 'Empty file')
    state.kept.set(id, { bytes: file, type, version: Math.floor(Date.now() / 1_000) })
    return { ...one(state, id), etag: createHash('md5').update(file).digest('hex') }
  } finally {
    state.receiving -= 1
  }
}

function download(
  state: CloudinaryServer,
  options: { ranges: boolean },
  query: URLSearchParams,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  checkSignature(state, Object.fromEntries(query))
  const now = Date.now() / 1_000
  if (now > Number(query.get('expires_at') ?? Number(query.get('timestamp')) + 3_600)) {
    throw new Refusal(401, 'Link expired')
  }
  const found = state.kept.get(query.get('public_id') ?? '')
  if (found?.type !== query.get('type')) throw new Refusal(404, 'Resource not found')
  const { bytes } = found
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '') ?? []
  if (!options.ranges || first === undefined) {
    response.writeHead(200, { 'content-length': bytes.length }).end(bytes)
    return
  }
  const start = first === '' ? Math.max(0, bytes.length - Number(last)) : Number(first)
  const end = first === '' || last === '' ? bytes.length - 1 : Number(last)
  if (start >= bytes.length) {
    response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end()
    return
  }
  const part = bytes.subarray(start, end + 1)
  const range = `bytes ${start}-${start + part.length - 1}/${bytes.length}`
  response.writeHead(206, { 'content-length': part.length, 'content-range': range }).end(part)
}

function one(state: CloudinaryServer, id: string): object {
  const found = state.kept.get(id)
  if (found?.type !== 'private') throw new Refusal(404, `Resource not found - ${id}`)
  return {
    public_id: id,
    resource_type: 'raw',
    type: found.type,
    version: found.version,
    bytes: found.bytes.length,
    created_at: new Date(found.version * 1_000).toISOString(),
  }
}

function page(state: CloudinaryServer, query: URLSearchParams): object {
  const from = query.get('next_cursor') ?? ''
  const most = Math.min(500, Number(query.get('max_results') ?? 10))
  const ids = [...state.kept.keys()]
    .filter((id) => id.startsWith(query.get('prefix') ?? '') && id >= from)
    .toSorted()
  const next = ids[most]
  return {
    resources: ids.slice(0, most).map((id) => one(state, id)),
    ...(next === undefined ? {} : { next_cursor: next }),
  }
}

function checkSignature({ account }: CloudinaryServer, given: Record<string, string>): void {
  const { signature, api_key: key, ...signed } = given
  if (key !== account.key) throw new Refusal(401, 'Invalid api_key')
  const expected = cloudinary.utils.api_sign_request(signed, account.secret)
  if (signature !== expected) throw new Refusal(401, `Invalid Signature ${signature}`)
  const age = Date.now() / 1_000 - Number(signed['timestamp'])
  if (!(Math.abs(age) < 3_600)) throw new Refusal(401, 'Stale request')
}

function checkBasic({ account }: CloudinaryServer, { headers }: IncomingMessage): void {
  const expected = Buffer.from(`${account.key}:${account.secret}`).toString('base64')
  if (headers.authorization !== `Basic ${expected}`) {
    throw new Refusal(401, 'api_secret mismatch')
  }
}

/** A form, multipart or not. One that breaks off is an error. */
async function readForm(request: IncomingMessage) {
  const fields: Record<string, string> = {}
  const chunks: Buffer[] = []
  let file = false
  const form = new Busboy({
    headers: request.headers as { 'content-type': string },
  })
  form.on('field', (name, value) => (fields[name] = value))
  form.on('file', (_name, stream) => {
    file = true
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  })
  await new Promise<void>((resolve, reject) => {
    form.on('finish', resolve)
    form.on('error', reject)
    request.on('error', reject)
    request.on('aborted', () => reject(new Refusal(400, 'broken off')))
    request.pipe(form)
  })
  return { fields, file: file ? Buffer.concat(chunks) : null }
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
