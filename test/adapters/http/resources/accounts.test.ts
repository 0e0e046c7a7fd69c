import t from 'tap'
import { errorOf } from '../support/api.ts'
import { nowhere, withPeople } from '../support/people.ts'

const path = '/api/v1/accounts'

t.test('an account is made with its limits, settings and the name of its secret', async (t) => {
  const { post, get, sql } = await withPeople(t)
  const answer = await post(path, {
    channel: 'WhatsApp',
    address: '+27 82 000 0000',
    name: 'Support',
    provider: 'whatsapp',
    settings: { phone_number_id: '106540352242922' },
    secretRef: 'env:TENANT_1_WHATSAPP',
    ratePerMinute: 60,
    burst: 5,
    dailyLimit: null,
    timeZone: 'Africa/Johannesburg',
    isDefault: true,
  })
  t.equal(answer.status, 201)
  const { id, createdAt, updatedAt } = answer.body.data
  t.same(answer.body, {
    success: true,
    data: {
      id,
      channel: 'whatsapp',
      address: '+27820000000',
      name: 'Support',
      provider: 'whatsapp',
      status: 'connected',
      statusReason: null,
      isDefault: true,
      ratePerMinute: 60,
      burst: 5,
      dailyLimit: null,
      timeZone: 'Africa/Johannesburg',
      settings: { phone_number_id: '106540352242922' },
      secretRef: 'env:TENANT_1_WHATSAPP',
      createdAt,
      updatedAt,
    },
  })
  t.same((await get(`/api/accounts/${id}`)).body, answer.body)
  const bare = await post(path, { channel: 'sms' })
  t.match(bare.body.data, {
    ratePerMinute: 20,
    burst: 1,
    dailyLimit: 1000,
    timeZone: 'UTC',
    isDefault: false,
    settings: {},
  })
  t.equal((await sql`select from pigeonpost.accounts`).length, 3)
})

t.test('accounts are listed newest first, by channel and status', async (t) => {
  const { post, get, accountId, addAccount } = await withPeople(t)
  const sms = await addAccount({ channel: 'sms', address: '+15550001001' })
  const mail = await addAccount({ channel: 'email', address: 'us@example.com', status: 'disabled' })
  await addAccount({ tenant_id: 2 })
  const ids = async (query: string) => {
    const { body } = await get(`${path}?${query}`)
    return body.data.accounts.map(({ id }: { id: string }) => id)
  }
  t.same(await ids(''), [mail, sms, accountId])
  t.same(await ids('channel=SMS'), [sms])
  t.same(await ids('status=disabled'), [mail])
  t.same(await ids('status=disconnected'), [])
  const first = (await get(`${path}?limit=2`)).body.data
  t.match(first, { total: 3, totalPages: 2, page: 1, limit: 2 })
  t.same(await ids(`limit=2&cursor=${first.nextCursor}`), [accountId])
  t.same(await ids('limit=2&page=2'), [accountId])
  t.equal((await post(path, { channel: 'sms', address: '+15550001001' })).status, 409)
})

t.test('what an operator sets is changed, and what is left out stays', async (t) => {
  const { patch, accountId, get } = await withPeople(t)
  const { data } = (await get(`${path}/${accountId}`)).body
  const changed = await patch(`${path}/${accountId}`, {
    name: 'Simulator',
    ratePerMinute: null,
    dailyLimit: 0,
    settings: { recipient_interval_ms: 100 },
    secretRef: 'env:TENANT_1_SIMULATOR',
  })
  t.equal(changed.status, 200)
  t.same(
    { ...changed.body.data, updatedAt: data.updatedAt },
    {
      ...data,
      name: 'Simulator',
      ratePerMinute: null,
      dailyLimit: 0,
      settings: { recipient_interval_ms: 100 },
      secretRef: 'env:TENANT_1_SIMULATOR',
    },
  )
  t.match((await patch(`${path}/${accountId}`, { address: null, secretRef: null })).body.data, {
    address: null,
    secretRef: null,
    name: 'Simulator',
  })
})

t.test('what is wrong with an account is named, and nothing is stored', async (t) => {
  const { post, patch, accountId, sql } = await withPeople(t)
  const cases: [object, number, string][] = [
    [{ address: 'x' }, 400, 'channel'],
    [{ channel: ' ' }, 400, 'channel'],
    [{ channel: 'sms', address: '083' }, 201, ''],
    [{ channel: 'sms', address: '083 123 4567' }, 400, 'address'],
    [{ channel: 'fakechat', address: '+1 555 000 1000' }, 409, 'address'],
    [{ channel: 'x', ratePerMinute: 0 }, 400, 'ratePerMinute'],
    [{ channel: 'x', ratePerMinute: 1.5 }, 400, 'ratePerMinute'],
    [{ channel: 'x', ratePerMinute: 3_000_000_000 }, 400, 'ratePerMinute'],
    [{ channel: 'x', burst: 0 }, 400, 'burst'],
    [{ channel: 'x', burst: null }, 400, 'burst'],
    [{ channel: 'x', dailyLimit: -1 }, 400, 'dailyLimit'],
    [{ channel: 'x', timeZone: 'Mars/Olympus' }, 400, 'timeZone'],
    [{ channel: 'x', settings: [] }, 400, 'settings'],
    [
      { channel: 'x', settings: { recipient_interval_ms: -1 } },
      400,
      'settings.recipient_interval_ms',
    ],
    [{ channel: 'x', secretRef: 'hunter2' }, 400, 'secretRef'],
    [{ channel: 'x', secretRef: 'env:DATABASE_URL' }, 400, 'secretRef'],
    [{ channel: 'x', secretRef: 'env:PIGEONPOST_KEY' }, 400, 'secretRef'],
    [{ channel: 'x', secretRef: 'file:/etc/passwd' }, 400, 'secretRef'],
    [{ channel: 'x', secretRef: 'env:TENANT_2_THEIRS' }, 400, 'secretRef'],
    [{ channel: 'x', isDefault: 'yes' }, 400, 'isDefault'],
    [{ channel: 'x', status: 'connected' }, 400, 'status'],
    [{ channel: 'x', secret: 'hunter2' }, 400, 'secret'],
    [{ channel: 'x', name: 'a\u0007' }, 400, 'name'],
  ]
  for (const [body, status, field] of cases) {
    const answer = await post(path, body)
    t.equal(answer.status, status, JSON.stringify(body))
    if (status !== 201) t.same(errorOf(t, answer).fields, [field], JSON.stringify(body))
  }
  t.equal((await sql`select from pigeonpost.accounts`).length, 2)
  for (const [body, field] of [
    [{ channel: 'sms' }, 'channel'],
    [{ burst: 0 }, 'burst'],
    [{}, 'body'],
  ] as const) {
    const answer = await patch(`${path}/${accountId}`, body)
    t.match([answer.status, errorOf(t, answer).fields], [400, [field]])
  }
})

t.test('a channel has one default, also when two are made it at once', async (t) => {
  const { patch, post, sql, accountId, addAccount } = await withPeople(t)
  await patch(`${path}/${accountId}`, { isDefault: true })
  const others = [
    await addAccount({ address: '+15550001001' }),
    await addAccount({ address: '+15550001002' }),
  ]
  const answers = await Promise.all(
    [...others, accountId, ...others].map((id) => patch(`${path}/${id}`, { isDefault: true })),
  )
  t.same(
    answers.map(({ status }) => status),
    Array(5).fill(200),
  )
  t.equal((await sql`select from pigeonpost.accounts where is_default`).length, 1)
  const made = await post(path, { channel: 'fakechat', address: '+15550001003', isDefault: true })
  t.equal(made.status, 201)
  t.match(await sql`select id from pigeonpost.accounts where is_default`, [
    { id: made.body.data.id },
  ])
})

t.test('an account is disconnected, connected, disabled and enabled', async (t) => {
  const { post, accountId, get, sql } = await withPeople(t)
  const set = (verb: string, body?: unknown) => post(`${path}/${accountId}/${verb}`, body)
  t.match(await set('disconnect', { reason: 'logged out' }), {
    status: 200,
    body: { data: { status: 'disconnected', statusReason: 'logged out' } },
  })
  t.match((await set('disconnect', { reason: 'again' })).body.data, { statusReason: 'logged out' })
  const refused = await post('/api/v1/messages', { to: '+27831234567', content: 'Hi', accountId })
  t.match([refused.status, refused.body.code], [400, 'account_not_connected'])
  t.match((await set('enable')).body.data, { status: 'disconnected' }, 'it was not disabled')
  t.match((await set('connect')).body.data, { status: 'connected', statusReason: null })
  t.match((await set('connect', {})).body.data, { status: 'connected' })
  t.match((await set('disable', { reason: 'unpaid' })).body.data, {
    status: 'disabled',
    statusReason: 'unpaid',
  })
  for (const verb of ['connect', 'disconnect']) {
    const answer = await set(verb)
    t.match([answer.status, errorOf(t, answer).code], [409, 'account_disabled'], verb)
  }
  t.match((await set('enable')).body.data, { status: 'connected' })
  t.match((await get(`${path}/${accountId}`)).body.data, { status: 'connected' })
  const events =
    await sql`select type from pigeonpost.event_log where type like 'account.%' order by id`
  t.same(
    events.map(({ type }) => type),
    ['account.disconnected', 'account.connected', 'account.disabled', 'account.connected'],
    'what changes nothing tells nobody',
  )
  for (const [verb, body, field] of [
    ['connect', { reason: 'x' }, 'reason'],
    ['disable', { why: 'x' }, 'why'],
    ['disable', { reason: '' }, 'reason'],
  ] as const) {
    const answer = await set(verb, body)
    t.match([answer.status, errorOf(t, answer).fields], [400, [field]], verb)
  }
})

t.test('limits come with what today has used of them', async (t) => {
  const { post, get, patch, accountId, sql } = await withPeople(t)
  const read = async () => (await get(`${path}/${accountId}/limits`)).body.data
  const before = await read()
  t.match(before, {
    ratePerMinute: 20,
    burst: 1,
    dailyLimit: 1000,
    timeZone: 'UTC',
    today: { accepted: 0, remaining: 1000 },
  })
  t.equal(before.today.nextDayAt.slice(10), 'T00:00:00.000Z')
  t.equal(Date.parse(before.today.nextDayAt) - Date.parse(before.today.day), 86_400_000)
  for (let i = 0; i < 3; i += 1)
    await post('/api/v1/messages', { to: '+27831234567', content: 'Hi', accountId })
  t.match((await read()).today, { accepted: 3, remaining: 997 })
  await patch(`${path}/${accountId}`, { dailyLimit: 2 })
  t.match((await read()).today, { accepted: 3, remaining: 0 })
  t.equal(
    (await post('/api/v1/messages', { to: '+27831234567', content: 'Hi', accountId })).body.code,
    'daily_limit_reached',
  )
  await patch(`${path}/${accountId}`, { dailyLimit: null, timeZone: 'Pacific/Kiritimati' })
  const after = await read()
  t.match(after, { dailyLimit: null, today: { accepted: null, remaining: null } })
  t.equal(after.today.nextDayAt.slice(10), 'T10:00:00.000Z')
  await sql`delete from pigeonpost_private.account_days`
  await sql`update pigeonpost.messages set status = 'sent', attempts = 1, sent_at = now()`
  await patch(`${path}/${accountId}`, { dailyLimit: 1000 })
  t.match(
    (await read()).today,
    { accepted: 3, remaining: 997 },
    'what went out without a limit counts',
  )
})

t.test('health tells whether it is connected, its breaker and the oldest that waits', async (t) => {
  const { post, get, patch, accountId, sql } = await withPeople(t)
  const read = async () => (await get(`${path}/${accountId}/health`)).body.data
  await patch(`${path}/${accountId}`, { provider: 'fakechat' })
  t.same(await read(), {
    status: 'connected',
    statusReason: null,
    isConnected: true,
    provider: 'fakechat',
    breaker: { state: 'closed', failures: 0, openUntil: null, lastError: null },
    oldestWaitingSeconds: null,
  })
  await post('/api/v1/messages', { to: '+27831234567', content: 'Hi', accountId })
  await sql`select pigeonpost_private.note_provider(1, 'fakechat', false, 100, 'timeout')`
  await sql`select pigeonpost_private.note_provider(2, 'fakechat', false, 1, 'theirs')`
  await post(`${path}/${accountId}/disconnect`, { reason: 'logged out' })
  const health = await read()
  t.match(health, {
    status: 'disconnected',
    statusReason: 'logged out',
    isConnected: false,
    breaker: { state: 'open', failures: 100, lastError: 'timeout' },
  })
  t.ok(Date.parse(health.breaker.openUntil) > Date.now())
  t.ok(health.oldestWaitingSeconds >= 0 && health.oldestWaitingSeconds < 60)
})

t.test('another tenant’s account is not there, bad ids are 400, and scopes count', async (t) => {
  const { call, get, accountId, other, makeKey, sql } = await withPeople(t)
  const calls: [string, string, unknown?][] = [
    ['GET', ''],
    ['PATCH', '', { name: 'x' }],
    ['POST', '/connect'],
    ['POST', '/disconnect'],
    ['POST', '/enable'],
    ['POST', '/disable'],
    ['GET', '/limits'],
    ['GET', '/health'],
  ]
  const keyWith = async (scope: 'accounts:read' | 'accounts:write') => ({
    authorization: `Bearer ${(await makeKey({ scopes: [scope] })).key}`,
  })
  const [reader, writer] = [await keyWith('accounts:read'), await keyWith('accounts:write')]
  for (const [method, rest, body] of calls) {
    const hidden = await call(method, `${path}/${accountId}${rest}`, body, other)
    t.match([hidden.status, errorOf(t, hidden).code], [404, 'account_unknown'], rest)
    t.equal((await call(method, `${path}/${nowhere}${rest}`, body)).status, 404)
    for (const id of ['7', 'x', `${accountId}0`]) {
      const bad = await call(method, `${path}/${id}${rest}`, body)
      t.match([bad.status, errorOf(t, bad).fields], [400, ['id']], rest)
    }
    const wrong = await call(
      method,
      `${path}/${accountId}${rest}`,
      body,
      method === 'GET' ? writer : reader,
    )
    t.match([wrong.status, errorOf(t, wrong).code], [403, 'scope_missing'], rest)
  }
  t.equal((await call('POST', path, { channel: 'sms' }, reader)).status, 403)
  t.equal((await get(path, other)).body.data.total, 0)
  for (const [query, field] of [
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['status=gone', 'status'],
    ['cursor=x', 'cursor'],
    ['name=x', 'name'],
  ] as const) {
    const answer = await get(`${path}?${query}`)
    t.match([answer.status, errorOf(t, answer).fields], [400, [field]], query)
  }
  t.match(await sql`select status, name from pigeonpost.accounts where id = ${accountId}`, [
    { status: 'connected', name: null },
  ])
})

t.test("a secret that an operator gave cannot be sent to another's host", async (t) => {
  const { patch, accountId, sql } = await withPeople(t)
  await sql`update pigeonpost.accounts set secret_ref = 'file:/run/secrets/ours' where id = ${accountId}`
  for (const body of [
    { settings: { api_url: 'http://elsewhere.example' } },
    { provider: 'smtp' },
  ]) {
    const answer = await patch(`${path}/${accountId}`, body)
    t.equal(answer.status, 409)
    t.equal(errorOf(t, answer).code, 'secret_is_the_operators')
  }
  t.equal((await patch(`${path}/${accountId}`, { name: 'Still ours' })).status, 200)
  const own = { settings: { api_url: 'http://elsewhere.example' }, secretRef: 'env:TENANT_1_MINE' }
  t.equal((await patch(`${path}/${accountId}`, own)).status, 200)
})
