import t, { type Test } from 'tap'
import { scopes } from '../../../../db/keys/scopes.ts'
import { errorOf, testApi } from '../support/api.ts'
import { nowhere } from '../support/people.ts'

async function withKeys(t: Test) {
  const api = await testApi(t)
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
  return {
    ...api,
    bearer,
    remove: (path: string, headers?: Record<string, string>) =>
      api.call('DELETE', path, undefined, headers),
    works: async (key: string) => (await api.get('/api/v1/keys', bearer(key))).status !== 401,
  }
}
const inADay = () => new Date(Date.now() + 86_400_000).toISOString()

t.test('a key is made, listed without its secret, rotated and revoked', async (t) => {
  const { post, get, remove, sql, works, bearer } = await withKeys(t)
  const expiresAt = inADay()
  const asked = { name: 'shop', scopes: ['keys:read', 'webhooks'], expiresAt, ratePerMinute: 600 }
  const made = await post('/api/v1/keys', asked)
  t.equal(made.status, 201)
  const { key, ...told } = made.body.data
  t.match(told, { ...asked, prefix: key.slice(0, 9), lastUsedAt: null, revokedAt: null })
  t.match(key, /^pp_1_[\w-]{43}$/)
  t.ok(await works(key))

  const { body: list } = await get('/api/v1/keys')
  t.match(list.data, { total: 2, page: 1, nextCursor: null, keys: [{ id: told.id }, {}] })
  t.type(list.data.keys[0].lastUsedAt, 'string', 'with its last use')
  t.notMatch(JSON.stringify(list), key.slice(9))
  const [row] = await sql`select k::text as text from pigeonpost.api_keys k where id = ${told.id}`
  t.notMatch(row?.['text'], key.slice(9))

  const endsAt = new Date(Date.now() + 3_600_000).toISOString()
  const rotated = await post(`/api/v1/keys/${told.prefix}/rotate`, { endsAt })
  t.equal(rotated.status, 201)
  const next = rotated.body.data
  t.match(next, { name: 'shop', scopes: asked.scopes, ratePerMinute: 600, revokedAt: null })
  t.ok(Math.abs(Date.parse(next.expiresAt) - Date.parse(expiresAt)) < 60_000, 'it lives as long')
  t.not(next.id, told.id)
  t.ok(await works(next.key))
  const old = (await get('/api/v1/keys', bearer(next.key))).body.data.keys.find(
    (one: { id: string }) => one.id === told.id,
  )
  t.equal(old.expiresAt, endsAt, 'the old one has an hour')

  const revoked = await remove(`/api/v1/keys/${next.id}`)
  t.equal(revoked.status, 200)
  t.equal(revoked.body.data.id, next.id)
  t.type(revoked.body.data.revokedAt, 'string')
  t.same((await remove(`/api/v1/keys/${next.id}`)).body, revoked.body, 'once')
  const rest = (await get('/api/v1/keys')).body.data.keys.map((one: { id: string }) => one.id)
  t.notOk(rest.includes(next.id))
  t.equal((await get('/api/v1/keys?all=true')).body.data.total, 3)
  const again = await post(`/api/v1/keys/${next.id}/rotate`, undefined)
  t.equal(again.status, 404)
  t.match(errorOf(t, again), { code: 'key_unknown', fields: ['id'] })
  const cut = await post(`/api/keys/${told.id}/rotate`, undefined)
  t.equal(cut.status, 201)
  t.type((await remove(`/api/v1/keys/${told.id}`)).body.data.revokedAt, 'string')
  const { expires_at: forEver } = (
    await sql`select expires_at from pigeonpost.api_keys where name = 'test'`
  )[0] ?? { expires_at: 'none' }
  t.equal(forEver, null)
})

t.test('a key gives and takes no more than it has itself', async (t) => {
  const { post, get, remove, makeKey, bearer, sql } = await withKeys(t)
  const may = async (...wanted: (typeof scopes)[number][]) =>
    bearer((await makeKey({ scopes: wanted })).key)
  const clerk = await may('keys:write', 'messages:read')
  const strong = await makeKey({ name: 'strong' })
  const weak = await makeKey({ name: 'weak', scopes: ['messages:read'] })
  const before = await sql`select id, revoked_at, expires_at from pigeonpost.api_keys order by id`
  for (const wanted of [['messages:write'], ['messages:read', 'accounts:write'], [...scopes]]) {
    const answer = await post('/api/v1/keys', { name: 'x', scopes: wanted }, clerk)
    t.equal(answer.status, 403, wanted.join())
    t.match(errorOf(t, answer), { code: 'scope_not_yours', fields: ['scopes'] })
  }
  for (const answer of [
    await post(`/api/v1/keys/${strong.id}/rotate`, undefined, clerk),
    await post(`/api/v1/keys/${strong.prefix}/rotate`, { endsAt: inADay() }, clerk),
    await remove(`/api/v1/keys/${strong.id}`, clerk),
  ]) {
    t.equal(answer.status, 403)
    t.match(errorOf(t, answer), { code: 'scope_not_yours', fields: ['id'] })
  }
  t.same(
    await sql`select id, revoked_at, expires_at from pigeonpost.api_keys order by id`,
    before,
    'and nothing has changed',
  )
  const given = await post('/api/v1/keys', { name: 'x', scopes: ['messages:read'] }, clerk)
  t.equal(given.status, 201)
  t.equal((await post(`/api/v1/keys/${weak.id}/rotate`, undefined, clerk)).status, 201)
  t.equal((await remove(`/api/v1/keys/${given.body.data.id}`, clerk)).status, 200)

  const reader = await may('keys:read')
  t.equal((await get('/api/v1/keys', reader)).status, 200)
  t.equal((await get('/api/v1/keys', clerk)).status, 403)
  for (const answer of [
    await post('/api/v1/keys', { name: 'x', scopes: ['keys:read'] }, reader),
    await post(`/api/v1/keys/${weak.id}/rotate`, undefined, reader),
    await remove(`/api/v1/keys/${weak.id}`, reader),
  ]) {
    t.equal(errorOf(t, answer).code, 'scope_missing')
  }
})

t.test('another tenant’s keys are not there', async (t) => {
  const { post, get, remove, makeKey, bearer, works } = await withKeys(t)
  const theirs = await makeKey({ tenantId: 2 })
  for (const which of [theirs.id, theirs.prefix, nowhere]) {
    t.equal(errorOf(t, await remove(`/api/v1/keys/${which}`)).code, 'key_unknown')
    t.equal((await post(`/api/v1/keys/${which}/rotate`, {})).status, 404)
  }
  t.notMatch(JSON.stringify((await get('/api/v1/keys?all=true')).body), theirs.id)
  t.ok(await works(theirs.key))
  const made = await post('/api/v1/keys', { name: 'x', scopes: ['webhooks'] }, bearer(theirs.key))
  t.match(made.body.data.key, /^pp_2_/)
})

t.test('what is wrong with a key is named, and nothing is made', async (t) => {
  const { post, remove, get, sql } = await withKeys(t)
  const good = { name: 'x', scopes: ['webhooks'] }
  const cases: [body: object | undefined, field: string][] = [
    [undefined, 'body'],
    [{ scopes: good.scopes }, 'name'],
    [{ ...good, name: ' ' }, 'name'],
    [{ ...good, name: 'x\u0000' }, 'name'],
    [{ name: 'x' }, 'scopes'],
    [{ ...good, scopes: [] }, 'scopes'],
    [{ ...good, scopes: ['everything'] }, 'scopes.0'],
    [{ ...good, expiresAt: '2001-01-01T00:00:00Z' }, 'expiresAt'],
    [{ ...good, expiresAt: 'soon' }, 'expiresAt'],
    [{ ...good, ratePerMinute: 0 }, 'ratePerMinute'],
    [{ ...good, ratePerMinute: 1.5 }, 'ratePerMinute'],
    [{ ...good, ratePerMinute: 2 ** 31 }, 'ratePerMinute'],
    [{ ...good, tenantId: 2 }, 'tenantId'],
  ]
  for (const [body, field] of cases) {
    const answer = await post('/api/v1/keys', body)
    t.equal(answer.status, 400, JSON.stringify(body))
    t.same(errorOf(t, answer).fields, [field], JSON.stringify(body))
  }
  const [{ id }] = (await get('/api/v1/keys')).body.data.keys
  const past = await post(`/api/v1/keys/${id}/rotate`, { endsAt: '2001-01-01T00:00:00Z' })
  t.same(errorOf(t, past).fields, ['endsAt'])
  for (const which of ['1', 'pp_1_', `pp_1_${'a'.repeat(43)}`, "pp_1_'--"]) {
    const answer = await remove(`/api/v1/keys/${encodeURIComponent(which)}`)
    t.match(errorOf(t, answer), { code: 'invalid_input', fields: ['id'] }, which)
  }
  t.equal((await sql`select from pigeonpost.api_keys`).length, 1)
})
