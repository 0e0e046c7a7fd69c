import t from 'tap'
import { connect } from '../../../../db/connect.ts'
import { createKey } from '../../../../db/keys/create.ts'
import { findKey } from '../../../../db/keys/find.ts'
import { revokeKey } from '../../../../db/keys/revoke.ts'
import { errorOf, example, testApi } from '../support/api.ts'

const hello = { to: '+27831234567', content: 'Hello' }

t.test('a key is needed, and a wrong one is refused', async (t) => {
  const { get, post, makeKey, sql } = await testApi(t)
  const good = (await makeKey()).key
  const cases: [string, string][] = [
    ['', 'key_missing'],
    ['Basic abc', 'key_missing'],
    [good, 'key_missing'],
    ['Bearer wrong', 'key_wrong'],
    [`Bearer ${good.slice(0, -1)}`, 'key_wrong'],
    [`Bearer ${good.replace('pp_1_', 'pp_2_')}`, 'key_wrong'],
    [`Bearer ${good.replace('pp_1_', 'pp_9999999999_')}`, 'key_wrong'],
    [`Bearer pp_1_${'a'.repeat(43)}`, 'key_wrong'],
  ]
  for (const [authorization, code] of cases) {
    const answer = await get('/api/v1/messages/1', { authorization })
    t.equal(answer.status, 401, authorization)
    t.match(errorOf(t, answer), { code, fields: ['Authorization'] })
    t.match(answer.headers.get('www-authenticate'), /^Bearer realm="pigeonpost"/)
  }
  t.equal((await post('/api/webhooks/fakechat', example, { authorization: '' })).status, 401)
  t.same(await sql`select from pigeonpost.webhook_inbox`, [])
  t.equal((await get('/api/v1/messages/1', { authorization: `bearer ${good}` })).status, 404)
})

t.test('a scope that is missing is 403 and named', async (t) => {
  const { get, post, makeKey } = await testApi(t)
  const only = async (scope: 'messages:read' | 'messages:write' | 'webhooks') => ({
    authorization: `Bearer ${(await makeKey({ scopes: [scope] })).key}`,
  })
  const [read, write, webhooks] = [
    await only('messages:read'),
    await only('messages:write'),
    await only('webhooks'),
  ]
  const calls = [
    {
      call: (key: object) => get('/api/v1/messages/1', { ...key }),
      scope: 'messages:read',
      yes: read,
      no: [write, webhooks],
    },
    {
      call: (key: object) => post('/api/v1/messages', hello, { ...key }),
      scope: 'messages:write',
      yes: write,
      no: [read, webhooks],
    },
    {
      call: (key: object) => post('/api/webhooks/fakechat', example, { ...key }),
      scope: 'webhooks',
      yes: webhooks,
      no: [read, write],
    },
  ]
  for (const { call, scope, yes, no } of calls) {
    for (const key of no) {
      const answer = await call(key)
      t.equal(answer.status, 403)
      t.match(errorOf(t, answer), { code: 'scope_missing', message: new RegExp(scope) })
      t.match(answer.headers.get('www-authenticate'), new RegExp(`insufficient_scope.*${scope}`))
    }
    t.not((await call(yes)).status, 403)
  }
})

t.test('only the hash of a key is kept, and its use is noted', async (t) => {
  const { get, makeKey, sql, database } = await testApi(t)
  const { key, prefix, id } = await makeKey({ name: 'the shop' })
  t.match(key, /^pp_1_[\w-]{43}$/)
  t.ok(key.startsWith(prefix))
  const [row] =
    await sql`select k::text as text, name, last_used_at from pigeonpost.api_keys k where id = ${id}`
  t.notOk(row?.['text'].includes(key.slice(-20)))
  t.match(row, { name: 'the shop', last_used_at: null })
  await get('/api/v1/messages/1', { authorization: `Bearer ${key}` })
  const used = async () =>
    (await sql`select last_used_at from pigeonpost.api_keys where id = ${id}`)[0]?.['last_used_at']
  const first = await used()
  t.ok(first)
  const pool = connect(database.url, { max: 1 })
  t.match(await findKey(pool, key), { tenantId: 1, keyId: id })
  await pool.end()
  t.same(await used(), first, 'but not each time')
  await t.rejects(
    createKey(sql as never, { tenantId: 1, name: 'x', scopes: ['everything' as never] }),
    {
      message: /everything/,
      details: { code: 'scope_unknown', field: 'scopes' },
    },
  )
})

t.test('a revoked key ends within seconds, an expired one at once', async (t) => {
  const { get, makeKey, sql } = await testApi(t)
  const expired = await makeKey({ expiresAt: new Date(Date.now() - 1000) })
  t.equal((await get('/api/v1/messages/1', { authorization: `Bearer ${expired.key}` })).status, 401)
  const { key, id } = await makeKey()
  const status = async () =>
    (await get('/api/v1/messages/1', { authorization: `Bearer ${key}` })).status
  t.equal(await status(), 404)
  const revoked = await revokeKey(sql as never, 1, id)
  t.type(revoked?.revoked_at, Date)
  t.same((await revokeKey(sql as never, 1, id))?.revoked_at, revoked?.revoked_at, 'once')
  t.equal(await revokeKey(sql as never, 2, id), null)
  const { now } = Date
  t.teardown(() => (Date.now = now))
  Date.now = () => now() + 2_000
  t.equal(await status(), 401)
})

t.test(
  'without keys every request acts as tenant 1, and only pages of this machine are let in',
  async (t) => {
    const { post, sql } = await testApi(t, { auth: 'none' })
    t.equal(
      (await post('/api/webhooks/fakechat', example, { authorization: 'Bearer wrong' })).status,
      200,
    )
    t.match(await sql`select tenant_id from pigeonpost.messages`, [{ tenant_id: 1 }])
    t.equal(
      (await post('/api/v1/messages', hello, { origin: 'http://localhost:3000' })).status,
      202,
    )
    const foreign = await post('/api/webhooks/fakechat', example, {
      origin: 'https://evil.example',
    })
    t.equal(foreign.status, 403)
    t.match(errorOf(t, foreign), { code: 'origin_not_local', fields: ['Origin'] })
  },
)

t.test('without keys the server listens on loopback only', async (t) => {
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.example.com']) {
    await t.rejects(testApi(t, { auth: 'none', host }), {
      details: { field: 'PIGEONPOST_AUTH' },
      message: /PIGEONPOST_AUTH/,
    })
  }
})
