import { createHash } from 'node:crypto'
import t from 'tap'
import {
  type Received,
  UnreadablePayload,
  type WebhookRequest,
} from '../../../../adapters/channels/channel.ts'
import { sendgrid } from '../../../../adapters/channels/sendgrid/index.ts'
import { png } from '../../../support/files.ts'
import type { PeerRequest } from '../../../support/peer.ts'
import { mutations } from '../email/fuzz.ts'
import { mime, mimePeer } from '../email/peer.ts'
import { account as peerAccount, events, form, parsed, peer } from './peer.ts'

const at = new Date('2024-11-01T14:00:00Z')
const account = { tenantId: 1, accountId: 'a', ...peerAccount }

function asRequest({ headers, body }: PeerRequest): WebhookRequest {
  return {
    method: 'POST',
    url: '/',
    path: '/',
    query: {},
    receivedAt: new Date(),
    headers,
    body: Buffer.from(body),
  }
}

async function receive(request: PeerRequest, known = false): Promise<Received> {
  return sendgrid.receive(asRequest(request), known ? account : null)
}

const what = { id: 'm1@example.com', from: 'ann@example.com', at }
const mail = parsed(what, 'Hello')

const event = {
  email: 'ann@example.com',
  timestamp: 1730469600,
  sg_message_id: 'abc.filter1.2.3.0',
  sg_event_id: 'e',
}

t.test('events become receipts, and those that say nothing of a message none', async (t) => {
  const attempt = '0191d1a0-7b7b-7c3c-8d8d-0123456789ab'
  const { messages, updates, problems } = await receive(
    events(
      { ...event, event: 'processed' },
      { ...event, event: 'deferred', response: '400 try again later', attempt: '5' },
      { ...event, event: 'delivered', response: '250 OK', pigeonpost_attempt: attempt },
      { ...event, event: 'open', useragent: 'x', sg_machine_open: false },
      { ...event, event: 'open', sg_machine_open: true },
      { ...event, event: 'click', url: 'https://example.com' },
      { ...event, event: 'bounce', type: 'bounce', status: '5.1.1', reason: '550 5.1.1 unknown' },
      { ...event, event: 'bounce', type: 'blocked', reason: 'blocked' },
      { ...event, event: 'dropped', reason: 'Bounced Address' },
      { ...event, event: 'spamreport' },
      { ...event, event: 'unsubscribe' },
      { ...event, event: 'group_unsubscribe', asm_group_id: 10 },
      { event: 'account_status_change', timestamp: 1730469600, type: 'compliance_suspend' },
    ),
  )
  t.same(messages, [])
  t.equal(problems, undefined)
  t.same(
    updates.map(({ update }) => update.kind === 'receipt' && [update.status, update.error_code]),
    [
      ['delivered', undefined],
      ['read', undefined],
      ['delivered', undefined],
      ['failed', '5.1.1'],
      ['failed', 'blocked'],
      ['failed', 'dropped'],
      ['failed', 'complaint'],
    ],
  )
  t.same(updates[0], {
    externalMessageId: 'abc',
    reference: attempt,
    update: {
      kind: 'receipt',
      status: 'delivered',
      at: at.toISOString(),
      recipient: 'ann@example.com',
    },
  })
})

t.test('a message that went out by SMTP through SendGrid keeps the id that we chose', async (t) => {
  const id = '0191d1a0-7b7b-7c3c-8d8d-0123456789ab'
  const { updates } = await receive(
    events({ ...event, event: 'delivered', 'smtp-id': `<${id}@pigeonpost.example>` }),
  )
  t.match(updates, [{ externalMessageId: `${id}@pigeonpost.example`, reference: id }])
})

t.test('one unreadable event of a batch leaves the others be', async (t) => {
  const { updates, problems } = await receive(
    events(
      { ...event, event: 'open' },
      { event: 'open' },
      { ...event, event: 'open', sg_message_id: null },
      7 as never,
      {
        ...event,
        event: 'delivered',
      },
    ),
  )
  t.equal(updates.length, 2)
  t.same(
    problems?.map(({ field }) => field),
    ['1.timestamp', '2.sg_message_id', '3.body'],
  )
})

t.test('a mail that SendGrid took apart is a message of its thread', async (t) => {
  const request = parsed(
    { ...what, id: 'm1@example.com>\r\nIn-Reply-To: <LRzXl@geopod-ismtpd-3-0' },
    'Hello\nthere 🕊\n',
  )
  const { messages, updates } = await receive(request)
  t.same(updates, [])
  const [message] = messages
  t.match(message, {
    direction: 'inbound',
    address: 'ann@example.com',
    accountAddress: 'team@parse.pigeonpost.example',
    externalMessageId: 'm1@example.com',
    conversationExternalId: 'LRzXl@geopod-ismtpd-3-0',
    replyTo: ['LRzXl@geopod-ismtpd-3-0', 'LRzXl'],
    contentType: 'text',
    body: 'Hello\nthere 🕊',
    senderName: 'Someone',
    sentAt: at,
    metadata: { subject: 'A question', spf: 'pass', dkim: '{@example.com : pass}' },
    raw: { headers: Array, fields: { sender_ip: '192.0.2.7' } },
  })
})

t.test('each field is read in the charset that is named for it', async (t) => {
  const charsets = JSON.stringify({
    subject: 'windows-1252',
    text: 'iso-2022-jp',
    html: 'nonsense',
    from: 'UTF-8',
  })
  const { messages } = await receive(
    form([
      ['from', 'Zoë <zoe@example.com>'],
      ['to', 'team@parse.pigeonpost.example'],
      ['subject', Buffer.from([0x80, 0xe9])],
      ['text', Buffer.from('\u001b$BF|K\\8l\u001b(B', 'latin1')],
      ['html', '<p>x</p>'],
      ['charsets', charsets],
    ]),
  )
  t.match(messages[0], {
    senderName: 'Zoë',
    body: '日本語',
    metadata: { subject: '€é', html: '<p>x</p>' },
  })
})

t.test('attachments are references to the fields of the form', async (t) => {
  const [message] = (await receive(peer.media?.({ ...what, caption: 'Analysis' }) ?? mail)).messages
  t.equal(message?.contentType, 'image')
  t.equal(message?.body, 'Analysis')
  t.same(message?.media, [
    {
      content_type: 'image/png',
      filename: 'photo.png',
      size: png.length,
      sha256: createHash('sha256').update(png).digest('hex'),
      details: { part: 0, field: 'attachment1', disposition: 'attachment' },
    },
  ])
})

t.test(
  'a mail without Message-ID has the same id in every delivery, whatever its boundary',
  async (t) => {
    const id = async (boundary: string, text = 'x') =>
      (
        await receive(
          form(
            [
              ['from', 'a@b.example'],
              ['text', text],
            ],
            boundary,
          ),
        )
      ).messages[0]?.externalMessageId
    t.match(await id('one'), /^sha256-/)
    t.equal(await id('one'), await id('two'))
    t.not(await id('one'), await id('one', 'y'))
  },
)

t.test('raw mode is the mail itself', async (t) => {
  const raw = (text: string) =>
    form([
      ['email', text],
      ['envelope', '{"to":["sales@parse.pigeonpost.example"],"from":"ann@example.com"}'],
      ['spam_score', '0.1'],
    ])
  const file = { filename: 'a.png', type: 'image/png', content: png }
  t.match((await receive(raw(mime(what, 'Hello 🕊', file)))).messages, [
    {
      accountAddress: 'sales@parse.pigeonpost.example',
      externalMessageId: 'm1@example.com',
      body: 'Hello 🕊',
      media: [{ filename: 'a.png', size: png.length }],
      metadata: { subject: 'A question', spam_score: '0.1' },
    },
  ])
  const bounce = mimePeer.receipt?.({ id: '1@x', to: 'gone@example.com', at, status: 'failed' })
  const { messages, updates } = await receive(raw(String(bounce?.body)), true)
  t.same(messages, [])
  t.match(updates, [
    {
      externalMessageId: '1@x',
      accountAddress: 'team@parse.pigeonpost.example',
      update: { error_code: '5.1.1' },
    },
  ])
})

t.test('a form that breaks off, or is none, is refused', async (t) => {
  const { headers, body } = mail
  for (const broken of [
    { headers, body: Buffer.from(body).subarray(0, 300) },
    { headers, body: '' },
    { headers, body: 'hello' },
    { headers: { 'content-type': 'multipart/form-data' }, body },
  ]) {
    await t.rejects(receive(broken), { name: 'UnreadablePayload', field: 'body' })
  }
})

t.test('whatever comes is read or refused', async (t) => {
  const requests = [
    mail,
    peer.media?.({ ...what, caption: 'x' }) ?? mail,
    events({ ...event, event: 'bounce' }),
  ]
  let read = 0
  for (const { body, sample } of mutations(
    requests.map((request) => request.body),
    3000,
  )) {
    try {
      const { messages, updates } = await receive({
        headers: requests[sample]?.headers ?? {},
        body,
      })
      read += messages.length + updates.length
    } catch (error) {
      if (!(error instanceof UnreadablePayload)) {
        t.fail('another error', { error, body: body.toString() })
      }
    }
  }
  t.ok(read > 1000, `${read} were read`)
})
