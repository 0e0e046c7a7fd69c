import { createHash } from 'node:crypto'
import t from 'tap'
import {
  type InboundMessage,
  type Received,
  UnreadablePayload,
} from '../../../../adapters/channels/channel.ts'
import { email } from '../../../../adapters/channels/email/index.ts'
import { mutations } from './fuzz.ts'
import { genericPeer, mime, mimePeer } from './peer.ts'

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
