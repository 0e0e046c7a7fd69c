import t from 'tap'
import { errorOf } from '../support/api.ts'
import { nowhere, withPeople } from '../support/people.ts'

const ids = (answer: { body: { data: { customers: { id: string }[] } } }) =>
  answer.body.data.customers.map(({ id }) => id)

t.test('a customer has its addresses and exact counters, by uuid as by lead id', async (t) => {
  const { get, say, sql } = await withPeople(t)
  const { customer_id: id } = await say('+27831234567')
  const { occurred_at: last } = await say('+27831234567')
  await sql`update pigeonpost.customers set name = 'Thandi', lead_id = 5001, metadata = '{"vip": true}'`
  const [row] = await sql`select * from pigeonpost.customers`
  const [identity] = await sql`select * from pigeonpost.customer_identities`
  const answer = await get(`/api/v1/customers/${id}`)
  t.equal(answer.status, 200)
  t.same(answer.body, {
    success: true,
    data: {
      id,
      leadId: 5001,
      name: 'Thandi',
      externalType: 'fakechat',
      externalId: '+27831234567',
      metadata: { vip: true },
      lastMessageAt: last.toISOString(),
      unreadCount: 2,
      totalMessages: 2,
      createdAt: row?.['created_at'].toISOString(),
      updatedAt: row?.['updated_at'].toISOString(),
      identities: [
        {
          channel: 'fakechat',
          address: '+27831234567',
          createdAt: identity?.['created_at'].toISOString(),
        },
      ],
    },
  })
  t.same((await get('/api/customers/5001')).body, answer.body)
})

t.test('customers are listed newest first and found by name, address and lead id', async (t) => {
  const { get, say, post, addCustomer } = await withPeople(t)
  t.match((await get('/api/v1/customers')).body.data, { customers: [], total: 0, totalPages: 0 })
  const { customer_id: phone } = await say('+27831234567')
  const mail = await addCustomer({
    name: 'Thandi 100%_x',
    lead_id: 5001,
    external_type: 'email',
    external_id: 'thandi@example.com',
  })
  const third = await addCustomer({ name: "O'Brien \\ Sons" })
  const merged = await addCustomer({ name: 'Thandi the second' })
  await post(`/api/v1/customers/${merged}/merge`, { into: mail })
  t.same(ids(await get('/api/v1/customers')), [third, mail, phone])
  const cases: [string, string[]][] = [
    ['name=THANDI', [mail]],
    ['name=100%25_', [mail]],
    ['name=_', [mail]],
    ['name=%5C', [third]],
    ["name=o'b", [third]],
    ['name=nobody', []],
    ['address=%2B27831234567', [phone]],
    ['address=%2B27%2083%20123%204567', [phone]],
    ['address=Thandi@Example.com', [mail]],
    ['address=thandi@example.com&channel=email', [mail]],
    ['address=thandi@example.com&channel=sms', []],
    ['address=thandi', []],
    ['channel=email', [mail]],
    ['channel=Fakechat', [phone]],
    ['leadId=5001', [mail]],
    ['leadId=1', []],
    ['leadId=5001&name=brien', []],
  ]
  for (const [query, expected] of cases) {
    const answer = await get(`/api/v1/customers?${query}`)
    t.same(ids(answer), expected, query)
    t.equal(answer.body.data.total, expected.length, query)
  }
  const first = await get('/api/v1/customers?limit=2')
  t.match(first.body.data, { total: 3, totalPages: 2, totalIsEstimate: false })
  const second = await get(`/api/v1/customers?limit=2&cursor=${first.body.data.nextCursor}`)
  t.same([...ids(first), ...ids(second)], [third, mail, phone])
  t.equal(second.body.data.nextCursor, null)
  t.same(ids(await get('/api/v1/customers?limit=2&page=2')), [phone])
  t.match(second.body.data.customers[0].identities, [
    { channel: 'fakechat', address: '+27831234567' },
  ])
})

t.test('a total past 10,000 is an estimate', async (t) => {
  const { get, sql } = await withPeople(t)
  await sql`insert into pigeonpost.customers (tenant_id) select 1 from generate_series(1, 10000)`
  t.match((await get('/api/v1/customers?limit=1')).body.data, {
    total: 10_000,
    totalIsEstimate: false,
  })
  await sql`insert into pigeonpost.customers (tenant_id) select 1 from generate_series(1, 50)`
  t.match((await get('/api/v1/customers?limit=1')).body.data, {
    total: 10_000,
    totalIsEstimate: true,
  })
})

t.test('a customer is made with its addresses, or not at all', async (t) => {
  const { post, sql } = await withPeople(t)
  const answer = await post('/api/v1/customers', {
    name: 'Thandi',
    leadId: 5001,
    metadata: { vip: true },
    identities: [
      { channel: 'whatsapp', address: '+27 83 123 4567' },
      { channel: 'email', address: 'Thandi@Example.com' },
    ],
  })
  t.equal(answer.status, 201)
  t.match(answer.body.data, {
    name: 'Thandi',
    leadId: 5001,
    metadata: { vip: true },
    totalMessages: 0,
  })
  t.same(
    answer.body.data.identities.map(({ address }: { address: string }) => address).toSorted(),
    ['+27831234567', 'thandi@example.com'],
  )
  const taken = await post('/api/v1/customers', {
    identities: [{ channel: 'email', address: 'thandi@example.com' }],
  })
  t.match([taken.status, errorOf(t, taken)], [409, { code: 'identity_taken', fields: ['address'] }])
  const lead = await post('/api/v1/customers', { leadId: 5001 })
  t.match(
    [lead.status, errorOf(t, lead)],
    [409, { code: 'customers_lead_id_is_unique', fields: ['leadId'] }],
  )
  t.equal((await sql`select from pigeonpost.customers`).length, 1)
  const bare = await post('/api/v1/customers', {})
  t.equal(bare.status, 201)
  t.ok(bare.body.data.leadId > 2 ** 32)
})

t.test('a customer’s name, metadata and lead id change', async (t) => {
  const { patch, addCustomer, sql } = await withPeople(t)
  const id = await addCustomer({ name: 'Thandi', metadata: { a: 1 } })
  await addCustomer({ lead_id: 7 })
  t.match((await patch(`/api/v1/customers/${id}`, { name: 'Thandi M', leadId: 5001 })).body.data, {
    name: 'Thandi M',
    leadId: 5001,
    metadata: { a: 1 },
  })
  t.match((await patch('/api/v1/customers/5001', { name: null, metadata: { b: 2 } })).body.data, {
    id,
    name: null,
  })
  t.match(await sql`select metadata from pigeonpost.customers where id = ${id}`, [
    { metadata: { b: 2 } },
  ])
  t.same((await sql`select metadata from pigeonpost.customers where id = ${id}`)[0]?.['metadata'], {
    b: 2,
  })
  const cases: [object, number, string][] = [
    [{ leadId: 7 }, 409, 'leadId'],
    [{ leadId: 0 }, 400, 'leadId'],
    [{ leadId: '8' }, 400, 'leadId'],
    [{ name: ' ' }, 400, 'name'],
    [{ name: 'x'.repeat(256) }, 400, 'name'],
    [{ name: 'a\u0000' }, 400, 'name'],
    [{ metadata: 'x' }, 400, 'metadata'],
    [{ metadata: { a: 'x'.repeat(70_000) } }, 400, 'metadata'],
    [{ id: nowhere }, 400, 'id'],
    [{}, 400, 'body'],
  ]
  for (const [body, status, field] of cases) {
    const answer = await patch(`/api/v1/customers/${id}`, body)
    t.match(
      [answer.status, errorOf(t, answer).fields],
      [status, [field]],
      JSON.stringify(body).slice(0, 60),
    )
  }
})

t.test(
  'merging joins what two customers said, and either id finds the one that lives',
  async (t) => {
    const { post, get, say, addCustomer } = await withPeople(t)
    const { customer_id: loser } = await say('+27831234561')
    const { customer_id: winner } = await say('+27831234562')
    const { leadId } = (await get(`/api/v1/customers/${winner}`)).body.data
    const answer = await post(`/api/v1/customers/${loser}/merge`, { into: leadId })
    t.equal(answer.status, 200)
    t.match(answer.body.data, { id: winner, totalMessages: 2, unreadCount: 2 })
    t.same(
      answer.body.data.identities.map(({ address }: { address: string }) => address).toSorted(),
      ['+27831234561', '+27831234562'],
    )
    t.same((await get(`/api/v1/customers/${loser}`)).body, answer.body)
    t.equal((await post(`/api/v1/customers/${loser}/merge`, { into: winner })).status, 200, 'twice')
    const third = await addCustomer()
    const cases: [string, unknown, number, string][] = [
      [loser, { into: third }, 409, 'merged_customers_are_alive'],
      [third, { into: third }, 400, 'customers_not_merged_into_itself'],
      [third, { into: nowhere }, 404, 'customer_unknown'],
      [nowhere, { into: third }, 404, 'customer_unknown'],
      [third, { into: 'x' }, 400, 'invalid_input'],
      [third, {}, 400, 'invalid_input'],
      [third, { into: await addCustomer({ tenant_id: 2 }) }, 404, 'customer_unknown'],
    ]
    for (const [id, body, status, code] of cases) {
      const refused = await post(`/api/v1/customers/${id}/merge`, body)
      t.match([refused.status, errorOf(t, refused).code], [status, code], JSON.stringify(body))
    }
  },
)

t.test('two customers that are merged into one another at once become one', async (t) => {
  const { post, say, sql } = await withPeople(t)
  const { customer_id: a } = await say('+27831234561')
  const { customer_id: b } = await say('+27831234562')
  const answers = await Promise.all([
    post(`/api/v1/customers/${a}/merge`, { into: b }),
    post(`/api/v1/customers/${b}/merge`, { into: a }),
  ])
  t.same(
    answers.map(({ status }) => status),
    [200, 200],
  )
  t.equal(answers[0]?.body.data.id, answers[1]?.body.data.id)
  t.equal((await sql`select from pigeonpost.customers where merged_into is null`).length, 1)
})

t.test('addresses are listed, added and removed', async (t) => {
  const { post, get, remove, say, addCustomer } = await withPeople(t)
  const id = await addCustomer()
  const path = `/api/v1/customers/${id}/identities`
  t.same((await get(path)).body.data, { identities: [] })
  const added = await post(path, { channel: 'WhatsApp', address: '+27 (83) 123-4567' })
  t.match(added, { status: 201, body: { data: { channel: 'whatsapp', address: '+27831234567' } } })
  const again = await post(path, { channel: 'whatsapp', address: '+27831234567' })
  t.match(again, { status: 200, body: added.body })
  t.equal((await post(path, { channel: 'fakechat', address: '+27831234567' })).status, 201)
  t.equal((await say('+27831234567'))['customer_id'], id, 'a message from there is the customer’s')
  t.equal((await post(path, { channel: 'email', address: 'a/b@example.com' })).status, 201)
  t.same((await get(path)).body.data.identities.length, 3)

  const another = await addCustomer()
  const taken = await post(`/api/v1/customers/${another}/identities`, {
    channel: 'whatsapp',
    address: '+27831234567',
  })
  t.match([taken.status, errorOf(t, taken)], [409, { code: 'identity_taken', fields: ['address'] }])
  t.match(taken.body.details[0].hint, new RegExp(id))

  const email = `${path}/email/${encodeURIComponent('A/B@example.com')}`
  t.match(await remove(email), { status: 200, body: { data: { address: 'a/b@example.com' } } })
  const gone = await remove(email)
  t.match([gone.status, errorOf(t, gone).code], [404, 'identity_unknown'])
  t.equal(
    (await remove(`/api/v1/customers/${another}/identities/whatsapp/%2B27831234567`)).status,
    404,
  )

  const longest = '\u{1f426}'.repeat(127)
  t.equal((await post(path, { channel: 'telegram', address: longest })).status, 201)
  const removed = await remove(`${path}/telegram/${encodeURIComponent(longest)}`)
  t.match(removed, { status: 200, body: { data: { address: longest } } })
  const longer = await remove(`${path}/telegram/${'x'.repeat(5000)}`)
  t.match([longer.status, errorOf(t, longer)], [414, { code: 'path_too_long', fields: ['path'] }])

  for (const [body, field] of [
    [{ channel: 'sms', address: '083 123 4567' }, 'address'],
    [{ channel: 'sms', address: '+27' }, 'address'],
    [{ channel: 'email', address: ' ' }, 'address'],
    [{ channel: ' ', address: 'x' }, 'channel'],
    [{ channel: 'email' }, 'address'],
    [{ channel: 'email', address: 'a', name: 'x' }, 'name'],
  ] as const) {
    const answer = await post(path, body)
    t.match([answer.status, errorOf(t, answer).fields], [400, [field]], JSON.stringify(body))
  }
})

t.test('eight that claim one address for two customers leave it with one', async (t) => {
  const { post, addCustomer, sql } = await withPeople(t)
  const both = [await addCustomer(), await addCustomer()]
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      post(`/api/v1/customers/${both[i % 2]}/identities`, {
        channel: 'email',
        address: 'a@example.com',
      }),
    ),
  )
  t.same(
    answers.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 200, 200, 201, 409, 409, 409, 409],
  )
  t.equal((await sql`select from pigeonpost.customer_identities`).length, 1)
})

t.test('what is wrong is named, strangers see nothing, and scopes count', async (t) => {
  const { get, call, addCustomer, other, makeKey } = await withPeople(t)
  const id = await addCustomer({ lead_id: 5001 })
  for (const [query, field] of [
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['page=0', 'page'],
    ['cursor=x', 'cursor'],
    ['leadId=x', 'leadId'],
    ['name=%20', 'name'],
    ['phone=1', 'phone'],
  ] as const) {
    const answer = await get(`/api/v1/customers?${query}`)
    t.match([answer.status, errorOf(t, answer).fields], [400, [field]], query)
  }
  t.equal((await get('/api/v1/customers/x')).status, 400)
  t.equal((await get(`/api/v1/customers/${id}?x=1`)).status, 400)
  const calls: [string, string, unknown?][] = [
    ['GET', ''],
    ['PATCH', '', { name: 'x' }],
    ['GET', '/identities'],
    ['POST', '/identities', { channel: 'email', address: 'x@example.com' }],
    ['DELETE', '/identities/email/x'],
    ['POST', '/merge', { into: 1 }],
  ]
  const reader = { authorization: `Bearer ${(await makeKey({ scopes: ['customers:read'] })).key}` }
  const none = { authorization: `Bearer ${(await makeKey({ scopes: ['accounts:write'] })).key}` }
  for (const [method, path, body] of calls) {
    for (const given of [id, 5001]) {
      const answer = await call(method, `/api/v1/customers/${given}${path}`, body, other)
      t.match([answer.status, errorOf(t, answer).code], [404, 'customer_unknown'], path)
    }
    const refused = await call(
      method,
      `/api/v1/customers/${id}${path}`,
      body,
      method === 'GET' ? none : reader,
    )
    t.match([refused.status, errorOf(t, refused).code], [403, 'scope_missing'], path)
  }
  t.equal((await get('/api/v1/customers', other)).body.data.total, 0)
})
