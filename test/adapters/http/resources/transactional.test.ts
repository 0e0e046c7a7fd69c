import t from 'tap'
import { errorOf, testApi } from '../support/api.ts'

const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const sms = {
  from: '+12016661234',
  to: '+18045551234',
  type: 'sms',
  body: 'Hello! This is a test SMS message.',
  attachments: null,
  timestamp: '2024-11-01T14:00:00Z',
}
const email = {
  from: 'user@usehatchapp.com',
  to: 'contact@gmail.com',
  body: 'Hello! This is a test email message with <b>HTML</b> formatting',
  attachments: ['https://example.com/document.pdf'],
  timestamp: '2024-11-01T14:00:00Z',
}
const messages = async ({ sql }: Awaited<ReturnType<typeof testApi>>) =>
  sql`select m.*, a.address as own from pigeonpost.messages m
    join pigeonpost.accounts a on a.tenant_id = m.tenant_id and a.id = m.account_id order by m.number`

t.test(
  'POST /api/messages/sms puts a message into the outbox, in document 003’s words',
  async (t) => {
    const api = await testApi(t)
    const { status, body } = await api.post('/api/messages/sms', sms)
    t.equal(status, 202)
    const [row] = await messages(api)
    t.same(body, {
      success: true,
      data: {
        id: row?.['id'],
        number: Number(row?.['number']),
        conversation_id: row?.['conversation_id'],
        thread_id: row?.['thread_id'],
        inbound_or_outbound: 'outbound',
        endpoint_source: '+12016661234',
        endpoint_target: '+18045551234',
        type: 'sms',
        body: sms.body,
        attachments: [],
        timestamp: '2024-11-01T14:00:00Z',
        status_tag: 'outbox',
        status_payload: {
          state: 'queued',
          attempts: 0,
          next_attempt_at: null,
          error_code: null,
          error_message: null,
        },
        provider_id: null,
        provider_message_id: null,
        created_at: row?.['created_at'].toISOString(),
        updated_at: row?.['created_at'].toISOString(),
      },
    })
    t.match(body.data.created_at, isoTime)
    t.match(row, {
      direction: 'outbound',
      status: 'queued',
      channel: 'sms',
      address: '+18045551234',
      own: '+12016661234',
      content_type: 'text',
      body: sms.body,
      media_url: null,
      metadata: { type: 'sms', timestamp: '2024-11-01T14:00:00Z' },
    })
    t.equal(row?.['metadata'].media, undefined)
  },
)

t.test('an mms with several attachments is one message with several media', async (t) => {
  const api = await testApi(t)
  const attachments = ['https://example.com/image.jpg', 'https://example.com/clip.mp4']
  const { status, body } = await api.post('/api/messages/sms', { ...sms, type: 'mms', attachments })
  t.equal(status, 202)
  t.match(body.data, { type: 'mms', attachments })
  const bare = await api.post('/api/messages/sms', { ...sms, type: 'mms', body: '', attachments })
  t.equal(bare.status, 202, 'it need not say anything')
  t.equal((await api.post('/api/messages/sms', { ...sms, attachments: [] })).status, 202)
  const [row, ...rest] = await messages(api)
  t.equal(rest.length, 2)
  t.match(row, {
    content_type: 'image',
    media_url: attachments[0],
    metadata: { media: attachments.map((url) => ({ url })) },
  })
})

t.test('POST /api/messages/email sends HTML as HTML, with its text beside it', async (t) => {
  const api = await testApi(t)
  const { status, body } = await api.post('/api/messages/email', { ...email, subject: 'Hi' })
  t.equal(status, 202)
  t.match(body.data, {
    inbound_or_outbound: 'outbound',
    endpoint_source: email.from,
    endpoint_target: email.to,
    type: 'email',
    body: email.body,
    attachments: email.attachments,
    status_tag: 'outbox',
  })
  const plain = await api.post('/api/messages/email', {
    ...email,
    from: 'Shop <User@UseHatchApp.com>',
    body: 'a < b, and\r\nb > c',
    attachments: [],
  })
  t.match(plain.body.data, { endpoint_source: email.from, body: 'a < b, and\nb > c' })
  const [html, text] = await messages(api)
  t.match(html, {
    channel: 'email',
    content_type: 'file',
    body: 'Hello! This is a test email message with HTML formatting',
    metadata: { html: email.body, subject: 'Hi', media: [{ url: email.attachments[0] }] },
  })
  t.equal(text?.['metadata'].html, undefined)
  t.equal((await api.sql`select from pigeonpost.accounts`).length, 1)
})

t.test('a message from A to B and a webhook from B to A land in one conversation', async (t) => {
  const { post, get, sql } = await testApi(t)
  const cases: [string, object, string, object][] = [
    [
      '/api/messages/sms',
      sms,
      '/api/webhooks/sms',
      {
        ...sms,
        from: '+1 (804) 555-1234',
        to: sms.from,
        messaging_provider_id: 'm-1',
      },
    ],
    [
      '/api/messages/email',
      email,
      '/api/webhooks/email',
      {
        ...email,
        from: 'Contact <Contact@Gmail.com>',
        to: 'User@UseHatchApp.com',
        xillio_id: 'x-1',
      },
    ],
  ]
  for (const [path, out, webhook, back] of cases) {
    const { body } = await post(path, out)
    const received = await post(webhook, back)
    t.equal(received.status, 200, webhook)
    const answer = await get(`/api/v1/messages/${received.body.data.messages[0].id}`)
    t.equal(answer.body.data.conversationId, body.data.conversation_id, webhook)
    t.equal(answer.body.data.threadId, body.data.thread_id)
    const again = await post(path, out)
    t.equal(again.body.data.conversation_id, body.data.conversation_id)
  }
  t.equal((await sql`select from pigeonpost.conversations`).length, 2)
  t.equal((await sql`select from pigeonpost.accounts`).length, 2)
  const other = await post('/api/messages/sms', { ...sms, from: '+12016661235' })
  t.equal((await sql`select from pigeonpost.conversations`).length, 3, 'another number of ours')
  t.equal(other.status, 202)
})

t.test('the webhook may come first, and both at once', async (t) => {
  const { post, sql } = await testApi(t)
  const back = (n: number) => ({
    ...sms,
    from: sms.to,
    to: sms.from,
    messaging_provider_id: `m-${n}`,
  })
  const answers = await Promise.all(
    [1, 2, 3, 4].flatMap((n) => [
      post('/api/webhooks/sms', back(n)),
      post('/api/messages/sms', { ...sms, body: `out ${n}` }),
    ]),
  )
  t.same(
    answers.map(({ status }) => status),
    [1, 2, 3, 4].flatMap(() => [200, 202]),
  )
  const [count] = await sql`
    select count(*)::int as messages, count(distinct conversation_id)::int as conversations, count(distinct account_id)::int as accounts,
      count(distinct thread_id)::int as threads
    from pigeonpost.messages`
  t.same({ ...count }, { messages: 8, conversations: 1, accounts: 1, threads: 1 })
  t.equal((await sql`select from pigeonpost.accounts`).length, 1)
})

t.test('what is wrong is named, and nothing is stored', async (t) => {
  const { post, sql } = await testApi(t)
  const { from: _, ...nobody } = sms
  const texts: [unknown, string, RegExp][] = [
    [nobody, 'from', /^from is missing$/],
    [{ ...sms, from: '0831234567' }, 'from', /^Phone number must be in E.164 format$/],
    [{ ...sms, from: '' }, 'from', /E.164/],
    [{ ...sms, to: '8045551234' }, 'to', /^Phone number must be in E.164 format$/],
    [{ ...sms, to: 'a@b.example' }, 'to', /E.164/],
    [{ ...sms, to: 5 }, 'to', /string/],
    [{ ...sms, type: 'fax' }, 'type', /mms/],
    [{ ...sms, body: null }, 'body', /^body is missing/],
    [{ ...sms, body: ' ', attachments: [] }, 'body', /missing/],
    [{ ...sms, body: 'a\u0000b' }, 'body', /control/],
    [{ ...sms, body: 'x'.repeat(1_048_577) }, 'body', /1048576/],
    [{ ...sms, attachments: 'https://example.com/a.jpg' }, 'attachments', /array/],
    [{ ...sms, attachments: ['javascript:alert(1)'] }, 'attachments.0', /http/],
    [{ ...sms, timestamp: 'yesterday' }, 'timestamp', /^timestamp must be an ISO 8601 date$/],
    [{ ...sms, timestamp: '2024-02-30T10:00:00Z' }, 'timestamp', /ISO 8601/],
    [{ ...sms, subject: 'Hi' }, 'subject', /^subject is not known$/],
  ]
  const mails: [unknown, string, RegExp][] = [
    [{ ...email, from: '+12016661234' }, 'from', /^from must be an email address$/],
    [{ ...email, to: 'a@b.example, c@d.example' }, 'to', /^to must be an email address$/],
    [{ ...email, to: "x'; drop table messages; --" }, 'to', /email address/],
    [{ ...email, subject: 'Hi\r\nBcc: a@b.example' }, 'subject', /control/],
    [{ ...email, type: 'email' }, 'type', /^type is not known$/],
    ['[]', 'body', /object/],
  ]
  for (const [path, cases] of [
    ['/api/messages/sms', texts],
    ['/api/messages/email', mails],
  ] as const) {
    for (const [given, field, words] of cases) {
      const answer = await post(path, given)
      const said = errorOf(t, answer)
      t.equal(answer.status, 400, `${path} ${field}`)
      t.same(said.fields, [field])
      t.match(said.message, words)
    }
  }
  for (const table of ['messages', 'customers', 'conversations', 'accounts']) {
    t.same(await sql`select from pigeonpost.${sql(table)}`, [], table)
  }
})

t.test('an account that cannot send says so, and another tenant’s is not taken', async (t) => {
  const { post, sql, makeKey } = await testApi(t)
  await sql`insert into pigeonpost.accounts (tenant_id, channel, address) values (2, 'sms', ${sms.from})`
  t.equal((await post('/api/messages/sms', sms)).status, 202)
  t.equal((await sql`select from pigeonpost.accounts where tenant_id = 1`).length, 1)

  await sql`update pigeonpost.accounts set status = 'disconnected' where tenant_id = 1`
  const refused = await post('/api/messages/sms', sms)
  t.equal(refused.status, 400)
  t.match(errorOf(t, refused), {
    code: 'account_not_connected',
    message: 'SMS account is not connected',
    fields: ['from'],
  })
  await sql`update pigeonpost.accounts set status = 'connected', daily_limit = 1 where tenant_id = 1`
  const full = await post('/api/messages/sms', sms)
  t.equal(full.status, 400)
  t.match(errorOf(t, full), { message: 'Daily message limit reached', fields: ['from'] })

  const reader = { authorization: `Bearer ${(await makeKey({ scopes: ['messages:read'] })).key}` }
  for (const path of ['/api/messages/sms', '/api/messages/email']) {
    const forbidden = await post(path, sms, reader)
    t.equal(forbidden.status, 403)
    t.equal(errorOf(t, forbidden).code, 'scope_missing')
  }
  t.equal((await sql`select from pigeonpost.messages`).length, 1)
})

t.test('the same Idempotency-Key and body answer the same, another body is 409', async (t) => {
  const { post, sql } = await testApi(t)
  const key = { 'idempotency-key': 'order-7' }
  const answers = await Promise.all([1, 2, 3, 4].map(() => post('/api/messages/sms', sms, key)))
  t.same(
    answers.map(({ status }) => status),
    [202, 202, 202, 202],
  )
  await sql`update pigeonpost.outbox set state = 'retrying', attempt = 1, error_code = 'busy', provider = 'twilio'`
  await sql`update pigeonpost.accounts set status = 'disconnected'`
  const again = await post('/api/messages/sms', sms, key)
  for (const answer of answers) t.same(again.body, answer.body)
  for (const change of [
    { body: 'Bye' },
    { from: '+12016661299' },
    { to: '+18045551299' },
    { type: 'mms' },
    { timestamp: '2024-11-01T14:00:01Z' },
    { attachments: ['https://example.com/a.jpg'] },
  ]) {
    const other = await post('/api/messages/sms', { ...sms, ...change }, key)
    t.equal(other.status, 409, JSON.stringify(change))
    t.match(errorOf(t, other), { code: 'idempotency_key_reused', fields: ['Idempotency-Key'] })
  }
  t.equal((await sql`select from pigeonpost.messages`).length, 1)
  t.equal((await sql`select from pigeonpost.accounts`).length, 1, 'nor is an account opened')
})

t.test('short codes and names may send', async (t) => {
  const { post } = await testApi(t)
  for (const from of ['12345', 'PIGEONPOST']) {
    const { status, body } = await post('/api/messages/sms', { ...sms, from })
    t.equal(status, 202, from)
    t.equal(body.data.endpoint_source, from)
  }
})

t.test('HTML of any kind is taken, and comes back as it was', async (t) => {
  const { post, sql } = await testApi(t)
  const cases: [string, string][] = [
    ['<p>a&#7;b&#0;</p>', 'ab'],
    ['<html><body><img src="https://example.com/a.png"></body></html>', ''],
    [`${'<div>'.repeat(20_000)}x${'</div>'.repeat(20_000)}`, 'x'],
    [`<p>${'&lt;'.repeat(200_000)}</p>`, '<'.repeat(200_000)],
  ]
  for (const [body, text] of cases) {
    const answer = await post('/api/messages/email', { ...email, body, attachments: null })
    t.equal(answer.status, 202, body.slice(0, 40))
    t.ok(answer.body.data?.body === body)
    const [row] = await sql`select body from pigeonpost.messages where id = ${answer.body.data?.id}`
    t.equal(row?.['body'].replaceAll('\u{fffd}', ''), text)
  }
})
