import t from 'tap'
import type { Received } from '../../../../adapters/channels/channel.ts'
import { email } from '../../../../adapters/channels/email/index.ts'
import { mimePeer } from './peer.ts'

const at = new Date('2024-11-01T14:00:00Z')
const account = { tenantId: 1, accountId: 'a', ...mimePeer.account }

async function receive(
  body: string | Buffer,
  type = 'message/rfc822',
  known = false,
): Promise<Received> {
  const headers = { 'content-type': type }
  const request = {
    method: 'POST',
    url: '/',
    path: '/',
    query: {},
    receivedAt: new Date(),
    headers,
    body: Buffer.from(body),
  }
  return email.receive(request, known ? account : null)
}

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
