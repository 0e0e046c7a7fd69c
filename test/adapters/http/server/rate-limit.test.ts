import t from 'tap'
import { errorOf, testApi } from '../support/api.ts'

t.test('a key with a rate is told what is left of it, and then to wait', async (t) => {
  const { get, post, makeKey } = await testApi(t)
  const limited = { authorization: `Bearer ${(await makeKey({ ratePerMinute: 3 })).key}` }
  const another = { authorization: `Bearer ${(await makeKey({ ratePerMinute: 1 })).key}` }
  for (const left of ['2', '1', '0']) {
    const { status, headers } = await get('/api/v1/customers', limited)
    t.equal(status, 200)
    t.match(Object.fromEntries(headers), {
      'ratelimit-limit': '3',
      'ratelimit-remaining': left,
      'ratelimit-reset': /^([1-9]|[1-5]\d|60)$/,
    })
    t.equal(headers.get('retry-after'), null)
  }
  for (const refused of [
    await get('/api/v1/customers', limited),
    await post('/api/v1/customers', {}, limited),
  ]) {
    t.equal(refused.status, 429)
    t.match(errorOf(t, refused), {
      code: 'rate_limited',
      message: 'The API key may ask 3 times a minute',
      fields: ['Authorization'],
    })
    t.match(Object.fromEntries(refused.headers), {
      'retry-after': /^([1-9]|[1-5]\d|60)$/,
      'ratelimit-limit': '3',
      'ratelimit-remaining': '0',
      'x-request-id': String,
    })
  }
  t.equal((await get('/api/v1/customers', another)).status, 200, 'each key has its own')
  t.equal((await get('/api/v1/customers', another)).status, 429)
})

t.test('a key without a rate, and a server without keys, have no limit', async (t) => {
  const { get } = await testApi(t)
  const { headers } = await get('/api/v1/customers')
  t.equal(headers.get('ratelimit-limit'), null)
  const open = await testApi(t, { auth: 'none' })
  await open.sql`update pigeonpost.api_keys set rate_per_minute = 1`
  for (let n = 0; n < 3; n += 1) {
    const answer = await open.get('/api/v1/customers')
    t.equal(answer.status, 200)
    t.equal(answer.headers.get('ratelimit-limit'), null)
  }
})

t.test('a rate counts again after its minute', async (t) => {
  const { get, makeKey } = await testApi(t)
  const limited = { authorization: `Bearer ${(await makeKey({ ratePerMinute: 1 })).key}` }
  t.equal((await get('/api/v1/customers', limited)).status, 200)
  t.equal((await get('/api/v1/customers', limited)).status, 429)
  const { now } = Date
  t.teardown(() => (Date.now = now))
  Date.now = () => now() + 60_001
  t.equal((await get('/api/v1/customers', limited)).status, 200)
})
