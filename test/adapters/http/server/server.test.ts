import { randomUUID } from 'node:crypto'
import { connect as openSocket } from 'node:net'
import { once } from 'node:events'
import { request } from 'node:http'
import t from 'tap'
import { loggable } from '../../../../adapters/http/server/errors.ts'
import { waitFor } from '../../../support/wait.ts'
import { type Answer, errorOf, example, testApi } from '../support/api.ts'

/** The database has two seconds for its answer, which a busy machine may not keep: then it is asked again. */
async function askReady(get: (path: string) => Promise<Answer>): Promise<Answer> {
  let answer = await get('/health/ready')
  const answered = async () => {
    const [missing] = answer.status === 200 ? [] : (answer.body.details as { message: string }[])
    if (missing?.message !== 'The database does not answer') return true
    answer = await get('/health/ready')
    return false
  }
  await waitFor(answered, { what: 'the database to answer in time' })
  return answer
}

t.test('it lives before it is ready, and says what is missing', async (t) => {
  const { get } = await testApi(t, { blank: true })
  t.match((await get('/health/live')).body, {
    success: true,
    data: { status: 'live', version: '1.2.3' },
  })
  const waiting = await askReady(get)
  t.equal(waiting.status, 503)
  t.ok(waiting.headers.get('retry-after'))
  t.match(errorOf(t, waiting), { code: 'not_ready', fields: ['migrations'] })
})

t.test('it is ready once every migration is applied', async (t) => {
  const { database, get, sql } = await testApi(t, { own: true })
  const ready = await askReady(get)
  t.equal(ready.status, 200)
  t.same(ready.body, {
    success: true,
    data: { status: 'ready', database: 'ok', migrations: 'ok' },
  })

  // Asked as the API's own role, which must be able to read what is applied.
  const role = `app_${database.name}`
  await sql.unsafe(`create role ${role} login; grant pigeonpost_app to ${role}`)
  const url = new URL(database.url)
  url.username = role
  const own = await testApi(t, { url: url.href })
  await sql`
    update pigeonpost_private.fixtures set earlier = array[sha256], sha256 = 'of a later version' where name = '070_events.sql'`
  t.equal((await askReady(own.get)).status, 200, 'also while a later version migrates')
  await sql`update pigeonpost_private.fixtures set earlier = '{}' where name = '070_events.sql'`
  const behind = await askReady(own.get)
  t.same(errorOf(t, behind).fields, ['migrations'])
  t.match(JSON.stringify(behind.body), '1 not applied, the first is 070_events.sql')
  await sql`delete from graphile_migrate.migrations`
  t.equal((await askReady(get)).status, 503)
})

t.test('a role that may not read the ledger of migrations is told so', async (t) => {
  const { database, sql } = await testApi(t, { own: true })
  const role = `app_${database.name}`
  await sql.unsafe(`create role ${role} login; grant pigeonpost_app to ${role}`)
  await sql.unsafe('revoke all on schema graphile_migrate from public, pigeonpost_app')
  const url = new URL(database.url)
  url.username = role
  const { get } = await testApi(t, { url: url.href })
  t.same(errorOf(t, await askReady(get)).fields, ['migrations'])
  t.equal((await get('/health/live')).status, 200)
})

t.test(
  'without a database it lives, is not ready, and answers 503 without its address',
  async (t) => {
    const { get } = await testApi(t, { url: 'postgres://nobody:secret@127.0.0.1:1/none' })
    t.equal((await get('/health/live')).status, 200)
    const waiting = await get('/health/ready')
    t.equal(waiting.status, 503)
    t.match(errorOf(t, waiting), { code: 'not_ready', fields: ['database'] })
    const answer = await get('/api/v1/messages/1')
    t.equal(answer.status, 503)
    t.equal(answer.headers.get('retry-after'), '1')
    t.equal(errorOf(t, answer).code, 'database_unavailable')
    t.notMatch(JSON.stringify(answer.body), /127\.0\.0\.1|secret/)
  },
)

t.test('behind a pool that is stuck a request is told to come again', async (t) => {
  const { post, sql, database } = await testApi(t, { connections: 1, waitMs: 200 })
  const blocker = database.connect({ max: 1 })
  const locked = await blocker.reserve()
  await locked`begin`
  await locked`lock table pigeonpost.webhook_inbox`
  const stuck = post('/api/webhooks/fakechat', example)
  await waitFor(
    async () =>
      (
        await sql`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
      ).length > 0,
    { what: 'the request that is stuck' },
  )
  const answer = await post('/api/webhooks/fakechat', example)
  t.equal(answer.status, 503)
  t.equal(answer.headers.get('retry-after'), '1')
  t.equal(errorOf(t, answer).code, 'busy')
  await locked`rollback`
  locked.release()
  t.equal((await stuck).status, 200, 'and the one that was stuck is answered')
})

t.test('behind webhooks that are stuck it is still found whose the next one is', async (t) => {
  const { post, sql, database } = await testApi(t, { connections: 1, waitMs: 200 })
  const [account] =
    await sql`insert into pigeonpost.accounts (tenant_id, channel) values (1, 'whatsapp') returning id`
  const blocker = database.connect({ max: 1 })
  const locked = await blocker.reserve()
  await locked`begin`
  await locked`lock table pigeonpost.webhook_inbox`
  const stuck = post('/api/webhooks/fakechat', example)
  const waiting = (count: number) =>
    waitFor(
      async () =>
        (
          await sql`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
        ).length === count,
      { what: `${count} that are stuck` },
    )
  await waiting(1)
  const path = `/api/webhooks/whatsapp/${account?.['id']}`
  t.equal(errorOf(t, await post(path, {})).code, 'signature_wrong')

  await locked`lock table pigeonpost.accounts`
  const [unknown, another] = [randomUUID(), randomUUID()]
  const asking = post(`/api/webhooks/whatsapp/${unknown}`, {})
  await waiting(2)
  t.equal(errorOf(t, await post(`/api/webhooks/whatsapp/${another}`, {})).code, 'busy')
  await locked`rollback`
  locked.release()
  t.equal((await asking).status, 404)
  t.equal((await stuck).status, 200)
})

t.test('answers carry a request id and headers that browsers heed', async (t) => {
  const { get } = await testApi(t)
  const { headers } = await get('/health/live')
  t.match(Object.fromEntries(headers), {
    'x-request-id': /^[0-9a-f-]{36}$/,
    'x-content-type-options': 'nosniff',
    'content-security-policy': /default-src 'none'/,
    'cache-control': 'no-store',
  })
  t.equal(
    (await get('/nowhere', { 'x-request-id': 'my-request-1' })).headers.get('x-request-id'),
    'my-request-1',
  )
  t.not((await get('/nowhere', { 'x-request-id': '"evil"' })).headers.get('x-request-id'), '"evil"')
})

t.test('the log names requests, and no key, body, address or query', async (t) => {
  const { post, get, log } = await testApi(t)
  await post('/api/webhooks/fakechat?token=hush', example)
  await get('/api/v1/messages/1?phone=27831234567')
  await waitFor(() => log.filter((line) => line.includes('"msg":"request"')).length === 2, {
    what: 'two lines',
  })
  const lines = log.map((line) => JSON.parse(line)).filter((line) => line.msg === 'request')
  t.match(lines[0], {
    method: 'POST',
    route: '/api/webhooks/fakechat',
    status: 200,
    tenantId: 1,
    requestId: String,
    ms: Number,
  })
  t.notMatch(log.join(''), /Hello|27831234567|hush|Bearer|pp_1_/)
})

t.test('what is not HTTP gets an error of the same shape', async (t) => {
  const { api } = await testApi(t, { own: true })
  const socket = openSocket(Number(new URL(api.url).port), '127.0.0.1')
  socket.end('NONSENSE\r\n\r\n')
  let text = ''
  socket.on('data', (chunk) => (text += chunk))
  await once(socket, 'close')
  t.match(text, /^HTTP\/1\.1 400 Bad Request/)
  t.match(JSON.parse(text.split('\r\n\r\n')[1] ?? ''), {
    success: false,
    code: 'http_malformed',
    details: [],
  })
})

t.test('a client that writes on after a refusal gets to read it', async (t) => {
  const { api, makeKey } = await testApi(t)
  const { key } = await makeKey()
  for (const [given, status] of [
    ['wrong', 401],
    [key, 413],
  ] as const) {
    const sending = request(`${api.url}/api/v1/messages`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'content-length': 20_000_000,
        authorization: `Bearer ${given}`,
      },
    })
    sending.end(Buffer.alloc(20_000_000, 'x'))
    const [response] = await once(sending, 'response')
    t.equal(response.statusCode, status)
    t.not(response.headers.connection, 'close', 'or the system would reset it before it is read')
    response.resume()
  }
})

t.test('an error is logged without what its causes quote of a row', async (t) => {
  const cause = Object.assign(new Error('y'), { code: '23505', detail: 'Key (body)=(Hello)' })
  t.match(loggable(new Error('x', { cause })), { message: 'x', cause: { code: '23505' } })
  t.notMatch(JSON.stringify(loggable(new Error('x', { cause }))), /Hello/)
})

t.test('closing answers what was asked, and ends', async (t) => {
  const { api, post, sql, database } = await testApi(t, { own: true })
  const blocker = database.connect({ max: 1 })
  const locked = await blocker.reserve()
  await locked`begin`
  await locked`lock table pigeonpost.webhook_inbox`
  const asked = post('/api/webhooks/fakechat', example)
  await waitFor(
    async () =>
      (
        await sql`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
      ).length > 0,
    { what: 'the request in flight' },
  )
  const closed = api.close()
  await locked`rollback`
  locked.release()
  t.equal((await asked).status, 200)
  await closed
  await t.rejects(fetch(`${api.url}/health/live`))
  t.match(await sql`select status from pigeonpost.webhook_inbox`, [{ status: 'processed' }])
})
