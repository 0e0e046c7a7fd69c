import { pino } from 'pino'
import t from 'tap'
import { startApi } from '../../../../adapters/http/index.ts'
import { reach } from '../../../support/pooler.ts'
import { errorOf, patient, testApi } from '../support/api.ts'

t.test('two API servers at once do not pass the daily limit', async (t) => {
  const { sql, database, call, api, makeKey } = await testApi(t, { own: true })
  await sql`insert into pigeonpost.accounts (tenant_id, channel, daily_limit) values (1, 'fakechat', 10)`
  const second = await startApi({
    ...reach(database.url),
    host: '127.0.0.1',
    port: 0,
    auth: 'keys',
    logger: pino({ level: 'silent' }),
    version: '1.2.3',
    ...patient,
  })
  t.teardown(() => second.close())
  const { key } = await makeKey()
  const send = async (url: string, n: number, more: object = {}) => {
    const response = await fetch(`${url}/api/v1/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ to: `+2783123${4000 + n}`, content: 'Hello', ...more }),
    })
    await response.arrayBuffer()
    return response.status
  }
  const statuses = await Promise.all(
    Array.from({ length: 40 }, async (_, n) => send(n % 2 ? api.url : second.url, n)),
  )
  t.equal(statuses.filter((status) => status === 202).length, 10)
  t.equal(statuses.filter((status) => status === 400).length, 30)
  const [stored] = await sql`
    select count(*)::integer as messages, count(accepted_on)::integer as counted from pigeonpost.outbox`
  t.same({ ...stored }, { messages: 10, counted: 10 })

  const refused = await call('POST', '/api/v1/messages', { to: '+27831234567', content: 'Hello' })
  t.equal(refused.status, 400)
  t.same(errorOf(t, refused), {
    code: 'daily_limit_reached',
    message: 'Daily message limit reached',
    fields: ['accountId'],
  })
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString()
  t.equal(await send(api.url, 1, { scheduledFor: tomorrow }), 202, 'it counts for its own day')
  await sql`update pigeonpost.accounts set daily_limit = 11`
  t.equal(await send(api.url, 2), 202, 'a limit that was raised counts at once')
  t.equal(await send(api.url, 3), 400)
  const again = { 'idempotency-key': 'k' }
  await sql`update pigeonpost.accounts set daily_limit = 12`
  const body = { to: '+27831234567', content: 'Hello' }
  const first = await call('POST', '/api/v1/messages', body, again)
  const repeated = await call('POST', '/api/v1/messages', body, again)
  t.same([first.status, repeated.status], [202, 202], 'a repeated request is no second message')
})
