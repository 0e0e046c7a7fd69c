import t from 'tap'
import { errorOf } from '../support/api.ts'
import { nowhere, withPeople } from '../support/people.ts'

t.test('a thread is told by uuid as by number, with when it began and ended', async (t) => {
  const { get, say, sql } = await withPeople(t)
  const first = await say('+27831234567', 'Hello', { sent_at: '2025-12-01T10:00:00Z' })
  await say('+27831234567', 'Hello?', { sent_at: '2025-12-01T10:05:00Z' })
  const [row] = await sql`select * from pigeonpost.threads`
  const answer = await get(`/api/v1/threads/${first['thread_id']}`)
  t.equal(answer.status, 200)
  t.same(answer.body, {
    success: true,
    data: {
      id: first['thread_id'],
      number: Number(row?.['number']),
      conversationId: first['conversation_id'],
      customerId: first['customer_id'],
      channel: 'fakechat',
      status: 'active',
      createdAt: row?.['created_at'].toISOString(),
      archivedAt: null,
      firstMessageAt: '2025-12-01T10:00:00.000Z',
      lastMessageAt: '2025-12-01T10:05:00.000Z',
    },
  })
  t.same((await get(`/api/threads/${row?.['number']}`)).body, answer.body)
})

t.test('the history of a thread comes oldest first, page by page', async (t) => {
  const { get, say } = await withPeople(t)
  let thread = ''
  for (let i = 1; i <= 5; i += 1) thread = (await say('+27831234567', String(i)))['thread_id']
  const path = `/api/v1/threads/${thread}/history`
  const all = (await get(path)).body.data
  t.match(all, { threadId: thread, limit: 50, nextCursor: null })
  t.match(all.messages[0], {
    direction: 'Inbound',
    sender: '+27831234567',
    type: 'Text',
    content: '1',
    status: 'Delivered',
    state: 'delivered',
    revokedAt: null,
  })
  const contents = (data: { messages: { content: string }[] }) =>
    data.messages.map(({ content }) => content)
  t.same(contents(all), ['1', '2', '3', '4', '5'])
  const last = (await get(`${path}?limit=2`)).body.data
  t.same(contents(last), ['4', '5'])
  const middle = (await get(`${path}?limit=2&cursor=${last.nextCursor}`)).body.data
  t.same(contents(middle), ['2', '3'])
  const first = (await get(`${path}?limit=2&before=${middle.messages[0].number}`)).body.data
  t.same(contents(first), ['1'])
  t.equal(first.nextCursor, null)
})

t.test('the history as turns says who spoke, and only what was said', async (t) => {
  const { get, say, sql } = await withPeople(t)
  const outbound = { direction: 'outbound', external_message_id: null }
  const { thread_id: thread } = await say('+27831234567', 'Where is my order?')
  await sql`update pigeonpost.customers set name = 'Thandi'`
  await say('+27831234567', 'On its way.', outbound)
  await say('+27831234567', 'Order 7 was sent', { direction: 'system' })
  await say('+27831234567', 'This one', {
    content_type: 'image',
    media_url: 'https://example.com/a.jpg',
  })
  const failed = await say('+27831234567', 'never arrived', outbound)
  await sql`update pigeonpost.messages set status = 'canceled' where id = ${failed['id']}`
  const revoked = await say('+27831234567', 'taken back')
  await sql`update pigeonpost.messages set revoked_at = now() where id = ${revoked['id']}`
  await say('+27831234567', 'tomorrow', { ...outbound, scheduled_for: '2999-01-01' })
  const { status, body } = await get(`/api/v1/threads/${thread}/history?format=turns`)
  t.equal(status, 200)
  t.same(body.data, {
    threadId: thread,
    limit: 50,
    nextCursor: null,
    turns: [
      { role: 'user', content: 'Where is my order?', name: 'Thandi' },
      { role: 'assistant', content: 'On its way.' },
      { role: 'system', content: 'Order 7 was sent' },
      { role: 'user', content: '[Image] This one https://example.com/a.jpg', name: 'Thandi' },
    ],
  })
  t.equal((await get(`/api/v1/threads/${thread}/history`)).body.data.messages.length, 7)
})

t.test('archiving a thread lets the next message open another', async (t) => {
  const { get, post, say } = await withPeople(t)
  const { thread_id: thread, conversation_id: id } = await say('+27831234567')
  const archived = await post(`/api/v1/threads/${thread}/archive`, undefined)
  t.match(archived, { status: 200, body: { data: { id: thread, status: 'archived' } } })
  t.ok(archived.body.data.archivedAt)
  t.same((await post(`/api/v1/threads/${thread}/archive`, {})).body, archived.body, 'once')
  const none = await post(`/conversations/${id}/threads/current/archive`, undefined)
  t.match(none, { status: 200, body: { message: 'No thread is active', data: null } })
  const { thread_id: second } = await say('+27831234567')
  t.not(second, thread)
  const { data } = (await get(`/conversations/${id}/threads`)).body
  t.match(data, {
    total: 2,
    threads: [
      { id: second, status: 'active', conversationId: id },
      { id: thread, status: 'archived' },
    ],
  })
  t.match((await get(`/conversations/${id}/threads?status=active`)).body.data, {
    total: 1,
    threads: [{ id: second }],
  })
  const current = await post(`/api/v1/conversations/${id}/threads/current/archive`, undefined)
  t.match(current.body, { message: 'Thread archived', data: { id: second, status: 'archived' } })
  const page = (await get(`/conversations/${id}/threads?limit=1`)).body.data
  t.match((await get(`/conversations/${id}/threads?limit=1&cursor=${page.nextCursor}`)).body.data, {
    threads: [{ id: thread }],
    nextCursor: null,
  })
})

t.test('eight that archive the current thread at once end one', async (t) => {
  const { post, say, sql } = await withPeople(t)
  const { conversation_id: id } = await say('+27831234567')
  const answers = await Promise.all(
    Array.from({ length: 8 }, () =>
      post(`/conversations/${id}/threads/current/archive`, undefined),
    ),
  )
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
  t.equal(answers.filter(({ body }) => body.data !== null).length, 1)
  await say('+27831234567')
  t.equal((await sql`select from pigeonpost.threads where status = 'active'`).length, 1)
})

t.test('what is wrong is named, and another tenant’s thread is not there', async (t) => {
  const { get, post, say, other, sql } = await withPeople(t)
  const { thread_id: thread } = await say('+27831234567')
  const path = `/api/v1/threads/${thread}`
  const cases: [string, string][] = [
    [`${path}?x=1`, 'x'],
    [`${path}/history?format=xml`, 'format'],
    [`${path}/history?limit=0`, 'limit'],
    [`${path}/history?limit=101`, 'limit'],
    [`${path}/history?before=yesterday`, 'before'],
    [`${path}/history?cursor=x`, 'cursor'],
    [`${path}/history?cursor=MQ&before=1`, 'cursor'],
    [`${path}/history?page=1`, 'page'],
    ['/api/v1/threads/abc', 'id'],
  ]
  for (const [path, field] of cases) {
    const answer = await get(path)
    t.match([answer.status, errorOf(t, answer).fields], [400, [field]], path)
  }
  for (const id of [thread, nowhere, '999']) {
    const headers = id === thread ? other : {}
    for (const answer of [
      await get(`/api/v1/threads/${id}`, headers),
      await get(`/api/v1/threads/${id}/history`, headers),
      await post(`/api/v1/threads/${id}/archive`, undefined, headers),
    ]) {
      t.match([answer.status, errorOf(t, answer).code], [404, 'thread_unknown'])
    }
  }
  t.match(await sql`select status from pigeonpost.threads`, [{ status: 'active' }])
})
