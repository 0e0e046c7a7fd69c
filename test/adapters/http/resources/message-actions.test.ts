import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { errorOf, testApi } from '../support/api.ts'
import { beginSending } from '../../../support/outbox.ts'

async function withMessages(t: Test) {
  const context = await testApi(t)
  const { sql } = context
  /** An outbound message of a tenant in that status. */
  const store = async (status: string, row: Record<string, unknown> = {}) => {
    const full = {
      tenant_id: 1,
      channel: 'fakechat',
      direction: 'outbound',
      address: '+27831234567',
      body: 'x',
      ...row,
    }
    const [stored] = await sql`insert into pigeonpost.messages ${sql(full)} returning id, number`
    const id = String(stored?.['id'])
    if (status === 'sending') await beginSending(sql, id)
    else if (status !== 'queued')
      await sql`update pigeonpost.messages set status = ${status} where id = ${id}`
    return { id, number: String(stored?.['number']) }
  }
  const statusOf = async (id: string) =>
    (await sql`select state from pigeonpost.messages_with_state where id = ${id}`)[0]?.['state']
  return { ...context, store, statusOf }
}

t.test(
  'POST /api/v1/messages/:id/retry queues a failed message again, with or without a body',
  async (t) => {
    const { store, post, call, api, makeKey } = await withMessages(t)
    const { id, number } = await store('failed')
    const answer = await post(`/api/v1/messages/${id}/retry`, undefined)
    t.equal(answer.status, 200)
    t.match(answer.body, {
      success: true,
      message: 'Message queued again',
      data: { id, status: 'Queued', state: 'queued', attempts: 0, errorCode: null },
    })
    const again = await call('POST', `/api/v1/messages/${number}/retry`, {})
    t.equal(again.status, 409)
    t.match(errorOf(t, again), {
      code: 'message_not_failed',
      message: /is queued and cannot be retried/,
      fields: ['id'],
    })
    const other = await store('failed')
    const { key } = await makeKey()
    const bare = await fetch(`${api.url}/api/v1/messages/${other.number}/retry`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
    })
    t.equal(bare.status, 200)
    const wrong = await call('POST', `/api/v1/messages/${id}/retry`, { force: true })
    t.match(errorOf(t, wrong), { code: 'invalid_input', fields: ['force'] })
    t.match(errorOf(t, await call('POST', `/api/v1/messages/${id}/retry`, '{')), {
      code: 'json_malformed',
    })
  },
)

t.test('what cannot be done names why, and changes nothing', async (t) => {
  const { store, post, statusOf, sql } = await withMessages(t)
  const sending = await store('sending')
  const delivered = await store('delivered')
  const theirs = await store('failed', { tenant_id: 2 })
  const expired = await store('failed', { valid_until: new Date(0) })
  const cases: [path: string, body: unknown, status: number, code: string, words: RegExp][] = [
    [`${delivered.id}/retry`, {}, 409, 'message_not_failed', /is delivered/],
    [`${sending.id}/cancel`, {}, 409, 'message_not_waiting', /is sending and cannot be canceled/],
    [`${sending.id}/resolve`, { status: 'failed' }, 409, 'message_not_unknown', /is sending/],
    [`${expired.id}/retry`, {}, 409, 'message_expired', /valid/],
    [`${theirs.id}/retry`, {}, 404, 'message_unknown', /There is no message/],
    [`${randomUUID()}/cancel`, {}, 404, 'message_unknown', /There is no message/],
    [`999/resolve`, { status: 'failed' }, 404, 'message_unknown', /999/],
    [`me/retry`, {}, 400, 'invalid_input', /id must be/],
    [`${sending.id}/resolve`, { status: 'eaten' }, 400, 'invalid_input', /status/],
    [
      `${sending.id}/resolve`,
      { status: 'failed', externalMessageId: 'x' },
      400,
      'invalid_input',
      /externalMessageId/,
    ],
    [
      `${sending.id}/resolve`,
      { status: 'sent', externalMessageId: 'a\u0000' },
      400,
      'invalid_input',
      /control/,
    ],
    [`${sending.id}/resolve`, undefined, 400, 'invalid_input', /./],
  ]
  for (const [path, body, status, code, words] of cases) {
    const answer = await post(`/api/v1/messages/${path}`, body)
    t.equal(answer.status, status, path)
    t.match(errorOf(t, answer), { code, message: words })
  }
  t.same(await Promise.all([sending, delivered, theirs, expired].map(({ id }) => statusOf(id))), [
    'sending',
    'delivered',
    'failed',
    'failed',
  ])
  await sql`update pigeonpost.accounts set status = 'disabled'`
  const failed = await sql`select id from pigeonpost.messages where tenant_id = 2`
  t.equal(failed.length, 1)
})

t.test('POST /api/v1/messages/:id/cancel takes back what waits', async (t) => {
  const { store, post, statusOf } = await withMessages(t)
  const { id } = await store('queued')
  const answer = await post(`/api/v1/messages/${id}/cancel`, undefined)
  t.match(answer, {
    status: 200,
    body: { message: 'Message canceled', data: { id, status: 'Failed', state: 'canceled' } },
  })
  t.equal(await statusOf(id), 'canceled')
})

t.test('POST /api/v1/messages/:id/resolve settles what is unknown', async (t) => {
  const { store, post, statusOf } = await withMessages(t)
  const [sent, failed, queued, clash] = [
    await store('unknown'),
    await store('unknown'),
    await store('unknown'),
    await store('unknown'),
  ]
  const resolve = (id: string, body: object) => post(`/api/v1/messages/${id}/resolve`, body)
  t.match(await resolve(sent.id, { status: 'sent', externalMessageId: 'fc_1' }), {
    status: 200,
    body: { message: 'Message resolved', data: { state: 'sent', externalMessageId: 'fc_1' } },
  })
  t.match(await resolve(failed.id, { status: 'failed' }), { body: { data: { state: 'failed' } } })
  t.match(await resolve(queued.id, { status: 'queued' }), { body: { data: { state: 'queued' } } })
  const refused = await resolve(clash.id, { status: 'sent', externalMessageId: 'fc_1' })
  t.equal(refused.status, 409)
  t.match(errorOf(t, refused), { code: 'messages_external_id_is_unique' })
  t.equal(await statusOf(clash.id), 'unknown')
})

t.test(
  'POST /api/v1/messages/retry queues what a filter means, and tells what it could not',
  async (t) => {
    const { store, post, statusOf, sql } = await withMessages(t)
    const [one, two, three] = [await store('failed'), await store('failed'), await store('failed')]
    const expired = await store('failed', { valid_until: new Date(0) })
    const queued = await store('queued')
    await sql`update pigeonpost.messages set error_code = 'busy' where id in (${two.id}, ${three.id})`
    const retry = (body: object) => post('/api/v1/messages/retry', body)
    t.match((await retry({ errorCode: 'busy', limit: 1 })).body.data, {
      retried: [two.id],
      unchanged: [],
      more: true,
    })
    t.equal(await statusOf(three.id), 'failed')
    t.match((await retry({ errorCode: 'busy' })).body.data, { retried: [three.id], more: false })
    t.same((await retry({ channel: 'sms' })).body.data, { retried: [], unchanged: [], more: false })
    t.same((await retry({})).body.data, {
      retried: [one.id],
      unchanged: [{ id: expired.id, state: 'failed', reason: 'expired' }],
      more: false,
    })
    const ids = [queued.number, '77777']
    t.same((await retry({ ids })).body.data, {
      retried: [],
      unchanged: [
        { id: queued.id, state: 'queued', reason: 'status' },
        { id: '77777', state: null, reason: 'unknown_id' },
      ],
      more: false,
    })
    t.match(errorOf(t, await retry({ ids, errorCode: 'busy' })), {
      code: 'filter_ambiguous',
      fields: ['ids'],
    })
    t.match(errorOf(t, await retry({ limit: 1001 })), { fields: ['limit'] })
    t.match(errorOf(t, await retry({ startDate: 'yesterday' })), { fields: ['startDate'] })
  },
)

t.test('a key needs the scope messages:write', async (t) => {
  const { post, makeKey, store } = await withMessages(t)
  const { id } = await store('failed')
  const { key } = await makeKey({ scopes: ['messages:read', 'metrics', 'webhooks'] })
  for (const path of [`${id}/retry`, `${id}/cancel`, `${id}/resolve`, 'retry']) {
    const answer = await post(`/api/v1/messages/${path}`, {}, { authorization: `Bearer ${key}` })
    t.equal(answer.status, 403, path)
  }
})
