import { createHash } from 'node:crypto'
import { createTransport } from 'nodemailer'
import t from 'tap'
import type { InboundMessage, Received } from '../../../../adapters/channels/channel.ts'
import { email } from '../../../../adapters/channels/email/index.ts'
import { png } from '../../../support/files.ts'
import { mimePeer } from './peer.ts'

const at = new Date('2024-11-01T14:00:00Z')
const account = { tenantId: 1, accountId: 'a', ...mimePeer.account }

async function receive(
  body: string | Buffer,
  type = 'message/rfc822',
  known = false,
): Promise<Received> {
  const bytes = Buffer.from(body)
  const headers = { 'content-type': type }
  const request = {
    method: 'POST',
    url: '/',
    path: '/',
    query: {},
    receivedAt: new Date(),
    headers,
    body: bytes,
  }
  return email.receive(request, known ? account : null)
}

async function read(...lines: (string | Buffer)[]): Promise<InboundMessage> {
  const bytes = Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from('\r\n')]))
  const [message] = (await receive(bytes)).messages
  if (!message) throw new Error('no message')
  return message
}

t.test('text in any charset and encoding is read', async (t) => {
  const body = async (type: string, encoding: string, content: Buffer | string) =>
    (
      await read(
        'From: a@b.example',
        `Content-Type: ${type}`,
        `Content-Transfer-Encoding: ${encoding}`,
        '',
        content,
      )
    ).body
  const iso2022 = Buffer.from('\u001b$BF|K\\8l\u001b(B', 'latin1')
  t.equal(await body('text/plain; charset=ISO-2022-JP', '7bit', iso2022), '日本語')
  t.equal(
    await body('text/plain; charset=windows-1252', '8bit', Buffer.from([0x93, 0x80, 0xe9, 0x94])),
    '“€é”',
  )
  t.equal(
    await body(
      'text/plain; charset="GB18030"',
      '8bit',
      Buffer.from([0xc4, 0xe3, 0x94, 0x39, 0xda, 0x33]),
    ),
    '你💩',
  )
  t.equal(
    await body('text/plain; charset=utf-8', 'quoted-printable', 'Gr=C3=BC=\r\n=C3=9Fe'),
    'Grüße',
  )
  t.equal(
    await body(
      'text/plain; charset=utf-16le',
      'base64',
      Buffer.from('Grüße', 'utf16le').toString('base64'),
    ),
    'Grüße',
  )
  t.equal(await body('text/plain; charset=nonsense', '8bit', 'Hello'), 'Hello')
  t.equal(await body('text/plain; format=flowed', '7bit', 'One \r\nline'), 'One line')
  const subject = (
    await read(
      'From: a@b.example',
      'Subject: =?iso-2022-jp?B?GyRCRnxLXDhsGyhC?=',
      ' =?windows-1252?Q?_=80?= =?gb18030?B?xOM=?=',
      '',
      'x',
    )
  ).metadata?.['subject']
  t.equal(subject, '日本語 €你')
})

t.test('control characters do not get through', async (t) => {
  const message = await read('From: a@b.example', 'Subject: a\u0000b\u0007', '', 'x\u0000y\u001bz')
  t.equal(message.body, 'xyz')
  t.equal(message.metadata?.['subject'], 'ab')
})

const alternative = [
  'From: a@b.example',
  'Content-Type: multipart/alternative; boundary=x',
  '',
  '--x',
  'Content-Type: text/plain',
  '',
  'Plain',
  '--x',
  'Content-Type: text/html; charset=utf-8',
  '',
  '<p>Rich &amp; <b>bold</b></p>',
  '--x--',
]

t.test('the text part is the body, and HTML alone is made into text', async (t) => {
  const both = await read(...alternative)
  t.equal(both.body, 'Plain')
  t.equal(both.metadata?.['html'], '<p>Rich &amp; <b>bold</b></p>\n')
  const html = await read(
    'From: a@b.example',
    'Content-Type: text/html',
    '',
    '<p>Rich &amp; <b>bold</b></p>',
  )
  t.equal(html.body, 'Rich & bold')
  const empty = await read(...alternative.with(6, ''))
  t.equal(empty.body, 'Rich & bold', 'an empty text part is none')
})

t.test('a body longer than the database takes is cut, and says so', async (t) => {
  const message = await read(
    'From: a@b.example',
    'Content-Type: text/plain; charset=utf-8',
    '',
    `x${'é'.repeat(600_000)}`,
  )
  t.equal(Buffer.byteLength(message.body ?? ''), 1_048_575)
  t.ok(message.body?.endsWith('é'))
  t.equal(message.metadata?.['truncated'], true)
})

t.test('attachments are references to the parts of the mail', async (t) => {
  const message = (
    await receive(
      mimePeer.media?.({ id: 'm1@x', from: 'a@b.example', caption: 'Analysis: 🕊', at })?.body ?? '',
    )
  ).messages[0]
  t.equal(message?.contentType, 'image')
  t.equal(message?.body, 'Analysis: 🕊')
  t.same(message?.media, [
    {
      content_type: 'image/png',
      filename: 'photo.png',
      size: png.length,
      sha256: createHash('sha256').update(png).digest('hex'),
      details: { part: 0, disposition: 'attachment' },
    },
  ])
})

t.test('what another mailer composes is read as it was meant', async (t) => {
  const { message: bytes } = await createTransport({
    streamTransport: true,
    buffer: true,
  }).sendMail({
    from: { name: 'Zoë, "Z"', address: 'zoë@example.com' },
    to: 'team@pigeonpost.example',
    subject: `Überraschung ${'日本語 '.repeat(30)}`.trim(),
    text: `${'Zeile '.repeat(40)}\n.\nEnde 🕊`,
    html: '<p>Zeile</p><img src="cid:one@x">',
    messageId: '<composed@example.com>',
    references: ['<root@example.com>', '<two@example.com>'],
    date: at,
    attachments: [
      {
        filename: 'Rechnung für März.pdf',
        content: Buffer.from('pdf'),
        contentType: 'application/pdf',
      },
      { filename: 'i.png', content: png, cid: 'one@x', contentDisposition: 'inline' },
    ],
  })
  const [message] = (await receive(bytes as Buffer)).messages
  t.match(message, {
    senderName: 'Zoë, "Z"',
    externalMessageId: 'composed@example.com',
    conversationExternalId: 'root@example.com',
    body: `${'Zeile '.repeat(40)}\n.\nEnde 🕊`,
    contentType: 'file',
    sentAt: at,
    metadata: { subject: `Überraschung ${'日本語 '.repeat(30)}`.trim() },
  })
  t.same(message?.media?.map(({ filename, size }) => [filename, size]).toSorted(), [
    ['Rechnung für März.pdf', 3],
    ['i.png', png.length],
  ])
})

t.test(
  'a picture inside the HTML, and a mail inside the mail, are files; the first does not make an image of it',
  async (t) => {
    const related = await read(
      'From: a@b.example',
      'Content-Type: multipart/related; boundary=x',
      '',
      '--x',
      'Content-Type: text/html',
      '',
      '<img src="cid:logo@x" alt="Logo"> Hello',
      '--x',
      'Content-Type: image/png',
      'Content-ID: <logo@x>',
      "Content-Disposition: inline; filename*=utf-8''%E2%82%AC.png",
      '',
      'x',
      '--x',
      'Content-Type: message/rfc822',
      '',
      'From: c@d.example',
      '',
      'Inner',
      '--x--',
    )
    t.equal(related.body, 'Logo Hello')
    t.equal(related.contentType, 'file')
    t.match(related.media, [
      { filename: '€.png', details: { part: 0, disposition: 'inline', content_id: 'logo@x' } },
      { content_type: 'message/rfc822', details: { part: 1, disposition: 'attachment' } },
    ])
  },
)
