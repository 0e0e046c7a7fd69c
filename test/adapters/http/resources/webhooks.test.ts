import t from 'tap'
import { errorOf, example, testApi } from '../support/api.ts'

t.test("document 000's example becomes a message, a thread, an event and its bytes", async (t) => {
  const { post, sql } = await testApi(t)
  const bytes = JSON.stringify(example, null, 2)
  const { status, body } = await post('/api/webhooks/fakechat', bytes, { cookie: 'secret=1' })
  t.equal(status, 200)
  const [{ id }] = body.data.messages
  t.same(body, {
    success: true,
    data: {
      inboxId: body.data.inboxId,
      messages: [{ id, externalMessageId: 'abc123', duplicate: false }],
      updates: [],
      duplicates: 0,
    },
  })

  const [message] = await sql`select * from pigeonpost.messages`
  t.match(message, {
    tenant_id: 1,
    id,
    direction: 'inbound',
    channel: 'fakechat',
    address: '+27831234567',
    external_message_id: 'abc123',
    content_type: 'text',
    body: 'Hello',
    status: 'delivered',
  })
  t.same(message?.['sent_at'], new Date('2024-12-09T18:20:00Z'))
  t.same(message?.['raw'], example)

  const threads = await sql`select id, status from pigeonpost.threads`
  t.same(threads, [{ id: message?.['thread_id'], status: 'active' }])
  const [event] =
    await sql`select payload from pigeonpost.read_events() where type = 'message.inbound.created'`
  t.match(event?.['payload'], {
    event_id: String,
    message_id: id,
    conversation_id: message?.['conversation_id'],
    direction: 'inbound',
    body: 'Hello',
    timestamp: String,
  })

  const [kept] = await sql`select * from pigeonpost.webhook_inbox`
  t.match(kept, {
    id: body.data.inboxId,
    status: 'processed',
    path: '/api/webhooks/fakechat',
    error_code: null,
  })
  t.equal(String(kept?.['body']), bytes, 'to the byte')
  t.equal(kept?.['headers']['content-type'], 'application/json')
  t.notMatch(Object.keys(kept?.['headers']), ['authorization'])
  t.same([kept?.['headers']['authorization'], kept?.['headers']['cookie']], [undefined, undefined])
})

t.test('a redelivery is answered as processed and changes nothing', async (t) => {
  const { post, sql } = await testApi(t)
  const first = await post('/api/webhooks/fakechat', example)
  const state = () =>
    sql`select (select count(*) from pigeonpost.event_log)::int as events, (select count(*) from pigeonpost.threads)::int as threads,
      (select jsonb_agg(m) from pigeonpost.messages m) as messages, (select jsonb_agg(c) from pigeonpost.conversations c) as conversations`
  await sql`update pigeonpost.threads set status = 'archived'`
  const before = await state()
  const second = await post('/api/webhooks/fakechat', { ...example, again: true })
  t.equal(second.status, 200)
  t.equal(second.body.data.duplicates, 1)
  t.equal(second.body.data.messages[0].id, first.body.data.messages[0].id)
  t.same(await state(), before)
  t.equal((await sql`select from pigeonpost.webhook_inbox`).length, 2, 'its bytes are kept too')
})

t.test('the same webhook eight times at once is stored once', async (t) => {
  const { post, sql } = await testApi(t)
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => post('/api/webhooks/fakechat', example)),
  )
  t.same(
    answers.map(({ status }) => status),
    Array(8).fill(200),
  )
  t.equal(
    answers.reduce((sum, { body }) => sum + body.data.duplicates, 0),
    7,
  )
  t.equal((await sql`select from pigeonpost.messages`).length, 1)
})

t.test('malformed JSON is kept with its error and answered 400', async (t) => {
  const { post, sql, log } = await testApi(t)
  const answer = await post('/api/webhooks/fakechat', '{"platform": "fakechat", secret')
  t.equal(answer.status, 400)
  t.match(errorOf(t, answer), { code: 'json_malformed', fields: ['body'] })
  const [kept] =
    await sql`select status, error_code, error_message, body, processed_at from pigeonpost.webhook_inbox`
  t.match(kept, {
    status: 'failed',
    error_code: 'json_malformed',
    error_message: /not JSON/,
    processed_at: null,
  })
  t.equal(String(kept?.['body']), '{"platform": "fakechat", secret')
  t.match(log.join(''), /"code":"json_malformed"/)
  t.notMatch(log.join(''), /secret/)
})

t.test(
  'what cannot be read or stored names the field, keeps the bytes and writes nothing else',
  async (t) => {
    const { post, sql } = await testApi(t)
    const { message, ...rest } = example
    const cases: [unknown, string][] = [
      ['', 'body'],
      [rest, 'message'],
      [{ ...example, platform: 'nochat' }, 'platform'],
      [{ ...example, user: { id: '12' } }, 'user.id'],
      [{ ...example, user: { id: 'x\u0000' } }, 'user.id'],
      [{ ...rest, message: { ...message, id: undefined } }, 'message.id'],
      [{ ...rest, message: { ...message, content: 'x'.repeat(1_048_577) } }, 'body'],
    ]
    for (const [payload, field] of cases) {
      const answer = await post('/api/webhooks/fakechat', payload)
      t.equal(answer.status, 400)
      t.same(errorOf(t, answer).fields, [field])
    }
    const kept = await sql`select status, error_code from pigeonpost.webhook_inbox`
    t.same(
      kept.map((row) => row['status']),
      Array(cases.length).fill('failed'),
    )
    t.ok(kept.every((row) => row['error_code']))
    for (const table of ['messages', 'customers', 'conversations', 'threads', 'events']) {
      t.same(await sql`select from pigeonpost.${sql(table)}`, [], table)
    }
  },
)

t.test('a body with NUL and lone surrogates is stored without them', async (t) => {
  const { post, sql } = await testApi(t)
  const text = JSON.stringify(example).replace('Hello', String.raw`He\u0000l\ud800lo`)
  t.equal((await post('/api/webhooks/fakechat', text)).status, 200)
  const [row] =
    await sql`select body, raw -> 'message' ->> 'content' as raw from pigeonpost.messages`
  t.same(row, { body: 'Hello', raw: 'He\ufffdl\ufffdlo' })
  const [kept] = await sql`select body from pigeonpost.webhook_inbox`
  t.equal(String(kept?.['body']), text)
})

t.test(
  'an unknown channel, a foreign account and an id that is none are refused, and nothing is kept',
  async (t) => {
    const { post, sql } = await testApi(t)
    const unknown = await post('/api/webhooks/nochannel', example)
    t.equal(unknown.status, 404)
    t.match(errorOf(t, unknown), { code: 'channel_unknown', fields: ['channel'] })

    const [theirs] =
      await sql`insert into pigeonpost.accounts (tenant_id, channel) values (2, 'fakechat') returning id`
    const foreign = await post(`/api/webhooks/fakechat/${theirs?.['id']}`, example)
    t.equal(foreign.status, 404)
    t.match(errorOf(t, foreign), { code: 'account_unknown', fields: ['accountId'] })
    const none = await post('/api/webhooks/fakechat/12', example)
    t.equal(none.status, 400)
    t.same(errorOf(t, none).fields, ['accountId'])
    t.same(await sql`select from pigeonpost.webhook_inbox`, [])
  },
)

t.test('more than 2 MiB is 413, and nothing is kept', async (t) => {
  const { post, sql } = await testApi(t)
  const answer = await post('/api/webhooks/fakechat', 'x'.repeat(10_000_000))
  t.equal(answer.status, 413)
  t.match(errorOf(t, answer), { code: 'too_large' })
  t.same(await sql`select from pigeonpost.webhook_inbox`, [])
})

t.test('the account is the one of the path, else the one of `to`, else the default', async (t) => {
  const { post, sql } = await testApi(t)
  const accounts = await sql`
    insert into pigeonpost.accounts (tenant_id, channel, address, is_default)
    values (1, 'fakechat', '+27820000001', true), (1, 'fakechat', '+27820000002', false), (1, 'fakechat', '+27820000003', false)
    returning id`
  const [usual, second, third] = accounts.map((row) => row['id'])
  const send = async (path: string, id: string, to?: string) => {
    const payload = { ...example, message: { ...example.message, id }, ...(to ? { to } : {}) }
    const { body } = await post(path, payload)
    const [row] =
      await sql`select account_id from pigeonpost.messages where id = ${body.data.messages[0].id}`
    return row?.['account_id']
  }
  t.equal(await send('/api/webhooks/fakechat', 'a'), usual)
  t.equal(await send('/api/webhooks/fakechat', 'b', '+27 82 000 0002'), second)
  t.equal(await send(`/api/webhooks/fakechat/${third}`, 'c', '+27820000002'), third)
})

t.test(
  'receipts move the status forward, whatever their order, and one too early waits',
  async (t) => {
    const { post, sql } = await testApi(t)
    await sql`
    insert into pigeonpost.messages (tenant_id, channel, direction, address, external_message_id, body)
    values (1, 'fakechat', 'outbound', '+27831234567', 'fc_1', 'Hi')`
    const receipt = async (status: string, timestamp: number, message_id = 'fc_1') => {
      const { body } = await post('/api/webhooks/fakechat', {
        platform: 'fakechat',
        receipt: { message_id, status, timestamp },
      })
      return body.data.updates[0].result
    }
    const status = async (id: string) => {
      const [row] =
        await sql`select status, read_at from pigeonpost.messages where external_message_id = ${id}`
      return row
    }
    t.equal(await receipt('read', 1733768500), 'applied')
    t.same(await status('fc_1'), { status: 'read', read_at: new Date(1733768500_000) })
    t.equal(await receipt('delivered', 1733768600), 'ignored')
    await receipt('delivered', 1733768400)
    t.match(await status('fc_1'), { status: 'read' })

    t.equal(await receipt('delivered', 1733768600, 'fc_2'), 'parked')
    await sql`
    insert into pigeonpost.messages (tenant_id, channel, direction, address, external_message_id, body)
    values (1, 'fakechat', 'outbound', '+27831234567', 'fc_2', 'Hi')`
    t.match(await status('fc_2'), { status: 'delivered' })
  },
)

t.test('edits keep history, revokes take the body away, reactions are kept', async (t) => {
  const { post, sql } = await testApi(t)
  await post('/api/webhooks/fakechat', example)
  const about = { message_id: 'abc123', timestamp: 1733768460 }
  const update = (payload: object) =>
    post('/api/webhooks/fakechat', { platform: 'fakechat', ...payload })
  await update({ edit: { ...about, content: 'Hello!' } })
  await update({ user: example.user, reaction: { ...about, emoji: '👍' } })
  const [row] = await sql`
    select m.body, h.previous_body, r.emoji, r.sender from pigeonpost.messages m
    join pigeonpost.message_history h on h.message_id = m.id join pigeonpost.message_reactions r on r.message_id = m.id`
  t.same(row, { body: 'Hello!', previous_body: 'Hello', emoji: '👍', sender: '+27831234567' })
  await update({ revoke: about })
  t.match(await sql`select body, revoked_at from pigeonpost.messages`, [
    { body: null, revoked_at: new Date(1733768460_000) },
  ])
})

t.test('the transaction is tried again when Postgres picks it as the victim', async (t) => {
  const { post, sql } = await testApi(t, { own: true })
  await sql`create table public.tries (n int)`
  // The first insert fails as a deadlock would. Sequences outlive rollbacks: the second does not.
  await sql`create sequence public.tried`
  await sql.unsafe(`
    create function public.fail_once() returns trigger language plpgsql security definer as $$
    begin
      if nextval('public.tried') = 1 then raise exception 'deadlock' using errcode = '40P01'; end if;
      return new;
    end $$;
    create trigger "001_fail" before insert on pigeonpost.messages for each row execute function public.fail_once()`)
  const { status } = await post('/api/webhooks/fakechat', example)
  t.equal(status, 200)
  t.match(await sql`select status from pigeonpost.webhook_inbox`, [{ status: 'processed' }])
  t.equal((await sql`select from pigeonpost.messages`).length, 1)
})

t.test(
  'an error of ours keeps the bytes, says nothing of the inside, and asks to be sent again',
  async (t) => {
    const { post, sql, log } = await testApi(t, { own: true })
    await sql.unsafe(`
    create function public.break() returns trigger language plpgsql as $$
    begin raise exception 'the inside' using errcode = 'XX000', detail = 'the detail'; end $$;
    create trigger "001_break" before insert on pigeonpost.messages for each row execute function public.break()`)
    const answer = await post('/api/webhooks/fakechat', example)
    t.equal(answer.status, 500)
    t.equal(errorOf(t, answer).code, 'internal_error')
    t.notMatch(JSON.stringify(answer.body), /inside/)
    t.ok(answer.body.message.includes(answer.headers.get('x-request-id')))
    t.match(await sql`select status, error_message from pigeonpost.webhook_inbox`, [
      { status: 'failed', error_message: /the inside/ },
    ])
    t.notMatch(log.join(''), /Hello|27831234567|the detail/)
  },
)
