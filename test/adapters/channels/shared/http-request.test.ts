import { createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { SendOutcome } from '../../../../adapters/channels/channel.ts'
import { sendRequest } from '../../../../adapters/channels/shared/http-request.ts'
import { timedOut } from '../../../support/files.ts'
import { startProviderServer } from '../../../support/provider.ts'

const reading = {
  readId: ({ json }: { json: unknown }) =>
    typeof json === 'object' && json !== null && 'id' in json ? String(json.id) : null,
}

async function post(url: string, signal = AbortSignal.timeout(60_000)): Promise<SendOutcome> {
  return sendRequest({ url, body: 'hello', signal }, reading)
}

/** A server below HTTP, for what no HTTP server would say. */
async function startRawServer(t: Test, answer: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => answer(socket))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

const statuses: [status: number, headers: Record<string, string>, body: string, outcome: object][] =
  [
    [200, {}, '{"id": "a1"}', { outcome: 'sent', externalMessageId: 'a1' }],
    [202, {}, '{"id": "a2"}', { outcome: 'sent', externalMessageId: 'a2' }],
    [200, {}, '{"ok": true}', { outcome: 'ambiguous', errorCode: 'answer_unreadable' }],
    [200, {}, '<html>', { outcome: 'ambiguous', errorCode: 'answer_unreadable' }],
    [204, {}, '', { outcome: 'ambiguous', errorCode: 'answer_unreadable' }],
    [
      302,
      { location: 'http://127.0.0.1:1/' },
      '',
      { outcome: 'not_sent', retryable: false, errorCode: '302' },
    ],
    [
      400,
      {},
      'no',
      { outcome: 'not_sent', retryable: false, errorCode: '400', errorMessage: 'no' },
    ],
    [408, {}, '', { outcome: 'not_sent', retryable: false }],
    [
      429,
      { 'retry-after': '7' },
      '',
      { outcome: 'not_sent', retryable: true, errorCode: 'rate_limited', retryAfterMs: 7_000 },
    ],
    [429, {}, '', { outcome: 'not_sent', retryable: true, errorCode: 'rate_limited' }],
    [500, {}, '', { outcome: 'not_sent', retryable: true, errorCode: '500' }],
    [
      503,
      { 'retry-after': '1' },
      '',
      { outcome: 'not_sent', retryable: true, retryAfterMs: 1_000 },
    ],
    [502, {}, '', { outcome: 'ambiguous', errorCode: '502' }],
    [504, {}, '', { outcome: 'ambiguous', errorCode: '504' }],
    [520, {}, '', { outcome: 'ambiguous', errorCode: '520' }],
  ]

t.test('a status says whether the provider took it, did not, or may have', async (t) => {
  let next = 0
  const server = await startProviderServer(t, (_, response) => {
    const [status, headers, body] = statuses[next++] ?? [500, {}, '']
    response.writeHead(status, headers).end(body)
  })
  for (const [status, , body, outcome] of statuses) {
    t.match(await post(server.url), outcome, `${status} ${body}`)
  }
  t.equal(server.requests, statuses.length, 'no redirect was followed')
})

t.test('before anything was written, it was certainly not sent', async (t) => {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  const refused = { outcome: 'not_sent', retryable: true, errorCode: 'connection_failed' }
  t.match(await post(`http://127.0.0.1:${port}/`), refused, 'refused')
  t.match(await post(`http://localhost:${port}/`), refused, 'refused at each address')
  t.match(await post('http://nowhere.invalid/'), refused, 'no such host')
  const plain = await startProviderServer(t, (_, response) => response.end())
  t.match(await post(plain.url.replace('http:', 'https:')), { outcome: /./ }, 'no TLS there')
  t.match(await post('nonsense'), {
    outcome: 'not_sent',
    retryable: false,
    errorCode: 'request_invalid',
  })
  t.match(await post(plain.url, AbortSignal.abort()), {
    outcome: 'not_sent',
    retryable: true,
    errorCode: 'aborted',
  })
})

const doubtful: [what: string, errorCode: string, answer: (socket: Socket) => void][] = [
  ['no answer in time', 'timeout', () => {}],
  ['closed without an answer', 'connection_lost', (socket) => socket.end()],
  ['reset', 'connection_lost', (socket) => socket.resetAndDestroy()],
  [
    'closed in the middle of the headers',
    'connection_lost',
    (socket) => socket.end('HTTP/1.1 200 O'),
  ],
  [
    'closed in the middle of the body',
    'connection_lost',
    (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"id": "a1"}'),
  ],
  ['no HTTP', 'connection_lost', (socket) => socket.end('\x00\x01\x02 garbage\r\n\r\n')],
  [
    'headers, and then nothing',
    'timeout',
    (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"id"'),
  ],
]

for (const [what, errorCode, answer] of doubtful) {
  t.test(`after it was written, ${what}: in doubt`, async (t) => {
    const time = new AbortController()
    const url = await startRawServer(t, (socket) => {
      answer(socket)
      if (errorCode === 'timeout') time.abort(timedOut())
    })
    t.match(await post(url, time.signal), { outcome: 'ambiguous', errorCode })
  })
}

t.test('an answer without an end is not read for ever', async (t) => {
  const server = await startProviderServer(t, (_, response) => {
    response.end('x'.repeat(3_000))
  })
  const outcome = await sendRequest(
    { url: server.url, signal: AbortSignal.timeout(60_000), maxBytes: 1_000 },
    reading,
  )
  t.match(outcome, { outcome: 'ambiguous' })
})

t.test("a provider's own error code says more than its status", async (t) => {
  const server = await startProviderServer(t, (_, response) => {
    response.writeHead(400).end('{"error": {"code": 190}}')
  })
  const banned: SendOutcome = {
    outcome: 'not_sent',
    retryable: false,
    account: 'disconnect',
    errorCode: '190',
    errorMessage: 'The token has expired.',
  }
  const outcome = await sendRequest(
    { url: server.url, signal: AbortSignal.timeout(60_000) },
    { ...reading, readError: ({ body }) => (body.includes('190') ? banned : null) },
  )
  t.same(outcome, banned)
})
