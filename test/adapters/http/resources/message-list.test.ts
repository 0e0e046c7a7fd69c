import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { errorOf, testApi } from '../support/api.ts'

async function withMessages(t: Test, options: Parameters<typeof testApi>[1] = {}) {
  const context = await testApi(t, options)
  const { sql, get } = context
  let n = 0
  const addAccount = async (row: object = {}) => {
    const full = { tenant_id: 1, channel: 'whatsapp', address: `+2782000000${n++}`, ...row }
    const [account] = await sql`insert into pigeonpost.accounts ${sql(full)} returning id`
    return String(account?.['id'])
  }
  const accountId = await addAccount()
  /** A message, moved through those statuses. */
  const store = async (row: Record<string, unknown> = {}, ...statuses: string[]) => {
    const inbound = row['direction'] === 'inbound'
    const full = {
      tenant_id: 1,
      channel: 'whatsapp',
      direction: 'outbound',
      address: '+27831234567',
      body: 'x',
      created_at: new Date(Date.UTC(2025, 10, 5, 10, 0, n++)),
      ...(row['tenant_id'] === 2 || row['account_id'] ? {} : { account_id: accountId }),
      ...(inbound ? { external_message_id: `in-${n}` } : {}),
      ...row,
    }
    const [stored] = await sql`
      insert into pigeonpost.messages ${sql(full)} returning id, number, customer_id, created_at`
    for (const status of statuses)
      await sql`update pigeonpost.messages set status = ${status} where id = ${stored?.['id']}`
    return {
      id: String(stored?.['id']),
      number: Number(stored?.['number']),
      contactId: String(stored?.['customer_id']),
      createdAt: stored?.['created_at'] as Date,
    }
  }
  const list = async (query = '') => {
    const answer = await get(`/api/v1/messages${query}`)
    t.equal(answer.status, 200, query)
    return answer.body.data
  }
  const ids = async (query: string): Promise<string[]> =>
    (await list(query)).messages.map(({ id }: { id: string }) => id)
  return { ...context, addAccount, accountId, store, list, ids }
}

t.test("GET /api/v1/messages answers in document 004's shape, newest first", async (t) => {
  const { get, store, accountId } = await withMessages(t)
  const old = await store()
  const late = await store({ direction: 'inbound' })
  const answer = await get(`/api/v1/messages?whatsappAccountId=${accountId}&page=1&limit=50`)
  t.equal(answer.status, 200)
  const { messages, ...rest } = answer.body.data
  t.equal(answer.body.success, true)
  t.same(rest, {
    total: 2,
    totalIsEstimate: false,
    page: 1,
    limit: 50,
    totalPages: 1,
    nextCursor: null,
  })
  for (const [i, { id }] of [late, old].entries()) {
    t.same(messages[i], (await get(`/api/v1/messages/${id}`)).body.data)
  }
})

t.test('an empty list is a list', async (t) => {
  const { list } = await withMessages(t)
  t.same(await list(), {
    messages: [],
    total: 0,
    totalIsEstimate: false,
    page: 1,
    limit: 50,
    totalPages: 0,
    nextCursor: null,
  })
})

t.test('each filter leaves what it means', async (t) => {
  const { store, ids, list, sql, accountId, addAccount } = await withMessages(t)
  const second = await addAccount()
  const queued = await store()
  const retrying = await store()
  await sql`update pigeonpost.outbox set state = 'retrying' where message_id = ${retrying.id}`
  const sent = await store({}, 'sent')
  const read = await store({ content_type: 'image' }, 'sent', 'read')
  const failed = await store({ address: '+27831234568' }, 'failed')
  const canceled = await store({ campaign_id: 'spring' }, 'canceled')
  const inbound = await store({ direction: 'inbound', account_id: second })
  const seen = await store({ direction: 'inbound', content_type: 'file' }, 'read')
  const system = await store({ direction: 'system' })

  const cases: [string, { id: string }[]][] = [
    ['status=Queued', [retrying, queued]],
    ['status=Sent', [sent]],
    ['status=Delivered', [system, inbound]],
    ['status=Read', [seen, read]],
    ['status=Failed', [canceled, failed]],
    ['direction=Inbound', [seen, inbound]],
    ['direction=Outbound', [canceled, failed, read, sent, retrying, queued]],
    ['direction=System', [system]],
    ['direction=Inbound&status=Read', [seen]],
    ['direction=Outbound&status=Read', [read]],
    ['type=Image', [read]],
    ['type=Document', [seen]],
    ['type=Video', []],
    ['type=Text&status=Sent', [sent]],
    [`whatsappAccountId=${second}`, [inbound]],
    [`accountId=${second}&whatsappAccountId=${second}`, [inbound]],
    [`whatsappAccountId=${accountId}&type=Document`, [seen]],
    [`contactId=${failed.contactId}`, [failed]],
    [`contactId=${failed.contactId}&direction=Inbound`, []],
    ['campaignId=spring', [canceled]],
    [`startDate=${seen.createdAt.toISOString()}`, [system, seen]],
    [`endDate=${sent.createdAt.toISOString()}`, [retrying, queued]],
    [
      `startDate=${sent.createdAt.toISOString()}&endDate=${failed.createdAt.toISOString()}`,
      [read, sent],
    ],
    ['startDate=2025-11-06', []],
    ['endDate=2025-11-05', []],
    ['startDate=2025-11-05&endDate=2025-11-06&status=Sent', [sent]],
    [`startDate=${encodeURIComponent('2025-11-05T20:00:00+10:00')}&type=Image`, [read]],
  ]
  for (const [query, expected] of cases) {
    t.same(
      await ids(`?${query}`),
      expected.map(({ id }) => id),
      query,
    )
    t.equal((await list(`?${query}`)).total, expected.length, query)
  }
  await sql`select pigeonpost.merge_customers(1, ${queued.contactId}, ${failed.contactId})`
  t.equal((await ids(`?contactId=${failed.contactId}`)).length, 9, 'a merged contact is the other')
})

t.test('pages by number and by cursor leave none out and repeat none', async (t) => {
  const { store, ids, list } = await withMessages(t)
  const created_at = new Date('2025-11-05T10:00:00Z')
  for (let n = 0; n < 7; n++) await store(n < 4 ? { created_at } : {})
  const all = await ids('')
  t.equal(all.length, 7)
  t.same(await ids('?limit=3'), all.slice(0, 3))
  t.same(await ids('?limit=3&page=2'), all.slice(3, 6))
  t.match(await list('?limit=3&page=4'), { messages: [], total: 7, page: 4, nextCursor: null })
  t.match(await list('?limit=3&page=3'), { total: 7, page: 3, totalPages: 3, nextCursor: null })

  const seen: string[] = []
  let cursor: string | null = ''
  let pages = 0
  while (cursor !== null) {
    const data = await list(`?limit=3${cursor && `&cursor=${cursor}`}`)
    t.match(data, { total: cursor ? 8 : 7, limit: 3, page: cursor ? null : 1 })
    seen.push(...data.messages.map(({ id }: { id: string }) => id))
    cursor = data.nextCursor
    // What comes meanwhile moves no page.
    if (pages++ === 0) await store({ created_at: new Date('2025-12-01') })
    if (pages > 5) break
  }
  t.same(seen, all)
})

t.test(
  'a total is exact where counts by kind tell it, past 10,000 an estimate where not',
  async (t) => {
    const { store, list, sql, get } = await withMessages(t, { own: true })
    const { contactId } = await store()
    await sql`select pigeonpost.fold()`
    await sql.begin(async (tx) => {
      await tx`set local session_replication_role = replica`
      await tx`
      insert into pigeonpost.messages (tenant_id, number, account_id, conversation_id, thread_id, customer_id, direction, channel, status, created_at, occurred_at)
      select tenant_id, nextval('pigeonpost.log_id_seq'), account_id, conversation_id, thread_id, customer_id, direction, channel, status, created_at - i * interval '1 s', occurred_at - i * interval '1 s'
      from pigeonpost.messages, generate_series(1, 9999) i`
      await tx`
      update pigeonpost_private.message_counts set messages = messages + 9999`
      await tx`
      update pigeonpost_private.log_cursors set cursor = (select last_value from pigeonpost.log_id_seq) where name = 'fold'`
    })
    const exact = { total: 10_000, totalIsEstimate: false, totalPages: 10_000 }
    t.match(await list('?limit=1'), exact)
    t.match(await list(`?limit=1&contactId=${contactId}`), exact)
    await sql`analyze pigeonpost.messages`
    await store()
    t.match(await list('?limit=1'), { total: 10_001, totalIsEstimate: false })
    const data = await list('?limit=100&page=100')
    t.match(data, { total: 10_001, totalIsEstimate: false })
    t.equal(data.messages.length, 100)
    const estimate = await list(`?limit=100&page=100&contactId=${contactId}`)
    t.equal(estimate.totalIsEstimate, true)
    t.ok(estimate.total > 10_000 && estimate.total < 20_000, `${estimate.total}`)
    t.equal(estimate.messages.length, 100)
    t.match(await list('?direction=Inbound'), { total: 0, totalIsEstimate: false })
    const deep = await get('/api/v1/messages?page=1002&limit=100')
    t.equal(deep.status, 400)
    t.match(errorOf(t, deep), { code: 'page_too_deep', fields: ['page'] })
  },
)

t.test('what is wrong with a query is named', async (t) => {
  const { get } = await withMessages(t)
  const cases: [string, string, RegExp][] = [
    ['limit=0', 'limit', /^limit must be from 1 to 100$/],
    ['limit=101', 'limit', /^limit must be from 1 to 100$/],
    ['limit=-1', 'limit', /whole number/],
    ['limit=1e1', 'limit', /whole number/],
    ['limit=', 'limit', /whole number/],
    ['page=0', 'page', /from 1/],
    ['page=1.5', 'page', /whole number/],
    ['page=1&page=2', 'page', /string/],
    ['cursor=abc', 'cursor', /nextCursor/],
    ['cursor=', 'cursor', /nextCursor/],
    [
      `cursor=${Buffer.from('2025-13-45T10:00:00.000000Z 1').toString('base64url')}`,
      'cursor',
      /nextCursor/,
    ],
    [
      `cursor=${Buffer.from('2025-02-30T10:00:00.000000Z 1').toString('base64url')}`,
      'cursor',
      /nextCursor/,
    ],
    ['whatsappAccountId=12', 'whatsappAccountId', /^whatsappAccountId must be a UUID$/],
    ['accountId=x', 'accountId', /UUID/],
    ['contactId=x', 'contactId', /^contactId must be a UUID$/],
    ['direction=inbound', 'direction', /Inbound/],
    ['type=Fax', 'type', /Document/],
    ['status=Lost', 'status', /Delivered/],
    ['startDate=yesterday', 'startDate', /^startDate must be an ISO 8601 date$/],
    ['endDate=2025-02-30', 'endDate', /^endDate must be an ISO 8601 date$/],
    ['endDate=1733768400', 'endDate', /ISO 8601/],
    ['campaignId=', 'campaignId', /./],
    ['campaignId=%00', 'campaignId', /control/],
    ['search=x', 'search', /^search is not known$/],
    ["sort=1'--", 'sort', /not known/],
  ]
  for (const [query, field, words] of cases) {
    const answer = await get(`/api/v1/messages?${query}`)
    t.equal(answer.status, 400, query)
    const said = errorOf(t, answer)
    t.same(said.fields, [field], query)
    t.match(said.message, words, query)
  }
  const both = await get(
    `/api/v1/messages?page=2&cursor=${Buffer.from('2025-01-01T10:00:00.000000Z 1').toString('base64url')}`,
  )
  t.same([both.status, errorOf(t, both).fields], [400, ['page']])
  const ids = `whatsappAccountId=${randomUUID()}&accountId=${randomUUID()}`
  for (const path of ['/api/v1/messages', '/api/v1/messages/statistics']) {
    const two = await get(`${path}?${ids}`)
    t.same([two.status, errorOf(t, two).fields], [400, ['accountId']])
  }
})

t.test('another tenant’s messages, accounts and contacts are not there', async (t) => {
  const { store, list, get, addAccount, call, makeKey } = await withMessages(t)
  const theirs = await addAccount({ tenant_id: 2 })
  const message = await store({ tenant_id: 2, direction: 'inbound' })
  t.equal((await list()).total, 0)
  for (const [query, field] of [
    [`whatsappAccountId=${theirs}`, 'whatsappAccountId'],
    [`accountId=${theirs}`, 'accountId'],
    [`contactId=${message.contactId}`, 'contactId'],
  ] as const) {
    const answer = await get(`/api/v1/messages?${query}`)
    t.equal(answer.status, 404, query)
    t.same(errorOf(t, answer).fields, [field], query)
  }
  t.equal((await get(`/api/v1/messages/statistics?accountId=${theirs}`)).status, 404)
  t.match((await get('/api/v1/messages/statistics')).body.data, { total: 0 })
  for (const id of [message.id, message.number]) {
    t.equal((await call('PUT', `/api/v1/messages/${id}/read`)).status, 404)
  }
  const writer = { authorization: `Bearer ${(await makeKey({ scopes: ['messages:write'] })).key}` }
  for (const path of ['/api/v1/messages', '/api/v1/messages/statistics']) {
    const answer = await get(path, writer)
    t.equal(answer.status, 403)
    t.equal(errorOf(t, answer).code, 'scope_missing')
  }
})

t.test("GET /api/v1/messages/statistics answers in document 004's shape", async (t) => {
  const { store, get, sql, accountId, addAccount } = await withMessages(t)
  const second = await addAccount()
  await store()
  await store({ content_type: 'image' }, 'sent', 'delivered')
  await store({}, 'sent', 'read')
  await store({}, 'failed')
  await store({ direction: 'inbound', account_id: second })
  await store({ direction: 'system' })
  const read = async (query = '') => {
    const answer = await get(`/api/v1/messages/statistics${query}`)
    t.equal(answer.status, 200, query)
    t.equal(answer.body.success, true)
    return answer.body.data
  }
  const all = {
    total: 6,
    totalIsEstimate: false,
    byStatus: { Queued: 1, Sent: 0, Delivered: 3, Read: 1, Failed: 1 },
    byDirection: { Inbound: 1, Outbound: 4, System: 1 },
    byType: { Text: 5, Image: 1, Video: 0, Audio: 0, Document: 0, Location: 0, Structured: 0 },
    deliveryRate: 2 / 3,
    readRate: 1 / 2,
  }
  t.same(await read(), all)
  t.same(await read('?startDate=2025-01-01'), all, 'counted one by one')
  while ((await sql`select pigeonpost.fold() as n`)[0]?.['n'] !== 0);
  t.same(await read(), all, 'and from the folded counts')
  const one = {
    total: 1,
    byDirection: { Inbound: 1, Outbound: 0, System: 0 },
    deliveryRate: null,
    readRate: null,
  }
  t.match(await read(`?whatsappAccountId=${second}`), one)
  t.match(await read(`?accountId=${second}&endDate=2026-01-01`), one)
  t.match(await read(`?whatsappAccountId=${accountId}`), { total: 5 })
  const none = await read('?endDate=2025-01-01')
  t.match(none, { total: 0, byStatus: { Queued: 0 }, deliveryRate: null })

  for (const [query, field] of [
    ['startDate=soon', 'startDate'],
    ['accountId=7', 'accountId'],
    ['page=1', 'page'],
  ] as const) {
    const answer = await get(`/api/v1/messages/statistics?${query}`)
    t.same([answer.status, errorOf(t, answer).fields], [400, [field]], query)
  }
})

t.test('PUT /api/v1/messages/:id/read marks what came in as read, once', async (t) => {
  const { store, call, sql, makeKey } = await withMessages(t)
  const first = await store({ direction: 'inbound' })
  const answers = await Promise.all(
    [1, 2, 3, 4].map(() => call('PUT', `/api/v1/messages/${first.id}/read`)),
  )
  for (const { status, body } of answers) {
    t.equal(status, 200)
    t.match(body, {
      success: true,
      message: 'Message marked as read',
      data: { id: first.id, status: 'Read', readAt: /Z$/ },
    })
    t.equal(body.data.readAt, answers[0]?.body.data.readAt)
  }
  const events = await sql`
    select from pigeonpost.event_log where type = 'message.status' and message_id = ${first.id}`
  t.equal(events.length, 1)
  const second = await store({ direction: 'inbound' })
  t.equal((await call('PUT', `/api/v1/messages/${second.number}/read`, {})).status, 200)

  for (const [direction, row] of [
    ['outbound', await store({}, 'sent')],
    ['system', await store({ direction: 'system' })],
  ] as const) {
    const refused = await call('PUT', `/api/v1/messages/${row.id}/read`)
    t.equal(refused.status, 409)
    t.match(errorOf(t, refused), {
      code: 'message_not_inbound',
      message: `The message is ${direction} and cannot be marked as read`,
      fields: ['id'],
    })
  }
  const unknown = await call('PUT', `/api/v1/messages/${randomUUID()}/read`)
  t.same([unknown.status, errorOf(t, unknown).code], [404, 'message_unknown'])
  t.equal((await call('PUT', '/api/v1/messages/me/read')).status, 400)
  const body = await call('PUT', `/api/v1/messages/${first.id}/read`, { at: 'now' })
  t.same([body.status, errorOf(t, body).fields], [400, ['at']])
  const reader = { authorization: `Bearer ${(await makeKey({ scopes: ['messages:read'] })).key}` }
  t.equal((await call('PUT', `/api/v1/messages/${first.id}/read`, undefined, reader)).status, 403)
})
