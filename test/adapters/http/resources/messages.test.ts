import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { messageRow } from '../../../../db/rows.ts'
import { waitFor } from '../../../support/wait.ts'
import { errorOf, example, testApi } from '../support/api.ts'

async function withAccount(t: Test, options: Parameters<typeof testApi>[1] = {}) {
  const api = await testApi(t, options)
  const addAccount = async (change: object = {}) => {
    const row = { tenant_id: 1, channel: 'fakechat', ...change }
    const [account] = await api.sql`insert into pigeonpost.accounts ${api.sql(row)} returning id`
    return String(account?.['id'])
  }
  return { ...api, addAccount, accountId: await addAccount() }
}
const hello = { to: '+27831234567', content: 'Hello, World!' }
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

t.test("POST /api/v1/messages answers in document 004's shape", async (t) => {
  const { post, sql, accountId } = await withAccount(t)
  const answer = await post('/api/v1/messages', {
    whatsappAccountId: accountId,
    to: '+27831234567',
    type: 'Text',
    content: 'Hello, World!',
    mediaUrl: 'https://example.com/image.jpg',
    scheduledFor: '2025-11-06T10:00:00Z',
  })
  t.equal(answer.status, 202)
  const { data } = answer.body
  t.match(data.id, uuid)
  t.match(data.contactId, uuid)
  t.match(data.createdAt, isoTime)
  t.same(answer.body, {
    success: true,
    message: 'Message queued for sending',
    data: {
      id: data.id,
      status: 'Queued',
      whatsappAccountId: accountId,
      accountId,
      contactId: data.contactId,
      type: 'Text',
      content: 'Hello, World!',
      createdAt: data.createdAt,
    },
  })
  const [row] = await sql`select * from pigeonpost.messages`
  t.match(row, {
    id: data.id,
    direction: 'outbound',
    status: 'queued',
    address: '+27831234567',
    customer_id: data.contactId,
    body: 'Hello, World!',
    media_url: 'https://example.com/image.jpg',
  })
  t.same(row?.['scheduled_for'], new Date('2025-11-06T10:00:00Z'))
})

t.test('GET /api/v1/messages/:id tells all, by uuid as by number', async (t) => {
  const { post, get, sql, accountId } = await withAccount(t)
  const { body } = await post('/api/v1/messages', {
    ...hello,
    type: 'Document',
    mediaUrl: 'https://example.com/a.pdf',
    metadata: { order: 7 },
  })
  const answer = await get(`/api/v1/messages/${body.data.id}`)
  t.equal(answer.status, 200)
  const [row] = await sql`select * from pigeonpost.messages_with_state`
  const [key] = await sql`select id from pigeonpost.api_keys`
  // Every column under its own name, but for these, which document 004 calls otherwise.
  const own = messageRow.omit({
    tenant_id: true,
    customer_id: true,
    sender_customer_id: true,
    content_type: true,
    body: true,
  })
  const data = Object.keys(own.shape).map((name) => [
    name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
    row?.[name] instanceof Date ? row[name].toISOString() : row?.[name],
  ])
  t.same(answer.body, {
    success: true,
    data: {
      ...Object.fromEntries(data),
      id: body.data.id,
      channel: 'fakechat',
      accountId,
      whatsappAccountId: accountId,
      contactId: row?.['customer_id'],
      senderContactId: null,
      direction: 'Outbound',
      address: '+27831234567',
      type: 'Document',
      content: 'Hello, World!',
      mediaUrl: 'https://example.com/a.pdf',
      whatsappMessageId: null,
      status: 'Queued',
      state: 'queued',
      attempts: 0,
      isFromBot: false,
      metadata: { order: 7 },
      createdBy: key?.['id'],
    },
  })
  t.same((await get(`/api/v1/messages/${row?.['number']}`)).body, answer.body)
})

t.test('each status, type and direction has its word', async (t) => {
  const { post, get, sql, accountId } = await withAccount(t, { own: true })
  const words: Record<string, string> = {
    scheduled: 'Queued',
    queued: 'Queued',
    sending: 'Queued',
    retrying: 'Queued',
    sent: 'Sent',
    delivered: 'Delivered',
    read: 'Read',
    failed: 'Failed',
    canceled: 'Failed',
    unknown: 'Failed',
  }
  await sql.unsafe('alter table pigeonpost.messages disable trigger user')
  const { body } = await post('/api/webhooks/fakechat', example).then(async () => {
    await sql.unsafe('alter table pigeonpost.messages enable trigger user')
    return post('/api/v1/messages', hello)
  })
  await sql.unsafe('alter table pigeonpost.messages disable trigger user')
  for (const [status, word] of Object.entries(words)) {
    const isUnderWay = ['scheduled', 'queued', 'sending', 'retrying'].includes(status)
    await sql`update pigeonpost.messages set status = ${isUnderWay ? 'queued' : status}`
    if (isUnderWay) {
      await sql`update pigeonpost.outbox set state = ${status}, attempt = 1, attempt_id = ${randomUUID()}`
    }
    t.match((await get(`/api/v1/messages/${body.data.id}`)).body.data, {
      status: word,
      state: status,
    })
  }
  for (const [type, word] of [
    ['file', 'Document'],
    ['structured', 'Structured'],
    ['location', 'Location'],
    ['video', 'Video'],
  ]) {
    await sql`update pigeonpost.messages set content_type = ${type as string}`
    t.equal((await get(`/api/v1/messages/${body.data.id}`)).body.data.type, word)
  }
  for (const [direction, word] of [
    ['inbound', 'Inbound'],
    ['system', 'System'],
  ]) {
    await sql`update pigeonpost.messages set direction = ${direction as string}, external_message_id = 'x'`
    t.equal((await get(`/api/v1/messages/${body.data.id}`)).body.data.direction, word)
  }
  t.ok(accountId)
})

t.test('a message for later is scheduled', async (t) => {
  const { post, get } = await withAccount(t)
  const scheduledFor = new Date(Date.now() + 3_600_000).toISOString()
  const { status, body } = await post('/api/v1/messages', { ...hello, scheduledFor })
  t.equal(status, 202)
  t.equal(body.data.status, 'Queued')
  t.match((await get(`/api/v1/messages/${body.data.id}`)).body.data, {
    state: 'scheduled',
    scheduledFor,
  })
})

t.test('the account may be left out while there is one, and has to be usable', async (t) => {
  const { post, sql, addAccount, accountId } = await withAccount(t)
  t.equal((await post('/api/v1/messages', hello)).body.data.accountId, accountId)
  t.equal((await post('/api/v1/messages', { ...hello, accountId })).status, 202)

  const second = await addAccount({ channel: 'whatsapp', status: 'disconnected' })
  const missing = await post('/api/v1/messages', hello)
  t.equal(missing.status, 400)
  t.match(errorOf(t, missing), { code: 'account_missing', fields: ['whatsappAccountId'] })
  const disconnected = await post('/api/v1/messages', { ...hello, whatsappAccountId: second })
  t.equal(disconnected.status, 400)
  t.match(errorOf(t, disconnected), {
    code: 'account_not_connected',
    message: 'WhatsApp account is not connected',
    fields: ['whatsappAccountId'],
  })
  await sql`update pigeonpost.accounts set status = 'disconnected' where id = ${accountId}`
  t.equal(
    (await post('/api/v1/messages', { ...hello, accountId })).body.message,
    'Fakechat account is not connected',
  )
  await sql`update pigeonpost.accounts set status = 'disabled' where id = ${accountId}`
  const disabled = await post('/api/v1/messages', { ...hello, accountId })
  t.equal(disabled.status, 400)
  t.match(errorOf(t, disabled), { code: 'account_disabled', fields: ['accountId'] })
  const both = await post('/api/v1/messages', { ...hello, accountId, whatsappAccountId: second })
  t.same([both.status, errorOf(t, both).fields], [400, ['accountId']])
  t.equal((await sql`select from pigeonpost.messages`).length, 2)
})

t.test("another tenant's account and message are not there", async (t) => {
  const { post, get, sql, addAccount, makeKey } = await withAccount(t)
  const theirs = await addAccount({ tenant_id: 2 })
  const answer = await post('/api/v1/messages', { ...hello, accountId: theirs })
  t.equal(answer.status, 404)
  t.match(errorOf(t, answer), { code: 'account_unknown', fields: ['accountId'] })

  const other = { authorization: `Bearer ${(await makeKey({ tenantId: 2 })).key}` }
  const { body } = await post('/api/v1/messages', hello, other)
  t.equal((await get(`/api/v1/messages/${body.data.id}`, other)).status, 200)
  const [row] = await sql`select number from pigeonpost.messages`
  for (const id of [body.data.id, row?.['number']]) {
    const hidden = await get(`/api/v1/messages/${id}`)
    t.equal(hidden.status, 404)
    t.match(errorOf(t, hidden), { code: 'message_unknown', fields: ['id'] })
  }
})

t.test('what is wrong with a message is named, and nothing is stored', async (t) => {
  const { post, sql } = await withAccount(t)
  const cases: [unknown, string, RegExp][] = [
    [{ content: 'Hi' }, 'to', /^to is missing$/],
    [{ to: '+27831234567' }, 'content', /^content is missing/],
    [{ ...hello, content: '  ' }, 'content', /missing/],
    [{ ...hello, content: 7 }, 'content', /string/],
    [{ ...hello, to: '0831234567' }, 'to', /^Phone number must be in E.164 format$/],
    [{ ...hello, to: '27831234567' }, 'to', /E.164/],
    [{ ...hello, to: '+2783' }, 'to', /E.164/],
    [{ ...hello, to: 'somebody' }, 'to', /E.164/],
    [{ ...hello, content: 'a\u0000b' }, 'content', /control/],
    [{ ...hello, content: 'a\u0007b' }, 'content', /control/],
    [`{"to": "+27831234567", "content": "a\\ud800b"}`, 'content', /surrogates/],
    [{ ...hello, content: 'x'.repeat(1_048_577) }, 'content', /1048576/],
    [{ ...hello, content: 'ü'.repeat(524_289) }, 'content', /1048576/],
    [{ ...hello, type: 'Fax' }, 'type', /Document/],
    [{ ...hello, type: 'Image' }, 'mediaUrl', /missing/],
    [{ ...hello, mediaUrl: 'javascript:alert(1)' }, 'mediaUrl', /http/],
    [{ ...hello, scheduledFor: 'tomorrow' }, 'scheduledFor', /ISO 8601/],
    [{ ...hello, scheduledFor: '2025-02-30T10:00:00Z' }, 'scheduledFor', /ISO 8601/],
    [{ ...hello, accountId: '12' }, 'accountId', /UUID/],
    [{ ...hello, metadata: { a: '\u0000' } }, 'metadata', /NUL/],
    [{ ...hello, metadata: [] }, 'metadata', /record/],
    [{ ...hello, contnet: 'Hi' }, 'contnet', /^contnet is not known$/],
    ['[]', 'body', /object/],
  ]
  for (const [body, field, words] of cases) {
    const answer = await post('/api/v1/messages', body)
    const said = errorOf(t, answer)
    t.equal(answer.status, 400, field)
    t.same(said.fields, [field])
    t.match(said.message, words)
  }
  for (const table of ['messages', 'customers', 'conversations']) {
    t.same(await sql`select from pigeonpost.${sql(table)}`, [], table)
  }
})

t.test('what is wrong with a request has its status and its code', async (t) => {
  const { post, get, call } = await withAccount(t)
  const malformed = await post('/api/v1/messages', '{"to": ')
  t.equal(malformed.status, 400)
  t.match(errorOf(t, malformed), { code: 'json_malformed', fields: ['body'] })
  const empty = await post('/api/v1/messages', '')
  t.match(errorOf(t, empty), { code: 'json_malformed', fields: ['body'] })
  const text = await post('/api/v1/messages', 'to=1', { 'content-type': 'text/plain' })
  t.equal(text.status, 415)
  t.match(errorOf(t, text), { code: 'content_type_unsupported', fields: ['Content-Type'] })
  const large = await post('/api/v1/messages', { ...hello, content: 'x'.repeat(10_000_000) })
  t.equal(large.status, 413)
  t.match(errorOf(t, large), { code: 'too_large', fields: ['body'] })
  for (const path of ['/nowhere', '/api/v1/messages/%zz']) {
    const nowhere = await get(path)
    t.ok([404, 400].includes(nowhere.status), path)
    errorOf(t, nowhere)
  }
  t.equal(
    (await call('DELETE', '/api/v1/messages', undefined, { 'content-type': 'x/y' })).status,
    404,
  )
  for (const id of ['abc', '1.5', '-1', '1e3', '9'.repeat(19), "1'--", '%00']) {
    const answer = await get(`/api/v1/messages/${id}`)
    t.equal(answer.status, 400, id)
    t.same(errorOf(t, answer).fields, ['id'])
  }
  t.equal((await get('/api/v1/messages/0')).status, 404)
})

t.test(
  'line endings of Windows are newlines, and text of any script comes back as it went',
  async (t) => {
    const { post, get } = await withAccount(t)
    const { body } = await post('/api/v1/messages', { ...hello, content: 'a\r\nb\tç 😀 שלום' })
    t.equal((await get(`/api/v1/messages/${body.data.id}`)).body.data.content, 'a\nb\tç 😀 שלום')
  },
)

t.test('the same Idempotency-Key and body answer the same, another body is 409', async (t) => {
  const { post, sql, accountId } = await withAccount(t)
  const key = { 'idempotency-key': 'order-7' }
  const first = await post('/api/v1/messages', hello, key)
  t.equal(first.status, 202)
  await sql`update pigeonpost.outbox set state = 'retrying'`
  await sql`update pigeonpost.accounts set status = 'disconnected'`
  const second = await post('/api/v1/messages', hello, key)
  t.equal(second.status, 202)
  t.same(second.body, first.body)
  const changes = [
    { content: 'Bye' },
    { to: '+27831234568' },
    { to: '+27 83 123 4567' },
    { accountId },
    { scheduledFor: '2025-11-06' },
    { mediaUrl: 'https://a.example/b' },
    { metadata: { a: 1 } },
  ]
  for (const change of changes) {
    const other = await post('/api/v1/messages', { ...hello, ...change }, key)
    t.equal(other.status, 409, JSON.stringify(change))
    t.match(errorOf(t, other), { code: 'idempotency_key_reused', fields: ['Idempotency-Key'] })
  }
  t.equal((await sql`select from pigeonpost.messages`).length, 1)
  t.equal((await sql`select from pigeonpost.customers`).length, 1)
  t.same(
    errorOf(t, await post('/api/v1/messages', hello, { 'idempotency-key': 'x'.repeat(256) }))
      .fields,
    ['idempotency-key'],
  )
})

t.test(
  'the same Idempotency-Key eight times at once stores one message, and is the tenant’s own',
  async (t) => {
    const { post, sql, addAccount, makeKey } = await withAccount(t)
    const key = { 'idempotency-key': 'order-8' }
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => post('/api/v1/messages', hello, key)),
    )
    t.same(
      answers.map(({ status }) => status),
      Array(8).fill(202),
    )
    t.equal(new Set(answers.map(({ body }) => body.data.id)).size, 1)
    t.equal((await sql`select from pigeonpost.messages`).length, 1)

    await addAccount({ tenant_id: 2 })
    const other = await makeKey({ tenantId: 2 })
    const theirs = await post(
      '/api/v1/messages',
      { ...hello, content: 'Other' },
      { ...key, authorization: `Bearer ${other.key}` },
    )
    t.equal(theirs.status, 202)
  },
)

t.test('a key that a writer of SQL gave a message meanwhile is refused', async (t) => {
  const { post, sql, database, accountId } = await withAccount(t)
  const row = {
    tenant_id: 1,
    account_id: accountId,
    channel: 'fakechat',
    direction: 'outbound',
    address: hello.to,
    body: hello.content,
    idempotency_key: 'order-9',
  }
  const other = await database.connect({ max: 1 }).reserve()
  await other`begin`
  await other`insert into pigeonpost.messages ${other(row)}`
  const asked = post('/api/v1/messages', hello, { 'idempotency-key': 'order-9' })
  await waitFor(
    async () =>
      (
        await sql`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
      ).length > 0,
    { what: 'the request that waits for the other' },
  )
  await other`commit`
  other.release()
  const answer = await asked
  t.equal(answer.status, 409)
  t.match(errorOf(t, answer), { code: 'idempotency_key_reused', fields: ['Idempotency-Key'] })
  t.equal((await sql`select from pigeonpost.messages`).length, 1)
})

t.test('a key whose answer is forgotten sends no message twice', async (t) => {
  const { post, sql } = await withAccount(t)
  const key = { 'idempotency-key': 'order-10' }
  t.equal((await post('/api/v1/messages', hello, key)).status, 202)
  await sql`delete from pigeonpost.idempotent_requests`
  const answer = await post('/api/v1/messages', hello, key)
  t.equal(answer.status, 409)
  t.match(errorOf(t, answer), { code: 'idempotency_key_reused', fields: ['Idempotency-Key'] })
  t.equal((await sql`select from pigeonpost.messages`).length, 1)
})

t.test('an address is read alike by every route that takes one', async (t) => {
  const { post, accountId } = await withAccount(t)
  const lid = '40141234567890@lid'
  const sent = await post('/api/v1/messages', { ...hello, to: lid })
  t.equal(sent.status, 202)
  const opened = await post('/conversations', { accountId, address: lid })
  t.equal(opened.body.data.customerId, sent.body.data.contactId)
  for (const wrong of ['somebody', '0831234567', '+2783', 'a@b.example']) {
    const answers = [
      await post('/api/v1/messages', { ...hello, to: wrong }),
      await post('/conversations', { accountId, address: wrong }),
      await post('/api/v1/customers', { identities: [{ channel: 'fakechat', address: wrong }] }),
    ]
    for (const answer of answers) {
      t.equal(answer.status, 400, wrong)
      t.equal(errorOf(t, answer).code, 'phone_invalid')
    }
  }
})
