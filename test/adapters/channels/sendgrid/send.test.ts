import type { ServerResponse } from 'node:http'
import sgMail from '@sendgrid/mail'
import t, { type Test } from 'tap'
import type { OutboundMessage, SendOutcome } from '../../../../adapters/channels/channel.ts'
import { sendgridProvider } from '../../../../adapters/channels/sendgrid/index.ts'
import { brokenFile, ourFile } from '../../../support/files.ts'
import { startProviderServer } from '../../../support/provider.ts'
import { attemptId, outbound } from '../email/message.ts'

type Taken = { method: string; path: string; authorization: string; type: string; body: object }

const accepted = (response: ServerResponse) =>
  response.writeHead(202, { 'x-message-id': 'LRzXl_NHStOGhQ4kofSm_A' }).end()

async function startSendgrid(t: Test, answer = accepted) {
  const taken: Taken[] = []
  const server = await startProviderServer(t, (body, response, request) => {
    taken.push({
      method: request.method ?? '',
      path: request.url ?? '',
      authorization: request.headers.authorization ?? '',
      type: request.headers['content-type'] ?? '',
      body: JSON.parse(body) as object,
    })
    answer(response)
  })
  const send = (
    change: Partial<OutboundMessage>,
    settings: object = {},
    about: { address?: string | null; secret?: string | null } = {},
  ): Promise<SendOutcome> =>
    sendgridProvider.send(outbound(change), {
      account: {
        tenantId: 1,
        accountId: 'a',
        channel: 'email',
        address: 'team@pigeonpost.example',
        provider: 'sendgrid',
        settings: { api_url: server.url, ...settings },
        secret: '{"api_key": "SG.key"}',
        ...about,
      },
      signal: AbortSignal.timeout(60_000),
      publicUrl: null,
    })
  sgMail.setApiKey('SG.key')
  Reflect.get(sgMail, 'client').setDefaultRequest('baseUrl', server.url)
  return { taken, send }
}

const customArgs = { pigeonpost_attempt: attemptId }
const from = 'team@pigeonpost.example'
const to = 'ann@example.com'

const requests: [what: string, change: Partial<OutboundMessage>, settings: object, sdk: object][] =
  [
    [
      'text',
      { metadata: { subject: 'Grüße' } },
      {},
      { to, from, subject: 'Grüße', text: 'Hello 🕊', customArgs },
    ],
    [
      'HTML, copies and names',
      { metadata: { subject: 'S', html: '<b>Hi</b>', cc: 'c@x.example', bcc: ['b@x.example'] } },
      { from_name: 'Team', reply_to: 'answers@pigeonpost.example' },
      {
        to,
        cc: 'c@x.example',
        bcc: ['b@x.example'],
        from: { email: from, name: 'Team' },
        replyTo: 'answers@pigeonpost.example',
        subject: 'S',
        content: [
          { type: 'text/plain', value: 'Hello 🕊' },
          { type: 'text/html', value: '<b>Hi</b>' },
        ],
        customArgs,
      },
    ],
    [
      'an answer',
      {
        conversationExternalId: 'root@example.com',
        replyTo: { externalMessageId: 'two@example.com', subject: 'RE: Question' },
      },
      {},
      {
        to,
        from,
        subject: 'Re: Question',
        text: 'Hello 🕊',
        headers: {
          'In-Reply-To': '<two@example.com>',
          References: '<root@example.com> <two@example.com>',
        },
        customArgs,
      },
    ],
    [
      'a file with its bytes',
      {
        metadata: {
          subject: 'S',
          media: [{ filename: 'a.pdf', content_type: 'application/pdf', content_base64: 'cGRm' }],
        },
      },
      {},
      {
        to,
        from,
        subject: 'S',
        text: 'Hello 🕊',
        attachments: [
          {
            content: 'cGRm',
            filename: 'a.pdf',
            type: 'application/pdf',
            disposition: 'attachment',
          },
        ],
        customArgs,
      },
    ],
    [
      'files of ours',
      {
        metadata: { subject: 'S', media: [{ url: 'https://elsewhere.example/1' }] },
        files: [
          ourFile('pdf', { filename: 'Brief für Ann.pdf', contentType: 'application/pdf' }),
          ourFile('png!', { url: 'https://s3.example/signed' }),
        ],
      },
      {},
      {
        to,
        from,
        subject: 'S',
        text: 'Hello 🕊',
        attachments: [
          {
            content: 'cGRm',
            filename: 'Brief für Ann.pdf',
            type: 'application/pdf',
            disposition: 'attachment',
          },
          {
            content: 'cG5nIQ==',
            filename: 'photo.png',
            type: 'image/png',
            disposition: 'attachment',
          },
        ],
        customArgs,
      },
    ],
    [
      'a dynamic template',
      { body: null, metadata: { template: { template_id: 'd-1', data: { name: 'Ann' } } } },
      {},
      { to, from, templateId: 'd-1', dynamicTemplateData: { name: 'Ann' }, customArgs },
    ],
  ]

t.test("a request is the same as that of SendGrid's own client", async (t) => {
  const { taken, send } = await startSendgrid(t)
  for (const [what, change, settings, sdk] of requests) {
    t.same(await send(change, settings), {
      outcome: 'sent',
      externalMessageId: 'LRzXl_NHStOGhQ4kofSm_A',
    })
    await sgMail.send(sdk as Parameters<typeof sgMail.send>[0])
    const [ours, theirs] = taken.splice(0)
    t.same(ours, theirs, what)
    t.equal(ours?.path, '/v3/mail/send')
  }
})

async function sent(t: Test, change: Partial<OutboundMessage>, settings: object = {}) {
  const { taken, send } = await startSendgrid(t)
  const outcome = await send(change, settings)
  return { outcome, body: taken[0]?.body as Record<string, unknown> | undefined }
}

t.test('what has only an address stays a link, in the text and in the HTML', async (t) => {
  const media = [
    { url: 'https://f.example/a?x=1&y="2"', filename: 'a.pdf' },
    { url: 'https://f.example/b' },
  ]
  const { body } = await sent(t, { metadata: { html: '<body><p>Hi</p></body>', media } })
  t.same(body?.['content'], [
    {
      type: 'text/plain',
      value: 'Hello 🕊\n\na.pdf: https://f.example/a?x=1&y="2"\nhttps://f.example/b',
    },
    {
      type: 'text/html',
      value:
        '<body><p>Hi</p><p><a href="https://f.example/a?x=1&#38;y=&#34;2&#34;">a.pdf</a></p><p><a href="https://f.example/b">https://f.example/b</a></p></body>',
    },
  ])
  const bare = await sent(t, {
    contentType: 'image',
    body: null,
    mediaUrl: 'https://f.example/c.png',
  })
  t.match(bare.body, { content: [{ value: 'https://f.example/c.png' }] })
  const place = { latitude: -33.9, longitude: 18.4, name: 'Office' }
  const location = await sent(t, {
    contentType: 'location',
    body: null,
    metadata: { location: place },
  })
  t.match(location.body, {
    content: [
      { value: 'Office, -33.9, 18.4: https://www.openstreetmap.org/?mlat=-33.9&mlon=18.4' },
    ],
  })
})

t.test('a mail has a subject on one line, whatever is given', async (t) => {
  const subject = async (change: Partial<OutboundMessage>, settings: object = {}) =>
    (await sent(t, change, settings)).body?.['subject']
  t.equal(await subject({ metadata: { subject: 'a\r\nBcc: b@x.example' } }), 'a Bcc: b@x.example')
  t.equal(await subject({ replyTo: { externalMessageId: 'x', subject: 'Fwd: Q' } }), 'Re: Fwd: Q')
  t.equal(await subject({}, { default_subject: 'News' }), 'News')
  t.equal(await subject({}, { from_name: 'Team' }), 'Message from Team')
  t.equal(await subject({}), 'Message from team@pigeonpost.example')
})

t.test(
  'ids that are no Message-IDs are not passed off as such, and nobody is written to twice',
  async (t) => {
    const { body } = await sent(t, {
      conversationExternalId: 'sha256-77',
      replyTo: { externalMessageId: 'LRzXl_NHStO', subject: null },
      metadata: { cc: ['ANN@example.com', 'c@x.example'], bcc: ['c@x.example'] },
    })
    t.notHas(body, { headers: {} })
    t.same(body?.['personalizations'], [{ to: [{ email: to }], cc: [{ email: 'c@x.example' }] }])
  },
)

t.test('what cannot be sent is refused before any request', async (t) => {
  const { taken, send } = await startSendgrid(t)
  for (const change of [
    { body: null },
    { metadata: { media: [{ id: '7' }] } },
    { metadata: { media: [{ content_base64: '***' }] } },
    { metadata: { template: { id: 7 } } },
  ]) {
    t.match(await send(change), {
      outcome: 'not_sent',
      retryable: false,
      errorCode: 'content_unsupported',
    })
  }
  for (const about of [{ secret: null }, { secret: '{}' }, { address: null }]) {
    t.match(await send({}, {}, about), {
      errorCode: 'account_misconfigured',
      account: 'disconnect',
    })
  }
  t.same(taken, [])
})

t.test(
  'files past 30 MB in base64 are refused unread, and those that break are not sent',
  async (t) => {
    const { taken, send } = await startSendgrid(t)
    const untouched = async () => Promise.reject(new Error('it was read'))
    const half = ourFile('', { size: 11_800_000, read: untouched })
    t.match(await send({ files: [half, half] }), {
      outcome: 'not_sent',
      retryable: false,
      errorCode: 'too_large',
    })
    for (const file of [half, brokenFile()]) {
      t.match(await send({ files: [file] }), {
        outcome: 'not_sent',
        retryable: true,
        errorCode: 'media_unreadable',
      })
    }
    t.same(taken, [])
  },
)

t.test("SendGrid's errors are told apart", async (t) => {
  const reset = String(Math.ceil(Date.now() / 1000) + 60)
  const cases: [status: number, headers: Record<string, string>, body: string, outcome: object][] =
    [
      [
        401,
        {},
        '{"errors":[{"message":"The provided authorization grant is invalid","field":null}]}',
        {
          outcome: 'not_sent',
          account: 'disconnect',
          errorCode: 'unauthorized',
          errorMessage: 'The provided authorization grant is invalid',
        },
      ],
      [
        403,
        {},
        '{"errors":[{"message":"Not verified","field":"from"}]}',
        { account: 'disconnect', errorMessage: 'from: Not verified' },
      ],
      [
        400,
        {},
        '{"errors":[{"message":"Does not contain a valid address.","field":"personalizations.0.to.0.email","help":"x"}]}',
        {
          outcome: 'not_sent',
          retryable: false,
          errorCode: 'request_refused',
          errorMessage: 'personalizations.0.to.0.email: Does not contain a valid address.',
        },
      ],
      [413, {}, '', { outcome: 'not_sent', retryable: false, errorCode: 'too_large' }],
      [
        429,
        { 'x-ratelimit-reset': reset },
        '',
        { outcome: 'not_sent', retryable: true, errorCode: 'rate_limited' },
      ],
      [503, {}, '', { outcome: 'not_sent', retryable: true }],
      [502, {}, '', { outcome: 'ambiguous' }],
      [202, {}, '', { outcome: 'ambiguous', errorCode: 'answer_unreadable' }],
    ]
  for (const [status, headers, body, outcome] of cases) {
    const { send } = await startSendgrid(t, (response) =>
      response.writeHead(status, headers).end(body),
    )
    const result = await send({})
    t.match(result, outcome, String(status))
    if (status === 429 && result.outcome === 'not_sent') {
      t.ok((result.retryAfterMs ?? 0) > 50_000 && (result.retryAfterMs ?? 0) <= 61_000)
    }
  }
})
