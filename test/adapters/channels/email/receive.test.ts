import { createHash } from 'node:crypto'
import { createTransport } from 'nodemailer'
import t from 'tap'
import {
  type InboundMessage,
  type Received,
  UnreadablePayload,
} from '../../../../adapters/channels/channel.ts'
import { email } from '../../../../adapters/channels/email/index.ts'
import { mutations } from './fuzz.ts'
import { genericPeer, mime, mimePeer, png } from './peer.ts'

const at = new Date('2024-11-01T14:00:00Z')
const account = { tenantId: 1, accountId: 'a', ...mimePeer.account }

async function receive(
  body: string | Buffer,
  type = 'message/rfc822',
  known = false,
): Promise<Received> {
  const bytes = Buffer.from(body)
  const headers = { 'content-type': type }
  const request = { method: 'POST', url: '/', path: '/', query: {}, headers, body: bytes }
  return email.receive(request, known ? account : null)
}

async function read(...lines: (string | Buffer)[]): Promise<InboundMessage> {
  const bytes = Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from('\r\n')]))
  const [message] = (await receive(bytes)).messages
  if (!message) throw new Error('no message')
  return message
}

const generic = {
  from: 'Ann <ann@example.com>',
  to: 'team@pigeonpost.example',
  xillio_id: 'message-2',
  body: '<html><body>html is <b>allowed</b> here </body></html>',
  attachments: ['https://example.com/a.pdf'],
  timestamp: '2024-11-01T14:00:00Z',
}

t.test("document 003's mail is its text, with the HTML beside it", async (t) => {
  const payload = Buffer.from(JSON.stringify(generic))
  for (const type of ['application/json', 'text/plain', '']) {
    t.same(await receive(payload, type), {
      messages: [
        {
          direction: 'inbound',
          address: 'ann@example.com',
          accountAddress: 'team@pigeonpost.example',
          externalMessageId: 'message-2',
          contentType: 'file',
          body: 'html is allowed here',
          media: [{ url: 'https://example.com/a.pdf' }],
          sentAt: at,
          senderName: 'Ann',
          metadata: { provider: 'xillio', html: generic.body },
          raw: generic,
        },
      ],
      updates: [],
    })
  }
})

t.test('JSON that is none is refused as JSON, an empty body as well', async (t) => {
  for (const [body, type] of [
    ['{"from": ', 'message/rfc822'],
    ['hello', 'application/json; charset=utf-8'],
    ['', 'message/rfc822'],
  ] as const) {
    await t.rejects(receive(body, type), { field: 'body', code: 'json_malformed' })
  }
})

t.test('a mail is a message of its thread, with what it answers', async (t) => {
  const message = await read(
    'Received: from a by b; Fri, 1 Nov 2024 14:00:09 +0000',
    'From: =?UTF-8?Q?Andr=C3=A9?= <andre@example.com>',
    'To: "Team, The" <team@pigeonpost.example>, other@example.org',
    'Cc: third@example.org',
    'Subject: =?utf-8?B?UmU6IGdyw7zDn2U=?=',
    ' and more',
    'Date: Fri, 1 Nov 2024 16:00:00 +0200 (CEST)',
    'Message-ID: <Own.1@Example.com>',
    'In-Reply-To: <two@pigeonpost.example>',
    'References: <root@example.com>',
    '\t<one@example.com> <two@pigeonpost.example>',
    'Reply-To: andre@example.net',
    '',
    'Hello',
    '-- ',
    'André',
  )
  t.same(message, {
    direction: 'inbound',
    address: 'andre@example.com',
    accountAddress: 'team@pigeonpost.example',
    conversationExternalId: 'root@example.com',
    externalMessageId: 'Own.1@Example.com',
    contentType: 'text',
    body: 'Hello\n-- \nAndré',
    sentAt: at,
    senderName: 'André',
    replyTo: ['two@pigeonpost.example', 'one@example.com', 'root@example.com'],
    metadata: {
      subject: 'Re: grüße and more',
      to: ['team@pigeonpost.example', 'other@example.org'],
      cc: ['third@example.org'],
      reply_to_address: 'andre@example.net',
    },
    raw: message.raw,
  })
  t.has(message.raw, { headers: [['received', 'from a by b; Fri, 1 Nov 2024 14:00:09 +0000']] })
})

t.test('ids are spelled without brackets, however the mailer spells them', async (t) => {
  const id = async (header: string) =>
    (await read('From: a@b.example', header, '', 'x')).externalMessageId
  t.equal(await id('Message-Id: <1@x.example>'), '1@x.example')
  t.equal(await id('MESSAGE-ID:1@x.example'), '1@x.example')
  t.equal(await id('Message-ID: \r\n <1@x.example> (made up)'), '1@x.example')
  t.match(await id(`Message-ID: <${'x'.repeat(2000)}@x.example>`), /^sha256-[\da-f]{64}$/)
  const references = await read('From: a@b.example', 'References: <a@x><b@x>,<c@x>', '', 'x')
  t.same(references.replyTo, ['c@x', 'b@x', 'a@x'])
  t.equal(references.conversationExternalId, 'a@x')
})

t.test('a reply to what SendGrid sent names it by the id that SendGrid told us', async (t) => {
  const { replyTo } = await read(
    'From: a@b.example',
    'In-Reply-To: <LRzXl_NHStO@geopod-ismtpd-3-0>',
    '',
    'x',
  )
  t.same(replyTo, ['LRzXl_NHStO@geopod-ismtpd-3-0', 'LRzXl_NHStO'])
})

t.test('a mail without an id has one that is the same each time it comes', async (t) => {
  const bytes = 'From: a@b.example\r\n\r\nHello'
  const [first] = (await receive(bytes)).messages
  t.equal(first?.externalMessageId, `sha256-${createHash('sha256').update(bytes).digest('hex')}`)
  t.equal(first?.conversationExternalId, first?.externalMessageId)
  t.notSame((await receive(`${bytes}!`)).messages[0]?.externalMessageId, first?.externalMessageId)
})

t.test("the date is the writer's, else a server's, else none", async (t) => {
  const sent = async (...headers: string[]) =>
    (await read('From: a@b.example', ...headers, '', 'x')).sentAt.toISOString()
  const received = 'Received: by b id 7; 1 Nov 2024 15:00:00 +0100'
  t.equal(await sent('Date: Fri, 01 Nov 2024 10:00:00 EDT', received), at.toISOString())
  t.equal(await sent('Date: 1 Nov 24 14:00 GMT'), at.toISOString())
  t.equal(await sent('Date: Fri, 1 Nov 2024 14:00:00'), at.toISOString(), 'no zone is UTC')
  t.equal(await sent('Date: Fri, 1 Nov 2024 14:00:00 XYZ'), at.toISOString(), 'an unknown one too')
  t.equal(await sent('Date: yesterday', 'Received: nonsense', received), at.toISOString())
  t.equal(await sent('Date: yesterday'), new Date(0).toISOString())
})

t.test(
  'the sender is who is named next where From is missing, and a mail from nobody is refused',
  async (t) => {
    t.equal((await read('Sender: s@b.example', '', 'x')).address, 's@b.example')
    t.equal(
      (await read('From: nobody', 'Return-Path: <r@b.example>', '', 'x')).address,
      'r@b.example',
    )
    t.equal(
      (await read('From: Friends: f@b.example, g@b.example;', '', 'x')).address,
      'f@b.example',
    )
    await t.rejects(receive('Subject: x\r\n\r\nx'), { name: 'UnreadablePayload', field: 'from' })
  },
)

t.test(
  "the address of ours is the account's, else where it was delivered, else whom it names",
  async (t) => {
    const lines = ['From: a@b.example', 'To: list@example.org', 'Cc: c@example.org']
    const ours = async (known: boolean, ...more: string[]) =>
      (await receive([...lines, ...more, '', 'x'].join('\r\n'), 'message/rfc822', known))
        .messages[0]?.accountAddress
    t.equal(await ours(false), 'list@example.org')
    t.equal(await ours(false, 'Delivered-To: inbox@pigeonpost.example'), 'inbox@pigeonpost.example')
    t.equal(
      await ours(
        false,
        'Delivered-To: inbox@pigeonpost.example',
        'X-Original-To: sales@pigeonpost.example',
      ),
      'sales@pigeonpost.example',
    )
    t.equal(await ours(true), 'team@pigeonpost.example')
  },
)

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
      mimePeer.media?.({ id: 'm1@x', from: 'a@b.example', caption: 'Look: 🕊', at })?.body ?? '',
    )
  ).messages[0]
  t.equal(message?.contentType, 'image')
  t.equal(message?.body, 'Look: 🕊')
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

t.test("machines' mails are marked", async (t) => {
  const marks = async (...headers: string[]) => {
    const { metadata } = await read('From: a@b.example', ...headers, '', 'x')
    return metadata
  }
  t.same(await marks('Auto-Submitted: auto-replied'), {
    automatic: true,
    auto_submitted: 'auto-replied',
  })
  t.same(await marks('Auto-Submitted: no'), {})
  t.same(await marks('Precedence: bulk', 'List-Id: Pigeons <pigeons.example.org>'), {
    automatic: true,
    precedence: 'bulk',
    list_id: 'Pigeons <pigeons.example.org>',
  })
  t.same(await marks('X-Autoreply: yes'), { automatic: true })
})

const attempt = '0191d1a0-7b7b-7c3c-8d8d-0123456789ab'

t.test('a bounce is a receipt for what bounced, and no message', async (t) => {
  const sent = { id: `${attempt}@pigeonpost.example`, to: 'gone@example.com', at }
  const bounce = mimePeer.receipt?.({ ...sent, status: 'failed' }).body ?? ''
  t.same(await receive(bounce), {
    messages: [],
    updates: [
      {
        externalMessageId: `${attempt}@pigeonpost.example`,
        reference: attempt,
        update: {
          kind: 'receipt',
          status: 'failed',
          at: at.toISOString(),
          recipient: 'gone@example.com',
          error_code: '5.1.1',
          error_message: '550 5.1.1 User unknown',
        },
      },
    ],
  })
  t.equal(
    (await receive(bounce, 'message/rfc822', true)).updates[0]?.accountAddress,
    'team@pigeonpost.example',
  )
  const update = async (status: 'delivered' | 'read') =>
    (await receive(mimePeer.receipt?.({ ...sent, status }).body ?? '')).updates[0]?.update
  t.match(await update('delivered'), { status: 'delivered', recipient: 'gone@example.com' })
  t.match(await update('read'), { status: 'read' })
})

function report(type: string, fields: string[], copy: string[], ...headers: string[]): string {
  return [
    'From: daemon@b.example',
    'Date: Fri, 1 Nov 2024 14:00:00 +0000',
    ...headers,
    `Content-Type: multipart/report; boundary=x`,
    '',
    '--x',
    'Content-Type: text/plain',
    '',
    'Sorry',
    '--x',
    `Content-Type: ${type}`,
    '',
    ...fields,
    ...(copy.length > 0
      ? ['', '--x', 'Content-Type: message/rfc822', '', ...copy, '', 'Body']
      : []),
    '--x--',
    '',
  ].join('\r\n')
}

t.test('a bounce speaks for each of its recipients, and a delay for none', async (t) => {
  const fields = [
    'Reporting-MTA: dns; mx',
    '',
    'Final-Recipient: rfc822; one@example.com',
    'Action: failed',
    'Status: 5.2.2 (full)',
    'Diagnostic-Code: smtp; 552',
    ' mailbox full',
    '',
    'Final-Recipient: rfc822; two@example.com',
    'Action: delayed',
    'Status: 4.4.1',
    '',
    'Original-Recipient: rfc822;three@example.com',
    'Final-Recipient: rfc822; alias@example.com',
    'Action: Failed',
  ]
  const { updates, messages } = await receive(
    report('message/delivery-status', fields, ['Message-ID:', ' <1@ours.example>']),
  )
  t.same(messages, [])
  t.match(updates, [
    {
      externalMessageId: '1@ours.example',
      update: {
        recipient: 'one@example.com',
        error_code: '5.2.2',
        error_message: '552 mailbox full',
      },
    },
    {
      externalMessageId: '1@ours.example',
      update: { recipient: 'three@example.com', error_code: 'bounced' },
    },
  ])
  t.equal(updates.length, 2)
})

t.test(
  'a bounce that brings no copy is about what it answers, and one about nothing is a mail',
  async (t) => {
    const fields = ['Final-Recipient: rfc822; one@example.com', 'Action: failed', 'Status: 5.1.1']
    const answering = await receive(
      report('message/delivery-status', fields, [], 'In-Reply-To: <1@ours.example>'),
    )
    t.equal(answering.updates[0]?.externalMessageId, '1@ours.example')
    const lost = await receive(report('message/delivery-status', fields, []))
    t.same(lost.updates, [])
    t.equal(lost.messages[0]?.body, 'Sorry')
  },
)

t.test('a complaint is a failure with the code complaint', async (t) => {
  const arf = (type: string) =>
    receive(
      report(
        'message/feedback-report',
        [
          `Feedback-Type: ${type}`,
          'User-Agent: x/1',
          'Version: 1',
          'Original-Rcpt-To: <one@example.com>',
        ],
        ['Message-ID: <1@ours.example>'],
      ),
    )
  t.match(await arf('abuse'), {
    messages: [],
    updates: [
      {
        externalMessageId: '1@ours.example',
        update: {
          status: 'failed',
          error_code: 'complaint',
          error_message: 'abuse',
          recipient: 'one@example.com',
          at: at.toISOString(),
        },
      },
    ],
  })
  t.same(await arf('not-spam'), { messages: [], updates: [] })
})

t.test('whatever comes is read or refused', async (t) => {
  const samples = [
    mime({ id: 'a@b', from: 'a@b.example', at }, 'Hello'),
    mimePeer.media?.({ id: 'a@b', from: 'a@b.example', caption: 'x', at })?.body ?? '',
    alternative.join('\r\n'),
    mimePeer.receipt?.({ id: 'a@b', to: 'c@d', status: 'failed', at })?.body ?? '',
    genericPeer.text({ id: '1', from: 'a@b.example', body: '<p>x</p>', at }).body,
  ]
  let read = 0
  for (const { body } of mutations(samples, 3000)) {
    try {
      const { messages, updates } = await receive(body, '')
      read += messages.length + updates.length
      JSON.stringify([messages, updates])
      if (messages.some(({ sentAt }) => Number.isNaN(sentAt.getTime()))) t.fail('no date')
    } catch (error) {
      if (!(error instanceof UnreadablePayload)) {
        t.fail('another error', { error, body: body.toString() })
      }
    }
  }
  t.ok(read > 1500, `${read} were read`)
})
