import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import type { OutboundFile } from '../../../../adapters/channels/channel.ts'
import { sendRequest } from '../../../../adapters/channels/shared/http-request.ts'
import { multipart } from '../../../../adapters/channels/shared/multipart.ts'
import { readMultipart } from '../../../../adapters/channels/sendgrid/multipart.ts'
import {
  brokenFile,
  type FileAnswer,
  ourFile,
  startFileServer,
  timedOut,
} from '../../../support/files.ts'

const readId = ({ body }: { body: string }) => body || null

async function start(t: Test, answer: FileAnswer = { body: 'id-1' }) {
  const server = await startFileServer(t, () => answer)
  const send = (file: OutboundFile, signal = AbortSignal.timeout(60_000)) =>
    sendRequest({ url: server.url, body: multipart([['file', file]]), signal }, { readId })
  return { ...server, send }
}

t.test('a form arrives as it was meant, with its length', async (t) => {
  const server = await startFileServer(t, () => ({ body: 'id-1' }))
  const body = multipart([
    ['text', 'Grüße\r\n--'],
    ['empty', ''],
    [
      'file',
      ourFile('bytes', {
        filename: 'Brief "für"\r\nAnn.pdf',
        contentType: 'application/pdf\r\nX: y',
      }),
    ],
  ])
  const outcome = await sendRequest(
    { url: server.url, body, signal: AbortSignal.timeout(60_000) },
    { readId },
  )
  t.same(outcome, { outcome: 'sent', externalMessageId: 'id-1' })
  const [asked] = server.asked
  t.equal(asked?.headers['content-length'], String(asked?.body.length))
  t.equal(asked?.headers['transfer-encoding'], undefined)
  t.equal(asked?.body.length, body.length)
  const parts = await readMultipart(
    asked?.headers['content-type'] ?? '',
    asked?.body ?? Buffer.alloc(0),
  )
  t.same(parts, [
    { name: 'text', filename: null, type: 'text/plain', content: Buffer.from('Grüße\r\n--') },
    { name: 'empty', filename: null, type: 'text/plain', content: Buffer.alloc(0) },
    {
      name: 'file',
      filename: 'Brief %22für%22%0D%0AAnn.pdf',
      type: 'application/pdf x: y',
      content: Buffer.from('bytes'),
    },
  ])
})

t.test('a file is read no faster than it leaves', async (t) => {
  let read = 0
  async function* zeros() {
    for (; read < 800; read++) yield Buffer.alloc(100_000)
  }
  const file = ourFile('', { size: 80_000_000, read: async () => Readable.from(zeros()) })
  const body = multipart([['file', file]])
  const stream = body.read()
  await stream.next()
  await stream.next()
  t.ok(read < 3, `${read} chunks are read for one that is asked for`)
  t.equal(body.whole, false)
  await stream.return(undefined)
})

t.test('a file that cannot be read whole is not sent, and nobody takes it for whole', async (t) => {
  const { send, asked } = await start(t)
  const unreadable = { outcome: 'not_sent', retryable: true, errorCode: 'media_unreadable' }
  t.match(await send(brokenFile()), {
    ...unreadable,
    errorMessage: /photo\.png .*the disk is gone/,
  })
  const missing = ourFile('bytes', { read: async () => Promise.reject(new Error('no such file')) })
  t.match(await send(missing), { ...unreadable, errorMessage: /no such file/ })
  t.match(await send(ourFile('bytes', { size: 6 })), {
    ...unreadable,
    errorMessage: /only 5 of its 6/,
  })
  t.match(await send(ourFile('bytes', { size: 4 })), {
    ...unreadable,
    errorMessage: /more of its 4/,
  })
  t.same(asked, [], 'no request came in whole')
})

t.test('what was cut short by time or by the other side was not taken', async (t) => {
  const { send } = await start(t)
  const time = new AbortController()
  async function* forever() {
    yield Buffer.alloc(10)
    time.abort(timedOut())
    await new Promise(() => {})
  }
  const stalled = ourFile('', { size: 20, read: async () => Readable.from(forever()) })
  t.match(await send(stalled, time.signal), {
    outcome: 'not_sent',
    retryable: true,
    errorCode: 'timeout',
  })
  const silent = await start(t, 'hang')
  t.match(
    await silent.send(ourFile('bytes'), silent.hung),
    { outcome: 'ambiguous', errorCode: 'timeout' },
    'but what had left whole may have been',
  )
})
