import t from 'tap'
import { waitFor } from '../../../support/wait.ts'
import { errorOf } from '../support/api.ts'
import { nowhere, withPeople } from '../support/people.ts'

t.test('GET /conversations pages through the newest, at each of its three paths', async (t) => {
  const { get, say } = await withPeople(t)
  t.same((await get('/conversations')).body, {
    success: true,
    data: {
      conversations: [],
      total: 0,
      totalIsEstimate: false,
      page: 1,
      limit: 20,
      totalPages: 0,
      nextCursor: null,
    },
  })
  const said = []
  for (const digit of [1, 2, 3]) said.push(await say(`+2783123456${digit}`))
  const newestFirst = said.map((message) => message['conversation_id']).toReversed()
  for (const prefix of ['', '/api', '/api/v1']) {
    const { status, body } = await get(`${prefix}/conversations?limit=2`)
    t.equal(status, 200)
    t.match(body.data, { total: 3, totalIsEstimate: false, page: 1, limit: 2, totalPages: 2 })
    const next = await get(`${prefix}/conversations?limit=2&cursor=${body.data.nextCursor}`)
    t.equal(next.body.data.nextCursor, null)
    const ids = [...body.data.conversations, ...next.body.data.conversations].map(({ id }) => id)
    t.same(ids, newestFirst)
    const second = await get(`${prefix}/conversations?limit=2&page=2`)
    t.same(second.body.data.conversations, next.body.data.conversations)
  }
})

t.test(
  'GET /conversations/{id} has participants, the 20 latest messages and exact counters',
  async (t) => {
    const { get, say, sql, accountId } = await withPeople(t)
    let last
    for (let i = 1; i <= 22; i += 1) last = await say('+27831234567', `Hello ${i}`)
    await sql`update pigeonpost.customers set name = 'Thandi'`
    const id = last?.['conversation_id']
    const { status, body } = await get(`/conversations/${id}`)
    t.equal(status, 200)
    t.match(
      body.data,
      {
        id,
        type: 'direct',
        status: 'open',
        accountId,
        channel: 'fakechat',
        customerId: last?.['customer_id'],
        address: '+27831234567',
        groupName: null,
        groupAvatar: null,
        groupMetadata: {},
        unreadCount: 22,
        totalMessages: 22,
        lastMessageAt: last?.['occurred_at'].toISOString(),
      },
      'though nothing is folded',
    )
    t.same(
      body.data.messages.map(({ content }: { content: string }) => content),
      Array.from({ length: 20 }, (_, i) => `Hello ${22 - i}`),
    )
    t.match(
      body.data.participants.toSorted((a: { customerId: string }) => (a.customerId ? -1 : 1)),
      [
        {
          customerId: last?.['customer_id'],
          accountId: null,
          role: 'member',
          name: 'Thandi',
          address: '+27831234567',
        },
        { customerId: null, accountId, role: 'member', address: '+15550001000' },
      ],
    )
    t.same((await get(`/api/v1/conversations/${body.data.number}`)).body, body, 'by its number')
  },
)

t.test(
  "a conversation's messages carry the fields of document 003 beside those of 004",
  async (t) => {
    const { get, say, sql } = await withPeople(t)
    const { conversation_id: id } = await say('+27831234567')
    await say('+27831234567', 'Welcome', { direction: 'outbound', external_message_id: null })
    const { body } = await get(`/api/conversations/${id}/messages`)
    t.match(body.data, { total: 2, page: 1, limit: 20, totalPages: 1, nextCursor: null })
    t.match(body.data.messages, [
      {
        content: 'Welcome',
        status: 'Queued',
        direction: 'Outbound',
        inbound_or_outbound: 'outbound',
        endpoint_source: '+15550001000',
        endpoint_target: '+27831234567',
        status_tag: 'outbox',
        status_payload: { error_code: null, attempts: 0 },
        provider_message_id: null,
      },
      {
        content: 'Hello',
        status: 'Delivered',
        inbound_or_outbound: 'inbound',
        endpoint_source: '+27831234567',
        endpoint_target: '+15550001000',
        status_tag: 'ok',
        provider_message_id: 'm1',
      },
    ])
    const next = new Date(Date.now() + 60_000)
    await sql`update pigeonpost.outbox set state = 'retrying', error_code = 'busy', due_at = ${next}`
    t.match((await get(`/conversations/${id}/messages?limit=1`)).body.data.messages, [
      {
        status_tag: 'retry',
        status_payload: { error_code: 'busy', next_attempt_at: next.toISOString() },
      },
    ])
  },
)

t.test("a conversation's messages come page by page, none twice and none left out", async (t) => {
  const { get, say } = await withPeople(t)
  let id = ''
  for (let i = 1; i <= 5; i += 1) id = (await say('+27831234567', String(i)))['conversation_id']
  const seen: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const path: string = `/conversations/${id}/messages?limit=2${cursor ? `&cursor=${cursor}` : ''}`
    const { data } = (await get(path)).body
    seen.push(...data.messages.map(({ content }: { content: string }) => content))
    cursor = data.nextCursor
  }
  t.same(seen, ['5', '4', '3', '2', '1'])
  const third = await get(`/conversations/${id}/messages?limit=2&page=3`)
  t.match(third.body.data, { messages: [{ content: '1' }], total: 5, page: 3, totalPages: 3 })
})

t.test('filters leave what they mean', async (t) => {
  const { get, say, post, addAccount, accountId, addCustomer } = await withPeople(t)
  const email = await addAccount({ channel: 'email', address: 'us@example.com' })
  const { conversation_id: direct, customer_id: thandi } = await say('+27831234567')
  const { conversation_id: mail } = await say('a@example.com', 'Hi', { channel: 'email' })
  const group = await post('/conversations', {
    type: 'group',
    accountId,
    groupName: 'Friends',
    participants: [thandi, await addCustomer({ lead_id: 5001 })],
  })
  const groupId = group.body.data.id
  await post(`/conversations/${mail}/close`, undefined)
  const cases: [string, string[]][] = [
    ['status=closed', [mail]],
    ['status=open', [groupId, direct]],
    ['type=group', [groupId]],
    ['channel=email', [mail]],
    ['channel=Email', [mail]],
    [`accountId=${email}`, [mail]],
    [`accountId=${nowhere}`, []],
    [`customerId=${thandi}`, [groupId, direct]],
    ['customerId=5001', [groupId]],
    [`customerId=${nowhere}`, []],
    ['type=direct&status=open', [direct]],
  ]
  for (const [query, ids] of cases) {
    const { body } = await get(`/conversations?${query}`)
    const found = body.data.conversations.map(({ id }: { id: string }) => id)
    t.same(found.toSorted(), ids.toSorted(), query)
    t.equal(body.data.total, ids.length, query)
  }
})

t.test('what is wrong with a query or an id is named', async (t) => {
  const { get, say } = await withPeople(t)
  const { conversation_id: id } = await say('+27831234567')
  const cases: [string, string][] = [
    ['/conversations?limit=0', 'limit'],
    ['/conversations?limit=101', 'limit'],
    ['/conversations?limit=x', 'limit'],
    ['/conversations?page=0', 'page'],
    ['/conversations?cursor=abc', 'cursor'],
    ['/conversations?status=gone', 'status'],
    ['/conversations?type=duet', 'type'],
    ['/conversations?accountId=7', 'accountId'],
    ['/conversations?customerId=x', 'customerId'],
    ['/conversations?channel=%00', 'channel'],
    ['/conversations?sort=id', 'sort'],
    ['/conversations?limit=1&limit=2', 'limit'],
    ['/conversations/abc', 'id'],
    ["/conversations/1'--", 'id'],
    [`/conversations/${id}?full=1`, 'full'],
    [`/conversations/${id}/messages?limit=101`, 'limit'],
    [`/conversations/${id}/messages?startDate=1`, 'startDate'],
    [`/conversations/${id}/threads?cursor=eA`, 'cursor'],
    [`/conversations/${id}/participants?left=yes`, 'left'],
  ]
  for (const [path, field] of cases) {
    const answer = await get(path)
    t.equal(answer.status, 400, path)
    t.same(errorOf(t, answer).fields, [field], path)
  }
  const { nextCursor } = (await get('/conversations?limit=1')).body.data
  t.equal(nextCursor, null)
  await say('+27831234568')
  const cursor = (await get('/conversations?limit=1')).body.data.nextCursor
  const both = await get(`/conversations?limit=1&page=1&cursor=${cursor}`)
  t.match([both.status, errorOf(t, both).code], [400, 'page_ambiguous'])
})

t.test("another tenant's conversation is not there, whatever is asked of it", async (t) => {
  const { call, say, get, other, sql } = await withPeople(t)
  const { conversation_id: id } = await say('+27831234567')
  const [{ number } = {}] = await sql`select number from pigeonpost.conversations`
  const calls: [string, string, unknown?][] = [
    ['GET', ''],
    ['PATCH', '', { status: 'closed' }],
    ['POST', '/close'],
    ['POST', '/reopen'],
    ['POST', '/pending'],
    ['GET', '/messages'],
    ['GET', '/threads'],
    ['GET', '/participants'],
    ['POST', '/participants', { address: '+27831234568' }],
    ['PATCH', `/participants/${nowhere}`, { role: 'admin' }],
    ['DELETE', `/participants/${nowhere}`],
    ['POST', '/threads/current/archive'],
  ]
  for (const one of [id, number, nowhere, 0]) {
    for (const [method, path, body] of calls) {
      const answer = await call(method, `/conversations/${one}${path}`, body, other)
      t.equal(answer.status, 404, `${method} ${path}`)
      t.match(errorOf(t, answer), { code: 'conversation_unknown', fields: ['id'] })
    }
  }
  t.equal((await get('/conversations', other)).body.data.total, 0)
  t.match(await sql`select status from pigeonpost.conversations`, [{ status: 'open' }])
  t.same(await sql`select from pigeonpost.customers where tenant_id = 2`, [])
})

t.test('a scope that is missing is 403', async (t) => {
  const { call, say, makeKey } = await withPeople(t)
  const { conversation_id: id, thread_id: thread } = await say('+27831234567')
  const keyWith = async (scope: 'conversations:read' | 'conversations:write') => ({
    authorization: `Bearer ${(await makeKey({ scopes: [scope] })).key}`,
  })
  const reader = await keyWith('conversations:read')
  const writer = await keyWith('conversations:write')
  for (const path of ['', `/${id}`, `/${id}/messages`, `/${id}/threads`, `/${id}/participants`]) {
    t.equal((await call('GET', `/conversations${path}`, undefined, reader)).status, 200, path)
    const refused = await call('GET', `/conversations${path}`, undefined, writer)
    t.match([refused.status, errorOf(t, refused).code], [403, 'scope_missing'], path)
  }
  t.equal((await call('GET', `/api/v1/threads/${thread}`, undefined, writer)).status, 403)
  t.equal((await call('POST', `/api/v1/threads/${thread}/archive`, undefined, reader)).status, 403)
  t.equal((await call('POST', '/conversations', {}, reader)).status, 403)
  t.equal((await call('POST', `/conversations/${id}/close`, undefined, reader)).status, 403)
  t.equal((await call('POST', `/conversations/${id}/close`, undefined, writer)).status, 200)
})

t.test('a direct conversation is opened once for a customer and an account', async (t) => {
  const { post, sql, addCustomer, accountId } = await withPeople(t)
  const customerId = await addCustomer({ name: 'Thandi', lead_id: 5001 })
  const first = await post('/api/v1/conversations', { customerId })
  t.equal(first.status, 201)
  t.match(first.body.data, {
    type: 'direct',
    status: 'open',
    customerId,
    accountId,
    lastMessageAt: null,
    totalMessages: 0,
    messages: [],
  })
  t.equal(first.body.data.participants.length, 2)
  const sames = [
    { customer_id: customerId },
    { customerId: 5001, accountId },
    { type: 'direct', participants: [customerId] },
    { participants: [{ customerId }, { accountId }], channel: 'fakechat' },
  ]
  for (const same of sames) {
    const again = await post('/conversations', same)
    t.match([again.status, again.body.data?.id], [200, first.body.data.id], JSON.stringify(same))
  }
  const byAddress = await post('/conversations', { address: '+27831234567' })
  t.match(byAddress, { status: 201, body: { data: { address: '+27831234567' } } })
  t.equal((await sql`select from pigeonpost.conversations`).length, 2)
})

t.test('eight that open the same direct conversation at once get the same one', async (t) => {
  const { post, sql } = await withPeople(t)
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => post('/conversations', { address: '+27831234567' })),
  )
  t.same(
    answers.map(({ status }) => status).toSorted((a, b) => a - b),
    [...Array(7).fill(200), 201],
  )
  t.equal(new Set(answers.map(({ body }) => body.data.id)).size, 1)
  t.equal((await sql`select from pigeonpost.customers`).length, 1)
})

t.test('multi and group conversations follow the rules of document 001', async (t) => {
  const { post, addCustomer, sql } = await withPeople(t)
  const [a, b] = [await addCustomer(), await addCustomer({ lead_id: 7 })]
  const multi = await post('/conversations', {
    type: 'multi',
    participants: [a, { customer_id: 7 }],
  })
  t.equal(multi.status, 201)
  t.same(
    multi.body.data.participants.map((one: { customerId: string }) => one.customerId).toSorted(),
    [a, b].toSorted(),
  )
  const group = await post('/api/conversations', {
    type: 'group',
    group_name: 'Friends',
    group_avatar: 'https://example.com/a.png',
    group_metadata: { topic: 'tea' },
    participants: [
      { customerId: a, role: 'owner' },
      { customerId: b, role: 'admin', metadata: { since: 2020 } },
      { address: '+27831234567' },
    ],
  })
  t.equal(group.status, 201)
  t.match(group.body.data, {
    type: 'group',
    groupName: 'Friends',
    groupAvatar: 'https://example.com/a.png',
    groupMetadata: { topic: 'tea' },
    customerId: null,
  })
  t.match(
    Object.fromEntries(
      group.body.data.participants.map((one: { customerId: string; role: string }) => [
        one.customerId,
        one.role,
      ]),
    ),
    { [a]: 'owner', [b]: 'admin' },
  )
  t.equal(group.body.data.participants.length, 3)

  const cases: [object, number, string, string | undefined][] = [
    [{ type: 'multi', participants: [a] }, 409, 'multi_has_two_participants', undefined],
    [{ type: 'multi' }, 409, 'multi_has_two_participants', undefined],
    [{ type: 'multi', participants: [a, a] }, 400, 'participant_twice', 'participants'],
    [{ type: 'group', participants: [a, b] }, 400, 'conversations_group_has_name', 'groupName'],
    [{ type: 'group', groupName: '  ' }, 400, 'invalid_input', 'groupName'],
    [
      { type: 'group', groupName: 'x', participants: [{ customerId: a, role: 'king' }] },
      400,
      'invalid_input',
      'participants.0.role',
    ],
    [
      { type: 'group', groupName: 'x', customerId: a },
      400,
      'direct_has_one_customer',
      'customerId',
    ],
    [{ type: 'direct' }, 400, 'direct_has_one_customer', 'participants'],
    [{ participants: [a, b] }, 400, 'direct_has_one_customer', 'participants'],
    [{ customerId: nowhere }, 404, 'customer_unknown', 'customerId'],
    [{ customerId: 99 }, 404, 'customer_unknown', 'customerId'],
    [{ customerId: a, accountId: nowhere }, 404, 'account_unknown', 'accountId'],
    [{ customerId: a, channel: 'email' }, 400, 'account_missing', 'channel'],
    [{ customerId: 'x' }, 400, 'invalid_input', 'customerId'],
    [{ customerId: a, customer_id: b }, 400, 'invalid_input', 'customer_id'],
    [{ address: '083 123 4567' }, 400, 'phone_invalid', 'address'],
    [{ type: 'duet' }, 400, 'invalid_input', 'type'],
    [
      { type: 'group', groupName: 'x', participants: [{}] },
      400,
      'invalid_input',
      'participants.0.customerId',
    ],
    [{ type: 'group', groupName: 'a\u0000' }, 400, 'invalid_input', 'groupName'],
    [
      { type: 'group', groupName: 'x', groupMetadata: { a: '\u0000' } },
      400,
      'invalid_input',
      'groupMetadata',
    ],
    [{ typ: 'group' }, 400, 'invalid_input', 'typ'],
  ]
  for (const [body, status, code, field] of cases) {
    const answer = await post('/conversations', body)
    const said = errorOf(t, answer)
    t.match([answer.status, said.code], [status, code], JSON.stringify(body))
    if (field !== undefined) t.same(said.fields, [field], JSON.stringify(body))
  }
  t.equal((await sql`select from pigeonpost.conversations`).length, 2, 'and nothing is stored')
})

t.test("another tenant's customers and accounts cannot be brought in", async (t) => {
  const { post, addCustomer, addAccount } = await withPeople(t)
  const customerId = await addCustomer({ tenant_id: 2 })
  const accountId = await addAccount({ tenant_id: 2 })
  const mine = await addCustomer()
  for (const body of [
    { customerId },
    { customerId: mine, accountId },
    { type: 'group', groupName: 'x', participants: [customerId] },
    { type: 'group', groupName: 'x', participants: [{ accountId }] },
  ]) {
    t.equal((await post('/conversations', body)).status, 404, JSON.stringify(body))
  }
})

t.test('an account has one conversation by an external id', async (t) => {
  const { post } = await withPeople(t)
  const group = { type: 'group', groupName: 'Friends', externalId: 'g1' }
  t.equal((await post('/conversations', group)).status, 201)
  const again = await post('/conversations', group)
  t.match(
    [again.status, errorOf(t, again)],
    [409, { code: 'conversation_exists', fields: ['externalId'] }],
  )
})

t.test('of several accounts one has to be named', async (t) => {
  const { post, addAccount, addCustomer } = await withPeople(t)
  const second = await addAccount({ address: '+15550001001', is_default: true })
  const customerId = await addCustomer()
  const answer = await post('/conversations', { customerId })
  t.match(
    [answer.status, errorOf(t, answer)],
    [400, { code: 'account_missing', fields: ['accountId'] }],
  )
  const chosen = await post('/conversations', { customerId, channel: 'FakeChat' })
  t.match(chosen, { status: 201, body: { data: { accountId: second } } })
})

t.test('a conversation is closed, reopened and set pending', async (t) => {
  const { post, patch, get, say, sql } = await withPeople(t)
  const { conversation_id: id, thread_id: thread } = await say('+27831234567')
  const closed = await post(`/conversations/${id}/close`, undefined)
  t.match(closed, { status: 200, body: { data: { id, status: 'closed' } } })
  t.match(await sql`select id, status from pigeonpost.threads`, [
    { id: thread, status: 'archived' },
  ])
  t.equal((await post(`/api/v1/conversations/${id}/close`, {})).body.data.status, 'closed', 'twice')
  t.equal((await post(`/api/conversations/${id}/reopen`, '')).body.data.status, 'open')
  t.equal((await post(`/conversations/${id}/pending`, undefined)).body.data.status, 'pending')
  t.equal((await patch(`/conversations/${id}`, { status: 'closed' })).body.data.status, 'closed')
  const after = await say('+27831234567')
  t.match((await get(`/conversations/${id}`)).body.data, { status: 'open', totalMessages: 2 })
  t.not(after['thread_id'], thread)
  const unknown = await post(`/conversations/${id}/close`, { now: true })
  t.match([unknown.status, errorOf(t, unknown).fields], [400, ['now']])
})

t.test('a group is renamed, and keeps a name', async (t) => {
  const { post, patch, get, sql } = await withPeople(t)
  const { id } = (await post('/conversations', { type: 'group', groupName: 'Friends' })).body.data
  const renamed = await patch(`/conversations/${id}`, {
    groupName: 'Family',
    group_avatar: 'a',
    groupMetadata: { a: 1 },
  })
  t.match(renamed, {
    status: 200,
    body: { data: { groupName: 'Family', groupAvatar: 'a', groupMetadata: { a: 1 } } },
  })
  t.match((await patch(`/conversations/${id}`, { groupAvatar: null })).body.data, {
    groupName: 'Family',
    groupAvatar: null,
  })
  for (const [body, field] of [
    [{ groupName: '' }, 'groupName'],
    [{ groupName: null }, 'groupName'],
    [{ status: 'gone' }, 'status'],
    [{ type: 'direct' }, 'type'],
    [{}, 'body'],
  ] as const) {
    const answer = await patch(`/conversations/${id}`, body)
    t.match([answer.status, errorOf(t, answer).fields], [400, [field]], JSON.stringify(body))
  }
  t.equal((await get(`/conversations/${id}`)).body.data.groupName, 'Family')
  t.match(await sql`select group_name from pigeonpost.conversations`, [{ group_name: 'Family' }])
})

t.test('a conversation that was merged away is the one that it was merged into', async (t) => {
  const { get, post, say } = await withPeople(t)
  const a = await say('+27831234561', 'from a')
  const b = await say('+27831234562', 'from b')
  await post(`/api/v1/customers/${b['customer_id']}/merge`, { into: a['customer_id'] })
  const { body } = await get(`/conversations/${b['conversation_id']}`)
  t.match(body.data, { id: a['conversation_id'], totalMessages: 2, unreadCount: 2 })
  t.equal((await get(`/conversations/${b['conversation_id']}/messages`)).body.data.total, 2)
  t.equal((await get('/conversations')).body.data.total, 1)
})

t.test('closing waits for a message that is being stored, and archives its thread', async (t) => {
  const { post, sql, database, accountId } = await withPeople(t)
  const { id } = (await post('/conversations', { address: '+27831234567' })).body.data
  const writer = await database.connect({ max: 1 }).reserve()
  await writer`begin`
  const row = {
    tenant_id: 1,
    account_id: accountId,
    channel: 'fakechat',
    direction: 'inbound',
    address: '+27831234567',
    external_message_id: 'x',
    body: 'Hi',
  }
  await writer`insert into pigeonpost.messages ${writer(row)}`
  const asked = post(`/conversations/${id}/close`, undefined)
  await waitFor(
    async () =>
      (
        await sql`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
      ).length > 0,
    { what: 'the request that waits for the message' },
  )
  await writer`commit`
  writer.release()
  t.equal((await asked).body.data.status, 'closed')
  t.match(await sql`select status from pigeonpost.threads`, [{ status: 'archived' }])
})
