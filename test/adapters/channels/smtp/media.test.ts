import { Readable } from 'node:stream'
import { createTransport } from 'nodemailer'
import PostalMime from 'postal-mime'
import t from 'tap'
import type { OutboundFile, OutboundMessage } from '../../../../adapters/channels/channel.ts'
import { smtpProvider } from '../../../../adapters/channels/smtp/index.ts'
import { brokenFile, ourFile, png, timedOut } from '../../../support/files.ts'
import { attemptId, outbound } from '../email/message.ts'
import { agree, startRawServer, startSmtpServer } from './server.ts'

const send = (
  port: number,
  change: Partial<OutboundMessage>,
  signal = AbortSignal.timeout(60_000),
) =>
  smtpProvider.send(outbound(change), {
    account: {
      tenantId: 1,
      accountId: 'a',
      channel: 'email',
      address: 'team@pigeonpost.example',
      provider: 'smtp',
      settings: { host: '127.0.0.1', port },
      secret: null,
    },
    signal,
    publicUrl: null,
  })

const files = [
  ourFile(png, { filename: 'Foto für Ann.png', url: 'https://s3.example/signed' }),
  ourFile('a,b\r\n.\r\n', { filename: 'a.csv', contentType: 'text/csv' }),
]

t.test(
  'files of ours are attached as nodemailer attaches their bytes, and no link is shown',
  async (t) => {
    const { port, mails } = await startSmtpServer(t)
    const metadata = {
      subject: 'S',
      media: [{ url: 'https://elsewhere.example/1.png', content_base64: 'cGRm' }],
    }
    t.match(await send(port, { contentType: 'image', metadata, files }), { outcome: 'sent' })
    await createTransport({ host: '127.0.0.1', port }).sendMail({
      from: 'team@pigeonpost.example',
      to: 'ann@example.com',
      subject: 'S',
      text: 'Hello 🕊',
      messageId: `<${attemptId}@pigeonpost.example>`,
      attachments: [
        { filename: 'Foto für Ann.png', contentType: 'image/png', content: png },
        { filename: 'a.csv', contentType: 'text/csv', content: Buffer.from('a,b\r\n.\r\n') },
      ],
    })
    const [ours, theirs] = await Promise.all(
      mails.map(async ({ source }) => {
        const { date: _, headers, headerLines: __, ...mail } = await PostalMime.parse(source)
        return { ...mail, headers: headers.filter(({ key }) => !/^(date|content-type)$/.test(key)) }
      }),
    )
    t.same(ours, theirs)
    t.equal(ours?.attachments.length, 2)
    t.same(Buffer.from(ours?.attachments[0]?.content as ArrayBuffer), png)
    t.equal(ours?.text?.trim(), 'Hello 🕊')
  },
)

t.test('a long file is read while it is sent', async (t) => {
  let read = 0
  async function* chunks() {
    for (; read < 150; read++) yield Buffer.alloc(100_000, 7)
  }
  const arrived: number[] = []
  const { port } = await startSmtpServer(t, {
    onData(stream, _session, done) {
      stream.on('data', () => arrived.push(read))
      stream.on('end', () => done())
    },
  })
  const long = ourFile('', { size: 15_000_000, read: async () => Readable.from(chunks()) })
  t.match(await send(port, { files: [long] }), { outcome: 'sent' })
  t.ok((arrived[0] ?? 150) < 50, `${arrived[0]} of 150 chunks are read when the first arrives`)
  t.equal(read, 150)
})

t.test('a file that cannot be read whole leaves no mail, not even half of one', async (t) => {
  const { port, mails } = await startSmtpServer(t)
  const notSent = { outcome: 'not_sent', retryable: true, errorCode: 'media_unreadable' }
  for (const file of [
    brokenFile(),
    ourFile('bytes', { size: 6 }),
    ourFile('bytes', { read: async () => Promise.reject(new Error('no such file')) }),
  ]) {
    t.match(await send(port, { files: [file] }), notSent)
  }
  t.same(mails, [])
  t.match(await send(port, { files }), { outcome: 'sent' }, 'and the next goes out')
})

t.test(
  'no file is opened for a mail that is refused, and one that stalls is given up',
  async (t) => {
    let opened = 0
    const time = new AbortController()
    const watched: OutboundFile = ourFile('bytes', {
      read: async () => {
        opened += 1
        return Readable.from(
          (async function* () {
            time.abort(timedOut())
            await new Promise(() => {})
            yield Buffer.alloc(0)
          })(),
        )
      },
    })
    const { port } = await startRawServer(t, (line) =>
      line.startsWith('RCPT') ? '550 5.1.1 unknown' : agree(line),
    )
    t.match(await send(port, { files: [watched] }), { outcome: 'not_sent', errorCode: '5.1.1' })
    t.equal(opened, 0)
    const server = await startSmtpServer(t)
    t.match(await send(server.port, { files: [watched] }, time.signal), {
      outcome: 'not_sent',
      retryable: true,
      errorCode: 'aborted',
    })
    t.same(server.mails, [])
  },
)
