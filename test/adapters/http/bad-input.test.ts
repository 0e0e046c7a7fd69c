/** Bad input at every route that the server has: one that is added later is met here without being named. */

import t from 'tap'
import { errorOf } from './support/api.ts'
import {
  checkWords,
  holds,
  isOpen,
  nameOf,
  refuses,
  sendRaw,
  textsIn,
  withRoutes,
} from './support/every-route.ts'
import { nowhere } from './support/people.ts'
import type { ListedRoute } from './support/routes.ts'

const deepest = 10_000
const deepArray = '['.repeat(deepest) + ']'.repeat(deepest)
const deepObject = `${'{"a":'.repeat(deepest)}1${'}'.repeat(deepest)}`
const evils = [
  "'; drop table pigeonpost.messages; --",
  '<script>alert(1)</script>',
  '${7*7}{{7*7}}%s%n\\"`|../../x',
]

t.test('every route but the open ones needs a key that has its scope', async (t) => {
  const { routes, pathOf, send, makeKey } = await withRoutes(t)
  const bearerOf = async (scope: 'metrics' | 'webhooks') =>
    `Bearer ${(await makeKey({ scopes: [scope] })).key}`
  const [metrics, webhooks] = [await bearerOf('metrics'), await bearerOf('webhooks')]
  t.ok(routes.length > 80, 'the routes are found')
  for (const route of routes.filter((one) => !isOpen(one))) {
    const path = pathOf(route)
    const missing = await send(route, path, undefined, { authorization: '' })
    refuses(t, nameOf(route), missing, { status: 401, field: 'Authorization' })
    const authorization = route.url === '/metrics' ? webhooks : metrics
    const answer = await send(route, path, undefined, { authorization })
    refuses(t, nameOf(route), answer, { status: 403, field: 'Authorization' })
    t.equal(errorOf(t, answer).code, 'scope_missing', nameOf(route))
  }
})

t.test('a query parameter that is unknown, wrong or there twice is named', async (t) => {
  const { routes, pathOf, send, state } = await withRoutes(t)
  const before = await state()
  for (const route of routes) {
    const refusesQuery = async (query: string, field: string) => {
      const answer = await send(route, `${pathOf(route)}?${query}`)
      refuses(t, `${nameOf(route)}?${query}`, answer, { field })
    }
    for (const name of ['nonsense', '__proto__', "x'--", 'Limit']) {
      await refusesQuery(`${encodeURIComponent(name)}=1`, name)
    }
    for (const name of Object.keys(route.query)) {
      for (const value of wrongValues(route, name)) await refusesQuery(`${name}=${value}`, name)
      const repeatable = route.url === '/api/v1/events' && name === 'type'
      if (!repeatable) await refusesQuery(`${name}=1&${name}=2`, name)
    }
  }
  t.same(await state(), before)
})

function wrongValues({ url }: ListedRoute, name: string): string[] {
  const most = url === '/api/v1/events' ? 500 : 100
  const digits = ['', '0', '-1', '1.5', '1e1', 'x', '99999999999']
  if (name === 'limit') return [...digits, String(most + 1)]
  if (name === 'page') return digits
  if (name === 'cursor') return ['', 'abc', 'bm9uc2Vuc2U', '..%2f']
  if (name.endsWith('Date')) {
    return [
      '',
      'yesterday',
      '2025-02-30',
      '2025-13-01T10:00:00Z',
      '2025-11-06T10:00:00',
      '1733768400',
    ]
  }
  if (name === 'campaignId') return ['', '%00']
  if (name.endsWith('Id')) return ['', 'x', "1'--", `${nowhere}0`, '%00']
  return []
}

t.test('SQL, script and more in a query finds nothing, or is named', async (t) => {
  const { routes, pathOf, send, state } = await withRoutes(t)
  const before = await state()
  for (const route of routes) {
    for (const name of Object.keys(route.query)) {
      for (const value of [...evils, '\u0000', '%', '_', 'x'.repeat(4000)]) {
        const query = `${name}=${encodeURIComponent(value)}`
        const answer = await send(route, `${pathOf(route)}?${query}`)
        if (answer.status === 200) t.notMatch(JSON.stringify(answer.body), /Hello/, nameOf(route))
        else refuses(t, `${nameOf(route)}?${query}`, answer, { field: name })
      }
    }
  }
  t.same(await state(), before)
})

t.test('what is wrong with a path is named', async (t) => {
  const { routes, pathOf, send, state } = await withRoutes(t)
  const before = await state()
  const ids = ['abc', "1'--", `${nowhere}0`, '-1', '1.5', '1e3', '9'.repeat(19), '%00', '%F0%9F']
  for (const route of routes) {
    for (const name of route.params) {
      for (const value of name.endsWith('d') ? ids : ['%00', '%20']) {
        const answer = await send(route, pathOf(route, { [name]: value }))
        const what = `${nameOf(route)} ${name} ${value}`
        if (value === '%F0%9F') t.equal(answer.status, 400, what)
        else refuses(t, what, answer, { field: name })
      }
    }
  }
  t.same(await state(), before)
})

t.test("another tenant's id is not there, like one that nobody has", async (t) => {
  const { routes, pathOf, send, others, state } = await withRoutes(t)
  const before = await state()
  for (const route of routes.filter(({ params }) => params.includes('id'))) {
    const theirs = others[/(\w+)\/:id/.exec(route.url)?.[1] ?? '']
    if (!theirs) t.fail(`${nameOf(route)}: withRoutes knows none of another tenant's`)
    const answers = [theirs ?? '', nowhere].map(async (id) => {
      const { status, body } = await send(route, pathOf(route, { id }))
      return { status, text: JSON.stringify(body).replaceAll(id, '') }
    })
    const [hidden, unknown] = await Promise.all(answers)
    t.equal(hidden?.status, 404, nameOf(route))
    t.same(hidden, unknown, nameOf(route))
  }
  t.same(await state(), before)
})

t.test('a body that cannot be meant is refused, and changes nothing', async (t) => {
  const { routes, pathOf, send, sampleOf, state } = await withRoutes(t)
  const before = await state()
  const notJson = [
    '{"to": ',
    '{"a": 1} x',
    "{'a': 1}",
    '{"a": NaN}',
    '\u0000',
    '{"__proto__": {"a": 1}}',
    '{"a": {"constructor": {"prototype": {}}}}',
  ]
  const types = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'x']
  for (const route of routes.filter(({ body }) => body)) {
    const what = nameOf(route)
    const given = async (body: unknown, headers?: Record<string, string>) =>
      send(route, pathOf(route), body, headers)
    const sample = sampleOf(route)
    refuses(t, what, await given({ ...sample, nonsense: 1 }), { field: 'nonsense' })
    for (const body of ['[]', '"x"', '7', 'true', deepArray]) {
      refuses(t, `${what} ${body.slice(0, 9)}`, await given(body), { field: 'body' })
    }
    const deep = JSON.stringify({ ...sample, nonsense: 0 }).replace(':0}', `:${deepObject}}`)
    refuses(t, `${what} deep`, await given(deep), { field: 'nonsense' })
    for (const body of notJson) {
      const answer = await given(body)
      refuses(t, `${what} ${body}`, answer, { field: 'body' })
      t.equal(answer.body.code, 'json_malformed', what)
    }
    if (!route.body?.safeParse(undefined).success) {
      refuses(t, what, await given(''), { field: 'body' })
    }
    const large = await given(`{"x": "${'x'.repeat(3 * 1024 * 1024)}"}`)
    refuses(t, what, large, { status: 413, field: 'body' })
    t.equal(large.body.code, 'too_large', what)
    for (const type of types) {
      const answer = await given(JSON.stringify(sample), { 'content-type': type })
      refuses(t, `${what} ${type}`, answer, { status: 415, field: 'Content-Type' })
    }
  }
  t.same(await state(), before)
})

t.test('a field that holds something else is named, or taken as it is', async (t) => {
  const { routes, pathOf, send, sampleOf } = await withRoutes(t)
  const values = [
    '{"length": {"toString": 1}}',
    '{"length": -1}',
    deepArray,
    deepObject,
    '1e999',
    '-1',
    '"\\ud800"',
    '"\\u0000"',
    `"${'x'.repeat(1_900_000)}"`,
    '""',
  ]
  for (const route of routes.filter(({ body }) => body)) {
    const sample = sampleOf(route)
    for (const name of Object.keys(sample)) {
      for (const value of values) {
        const body = JSON.stringify({ ...sample, [name]: 0 }).replace(
          `"${name}":0`,
          `"${name}":${value}`,
        )
        const answer = await send(route, pathOf(route), body)
        const what = `${nameOf(route)} "${name}": ${value.slice(0, 30)}`
        // 409: the one before was taken.
        if (answer.status < 300 || answer.status === 409) continue
        const [field = ''] = errorOf(t, answer).fields
        t.same([answer.status, field.split('.')[0]], [400, name], what)
        if (answer.status === 400) checkWords(t, what, answer)
      }
    }
  }
})

t.test(
  'SQL, script and more in a text is stored and given back as it was, and does nothing',
  async (t) => {
    const { routes, pathOf, send, sampleOf, sql, get } = await withRoutes(t)
    const theirs = () => sql`select * from pigeonpost.messages where tenant_id = 2`
    const before = await theirs()
    let given = 0
    for (const route of routes.filter(
      ({ body, url }) => body && !url.endsWith('/messages/retry'),
    )) {
      for (const [path, fill] of textsIn(sampleOf(route))) {
        for (const evil of evils) {
          await sql`update pigeonpost.accounts set status = 'connected' where tenant_id = 1`
          const answer = await send(route, pathOf(route), fill(evil))
          const what = `${nameOf(route)} ${path} ${evil}`
          t.match(Object.fromEntries(answer.headers), {
            'content-type': /^application\/json/,
            'x-content-type-options': 'nosniff',
          })
          if (answer.status >= 300) {
            const { fields } = errorOf(t, answer)
            t.ok([400, 404, 409].includes(answer.status) && fields.length === 1, what)
            continue
          }
          given += 1
          const { data } = answer.body
          const kept = route.url.includes('/messages')
            ? await get(`/api/v1/messages/${data.id}`)
            : null
          t.ok(holds(data, evil) || holds(kept?.body, evil), what)
        }
      }
    }
    t.ok(given > 100, `${given} were taken`)
    t.same(await theirs(), before)
  },
)

t.test('a header that is there twice is named', async (t) => {
  const { api, routes, pathOf, sampleOf, makeKey, state } = await withRoutes(t)
  const { key } = await makeKey()
  const [good, json] = [`Authorization: Bearer ${key}`, 'Content-Type: application/json']
  const before = await state()
  for (const route of routes) {
    const body = route.body ? JSON.stringify(sampleOf(route)) : ''
    const cases: [string, string[]][] = [
      ['Authorization', [good, 'authorization: Bearer pp_1_other', json]],
      ['Authorization', [good, good, json]],
      ['Host', [good, json, 'Host: other.example']],
      ...(route.body
        ? ([
            ['Content-Type', [good, json, 'content-type: text/plain']],
            ['Idempotency-Key', [good, json, 'Idempotency-Key: a', 'idempotency-key: b']],
          ] as [string, string[]][])
        : []),
    ]
    for (const [field, headers] of cases) {
      const { status, said } = await sendRaw(api.url, route.method, pathOf(route), headers, body)
      t.match(
        [status, said],
        [400, { code: 'header_repeated', details: [{ field }] }],
        `${nameOf(route)} ${headers.join()}`,
      )
    }
  }
  const twoLengths = ['Content-Length: 2', good, json]
  const { status, said } = await sendRaw(api.url, 'POST', '/api/v1/messages', twoLengths, '{}')
  t.match([status, said], [400, { success: false }], 'Node itself refuses two lengths')
  t.same(await state(), before)
})

t.test('a webhook may be anything, and is never our own fault', async (t) => {
  const { api, sql, makeKey, addAccount, webhooks } = await withRoutes(t)
  const { key } = await makeKey()
  const json = 'application/json'
  const bodies: [string, Buffer | string][] = [
    [json, ''],
    [json, '[]'],
    [json, 'null'],
    [json, '7'],
    [json, deepArray],
    [json, deepObject],
    [json, `{"platform": "fakechat", "user": ${deepObject}, "message": ${deepArray}}`],
    [json, '{"__proto__": {"a": 1}, "from": {"length": {"toString": 1}}}'],
    [json, '{"from": "a", "to": "b", "body": "\\u0000\\ud800"}'],
    [json, Buffer.from([0xff, 0xfe, 0x00])],
    ['application/x-www-form-urlencoded', `${'a[b]['.repeat(5000)}=1&a=%zz&__proto__=1`],
    ['multipart/form-data; boundary=x', '--x\r\n\r\n--x'],
    ['message/rfc822', `Content-Type: multipart/mixed; boundary=x\r\n\r\n${'--x\r\n'.repeat(500)}`],
    ['x', evils.join()],
  ]
  t.ok(webhooks.length > 15)
  for (const route of webhooks) {
    const [, , , channel = ''] = route.url.split('/')
    const theirs = await addAccount({ tenant_id: 2, channel, address: route.url })
    const mine = await addAccount({ channel, address: route.url })
    const send = async (
      accountId: string,
      body: Buffer | string,
      headers: Record<string, string>,
    ) => {
      const path = route.url.replace(':accountId', accountId).replace(':channel', 'nochat')
      const response = await fetch(api.url + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, ...headers },
        body: Buffer.from(body),
      })
      return { status: response.status, text: await response.text() }
    }
    for (const [type, body] of bodies) {
      const { status, text } = await send(mine, body, { 'content-type': type })
      t.ok(status < 500, `${route.url} ${type} ${String(body).slice(0, 20)}: ${status} ${text}`)
    }
    if (route.params.includes('accountId') && channel !== ':channel') {
      const none = await send('abc', '{}', { 'content-type': json })
      t.match([none.status, none.text], [400, /"field":"accountId"/], route.url)
      const answers = [await send(theirs, '{}', {}), await send(nowhere, '{}', {})]
      for (const { status } of answers) t.ok([401, 404].includes(status), `${route.url} ${status}`)
    }
    if (channel === ':channel') t.equal((await send(mine, '{}', {})).status, 404)
    else {
      const anonymous = await send(mine, '{}', { authorization: '' })
      // 404: the account's channel is another than the provider's name.
      t.ok([401, 404].includes(anonymous.status), `${route.url} ${anonymous.status}`)
    }
  }
  t.same(await sql`select from pigeonpost.messages where tenant_id = 2`, [{}], 'theirs alone')
})
