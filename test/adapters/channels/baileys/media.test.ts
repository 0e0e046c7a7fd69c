import { createHash, randomBytes } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { encryptedStream, proto } from 'baileys'
import t, { type Test } from 'tap'
import { baileys, baileysProvider } from '../../../../adapters/channels/baileys/index.ts'
import { decrypt } from '../../../../adapters/channels/baileys/decrypt.ts'
import type { BaileysConnection } from '../../../../adapters/channels/baileys/bridge/socket.ts'
import type { MediaReference } from '../../../../adapters/channels/channel.ts'
import {
  brokenFile,
  bytesOf,
  type FileAnswer,
  ourFile,
  png,
  refusesWell,
  startFileServer,
} from '../../../support/files.ts'
import { logger, makeFakeSocket } from './fake-socket.ts'
import { account } from './support.ts'

type Type = 'image' | 'sticker' | 'video' | 'ptv' | 'audio' | 'document'

/** A file as Baileys itself uploads it. */
async function upload(bytes: Buffer, type: Type) {
  // The words of ptv lead to the same key as those of video.
  const kind = type === 'ptv' ? 'video' : type
  const { mediaKey, encFilePath } = await encryptedStream(bytes, kind, { logger })
  const encrypted = await readFile(encFilePath)
  await rm(encFilePath)
  return { mediaKey: Buffer.from(mediaKey), encrypted }
}

function referenceTo(mediaKey: Buffer, change: object = {}): MediaReference {
  const details = { media_type: 'image', media_key: mediaKey.toString('base64'), ...change }
  return {
    url: 'https://mmg.whatsapp.net/x.enc',
    details: { direct_path: '/v/1.enc?oe=1', ...details },
  }
}

async function start(t: Test, answer: FileAnswer) {
  const { url, asked } = await startFileServer(t, () => answer)
  const locate = async (reference: MediaReference, signal = AbortSignal.timeout(60_000)) =>
    (await baileys.locate?.(reference, {
      account: { ...account, settings: { api_url: url } },
      signal,
      webhook: async () => null,
    })) ?? { url: '' }
  return { asked, locate }
}

t.test(
  'a file that Baileys encrypted is given as it was, whatever it is and however it comes',
  async (t) => {
    for (const [size, type] of [
      [0, 'image'],
      [15, 'sticker'],
      [16, 'video'],
      [17, 'ptv'],
      [70_001, 'audio'],
      [300_000, 'document'],
    ] as const) {
      const bytes = randomBytes(size)
      const { mediaKey, encrypted } = await upload(bytes, type)
      const { asked, locate } = await start(t, { body: encrypted })
      const source = await locate(referenceTo(mediaKey, { media_type: type }))
      t.same(await bytesOf(source), bytes, type)
      t.match(asked, [
        { method: 'GET', path: '/v/1.enc?oe=1', headers: { origin: 'https://web.whatsapp.com' } },
      ])
      if (size > 100) continue
      const plain: Buffer[] = []
      const drip = Readable.from(Array.from(encrypted, (byte) => Buffer.of(byte)))
      for await (const chunk of decrypt(drip, mediaKey, type)) plain.push(chunk)
      t.same(Buffer.concat(plain), bytes, 'byte by byte')
    }
  },
)

t.test('what was changed, cut off or is encrypted by another key is no file', async (t) => {
  const { mediaKey, encrypted } = await upload(randomBytes(5_000), 'image')
  const changed = Buffer.from(encrypted)
  changed[100] = (changed[100] ?? 0) ^ 1
  const corrupt = { name: 'MediaUnavailable', code: 'media_corrupt', retryable: true }
  for (const body of [
    changed,
    encrypted.subarray(0, -1),
    encrypted.subarray(0, 9),
    '',
    '<html></html>',
  ]) {
    const { locate } = await start(t, { body })
    await t.rejects(bytesOf(await locate(referenceTo(mediaKey))), corrupt)
  }
  const { locate } = await start(t, { body: encrypted })
  await t.rejects(bytesOf(await locate(referenceTo(Buffer.alloc(32, 1)))), corrupt)
  await t.rejects(bytesOf(await locate(referenceTo(mediaKey, { media_type: 'audio' }))), corrupt)
  const cut = await start(t, { body: encrypted, cut: true })
  await t.rejects(bytesOf(await cut.locate(referenceTo(mediaKey))), {
    code: 'provider_unreachable',
    retryable: true,
  })
})

t.test('what WhatsApp answers instead says whether to try again', async (t) => {
  const reference = referenceTo(Buffer.alloc(32, 1))
  await refusesWell(
    t,
    async (answer, signal) => (await start(t, answer)).locate(reference, signal),
    { 'a page': null },
  )
  for (const status of [403, 410]) {
    const { locate } = await start(t, { status })
    await t.rejects(locate(reference), { code: 'media_gone', retryable: false })
  }
  const { asked, locate } = await start(t, {})
  await t.rejects(locate(referenceTo(Buffer.alloc(32), { media_type: '__proto__' })), {
    code: 'media_reference_invalid',
    retryable: false,
  })
  await t.rejects(locate({ details: { media_type: 'image', media_key: 'aaaa' } }), {
    code: 'media_reference_invalid',
  })
  t.same(await locate({ url: 'https://m.example/1' }), { url: 'https://m.example/1' })
  t.same(asked, [])
})

t.test("no host that a sender names is asked, unless it is WhatsApp's", async (t) => {
  const asked: string[] = []
  const { fetch } = globalThis
  t.teardown(() => Object.assign(globalThis, { fetch }))
  const listen = async (request: Request) => {
    asked.push(request.url)
    return new Response('', { status: 500 })
  }
  Object.assign(globalThis, { fetch: listen })
  for (const [url, direct_path] of [
    ['https://media-jnb2-1.cdn.whatsapp.net/v/2.enc?oh=1', undefined],
    ['https://media-jnb2-1.cdn.whatsapp.net/v/2.enc', '/v/1.enc'],
    ['https://evil.example/v/2.enc?a=1', undefined],
    ['http://127.0.0.1/v/2.enc', '/v/1.enc'],
    ['https://whatsapp.net.evil.example/v/2.enc', '.evil.example/'],
  ]) {
    const reference = { ...referenceTo(Buffer.alloc(32, 1), { direct_path }), url: url ?? '' }
    const context = {
      account: { ...account, settings: {} },
      signal: AbortSignal.timeout(60_000),
      webhook: async () => null,
    }
    await t.rejects(Promise.resolve(baileys.locate?.(reference, context)))
  }
  t.same(asked, [
    'https://media-jnb2-1.cdn.whatsapp.net/v/2.enc?oh=1',
    'https://media-jnb2-1.cdn.whatsapp.net/v/1.enc',
    'https://mmg.whatsapp.net/v/2.enc?a=1',
    'https://mmg.whatsapp.net/v/1.enc',
  ])
})

/** What Baileys makes of our messages, and of their files. */
function sender() {
  const socket = makeFakeSocket({ auth: null, logger })
  const connection: BaileysConnection = {
    state: 'open',
    async send(jid, content, options) {
      await socket.sendMessage(jid, content, options)
      return 'taken'
    },
    onWhatsApp: async () => [],
  }
  const provider = baileysProvider({ socketOf: () => connection })
  const send = (change: object) =>
    provider.send(
      {
        id: '0193a5b0-7c00-7000-8000-0000000000bb',
        attemptId: '0193a5b0-7c00-7000-8000-0000000000aa',
        attempt: 1,
        address: '+27831234567',
        conversationExternalId: null,
        contentType: 'image',
        body: 'Analysis',
        mediaUrl: 'http://127.0.0.1:1/elsewhere.png',
        replyTo: null,
        metadata: {},
        ...change,
      },
      { account, signal: AbortSignal.timeout(60_000), publicUrl: null },
    )
  return { socket, send }
}

t.test('files of ours are uploaded as they are read, never fetched', async (t) => {
  const { socket, send } = sender()
  const pdf = { filename: 'Brief für Ann.pdf', contentType: 'application/pdf' }
  const files = [
    ourFile(png, { url: 'http://127.0.0.1:1/signed' }),
    ourFile('pdf', pdf),
    ourFile('ogg', { contentType: 'audio/ogg; codecs=opus' }),
  ]
  t.match(await send({ files, metadata: { voice: true } }), { outcome: 'sent' })
  const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest()
  const sent = socket.sent.map(({ info }) =>
    proto.Message.toObject(
      proto.Message.decode(proto.Message.encode(info.message ?? {}).finish()),
      { longs: Number },
    ),
  )
  t.match(sent, [
    {
      imageMessage: {
        caption: 'Analysis',
        mimetype: 'image/png',
        fileLength: png.length,
        fileSha256: sha256(png),
      },
    },
    {
      documentMessage: {
        mimetype: 'application/pdf',
        fileName: 'Brief für Ann.pdf',
        fileSha256: sha256('pdf'),
      },
    },
    { audioMessage: { ptt: true, mimetype: 'audio/ogg; codecs=opus', fileSha256: sha256('ogg') } },
  ])
})

t.test('a file that cannot be read was not sent; of several, what has left has left', async (t) => {
  const { socket, send } = sender()
  t.match(await send({ files: [brokenFile()] }), {
    outcome: 'not_sent',
    retryable: true,
    errorCode: 'media_unreadable',
  })
  t.same(socket.sent, [])
  t.match(await send({ files: [ourFile(png), brokenFile()] }), {
    outcome: 'ambiguous',
    errorCode: 'partly_sent',
    errorMessage: /the disk is gone/,
  })
})
