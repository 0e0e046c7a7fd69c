import { once } from 'node:events'
import { request } from 'node:http'
import t, { type Test } from 'tap'
import { testApi } from '../support/api.ts'

const app = 'https://app.example.org'

/** What a browser sends: fetch here would not let us set Origin or ask as OPTIONS with these headers. */
async function ask(url: string, method: string, headers: Record<string, string>) {
  const sending = request(url, { method, headers })
  sending.end()
  const [response] = await once(sending, 'response')
  response.resume()
  await once(response, 'end')
  return { status: response.statusCode as number, headers: response.headers }
}
const preflight = {
  'access-control-request-method': 'POST',
  'access-control-request-headers': 'authorization,content-type,idempotency-key',
}
const grants = (t: Test, headers: Record<string, unknown>, origin: string | undefined) => {
  t.equal(headers['access-control-allow-origin'], origin)
  t.equal(headers['access-control-allow-credentials'], undefined)
}

t.test('unless it is told to, it lets no page in', async (t) => {
  const { api } = await testApi(t)
  const url = `${api.url}/api/v1/customers`
  const asked = await ask(url, 'OPTIONS', { origin: app, ...preflight })
  t.equal(asked.status, 404)
  grants(t, asked.headers, undefined)
  grants(t, (await ask(url, 'GET', { origin: app })).headers, undefined)
})

t.test('pages of the named origins are let in, with their own key and no cookies', async (t) => {
  const { api, makeKey } = await testApi(t, { corsOrigins: [app, 'http://localhost:3000'] })
  const url = `${api.url}/api/v1/customers`
  const { key } = await makeKey({ ratePerMinute: 100 })
  for (const origin of [app, 'http://localhost:3000']) {
    const asked = await ask(url, 'OPTIONS', { origin, ...preflight })
    t.equal(asked.status, 204, 'without a key')
    grants(t, asked.headers, origin)
    t.match(asked.headers, {
      'access-control-allow-methods': /GET.*POST.*PUT.*PATCH.*DELETE/,
      'access-control-allow-headers': /idempotency-key/,
      'access-control-max-age': '600',
      vary: /Origin/,
    })
    const answer = await ask(url, 'GET', { origin, authorization: `Bearer ${key}` })
    t.equal(answer.status, 200)
    grants(t, answer.headers, origin)
    const exposed = String(answer.headers['access-control-expose-headers']).toLowerCase()
    for (const name of [
      'x-request-id',
      'retry-after',
      'ratelimit-remaining',
      'idempotency-replayed',
    ])
      t.ok(exposed.includes(name), name)
  }
  const refused = await ask(url, 'GET', { origin: app })
  t.equal(refused.status, 401, 'the page reads errors, too')
  grants(t, refused.headers, app)
  for (const origin of ['https://evil.example', 'https://app.example.org.evil.example', 'null']) {
    grants(t, (await ask(url, 'OPTIONS', { origin, ...preflight })).headers, undefined)
    grants(
      t,
      (await ask(url, 'GET', { origin, authorization: `Bearer ${key}` })).headers,
      undefined,
    )
  }
})

t.test('a stream of events is let through, too', async (t) => {
  const { api, makeKey } = await testApi(t, { corsOrigins: ['*'] })
  const { key } = await makeKey()
  const headers = { origin: app, authorization: `Bearer ${key}`, accept: 'text/event-stream' }
  const sending = request(`${api.url}/api/v1/events`, { headers })
  sending.end()
  const [response] = await once(sending, 'response')
  t.match(response.headers['content-type'], /^text\/event-stream/)
  grants(t, response.headers, '*')
  sending.destroy()
})

t.test('without keys, pages of other hosts stay out whatever is set', async (t) => {
  const { api } = await testApi(t, { auth: 'none', corsOrigins: ['*'] })
  const url = `${api.url}/api/v1/customers`
  t.equal((await ask(url, 'OPTIONS', { origin: app, ...preflight })).status, 403)
  t.equal((await ask(url, 'GET', { origin: app })).status, 403)
  const own = await ask(url, 'OPTIONS', { origin: 'http://localhost:3000', ...preflight })
  t.equal(own.status, 204)
})
