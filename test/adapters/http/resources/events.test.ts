import t, { type Test } from 'tap'
import { waitFor } from '../../../support/wait.ts'
import { errorOf, testApi } from '../support/api.ts'

type Sent = { id: number; type: string; payload: Record<string, unknown> }

/** Follows a stream until the test ends; what came stands in `events`. */
async function follow(t: Test, url: string, key: string, headers: Record<string, string> = {}) {
  const cut = new AbortController()
  const events: Sent[] = []
  const response = await fetch(url, {
    headers: { authorization: `Bearer ${key}`, accept: 'text/event-stream', ...headers },
    signal: cut.signal,
  })
  const ended = (async () => {
    let text = ''
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true })
      const parts = text.split('\n\n')
      text = parts.pop() ?? ''
      for (const part of parts) {
        const data = /^data: (.*)$/m.exec(part)?.[1]
        if (data) events.push(JSON.parse(data) as Sent)
      }
    }
  })().catch(() => {})
  t.teardown(() => cut.abort())
  return { response, events, ended, cut: () => cut.abort() }
}

const insert = (id: string, tenant = 1) => ({
  tenant_id: tenant,
  channel: 'fakechat',
  direction: 'inbound',
  address: '+27831234567',
  external_message_id: id,
  body: `body of ${id}`,
})

t.test('the log is read by pages, in order, and the cursor leads to what comes', async (t) => {
  const { get, sql } = await testApi(t)
  t.same((await get('/api/v1/events')).body, { success: true, data: { events: [], cursor: 0 } })
  await sql`insert into pigeonpost.messages ${sql(insert('a'))}`
  await sql`insert into pigeonpost.messages ${sql(insert('theirs', 2))}`
  await sql`insert into pigeonpost.messages ${sql(insert('b'))}`
  const first = (await get('/api/v1/events?limit=3')).body.data
  t.equal(first.events.length, 3)
  const rest = (await get(`/api/v1/events?after=${first.cursor}&limit=500`)).body.data
  const all: Sent[] = [...first.events, ...rest.events]
  t.same(
    all.map(({ id }) => id),
    all.map(({ id }) => id).toSorted((a, b) => a - b),
  )
  t.same(
    all
      .filter(({ type }) => type === 'message.inbound.created')
      .map(({ payload }) => payload['body']),
    ['body of a', 'body of b'],
  )
  const created = (await get('/api/v1/events?type=message.*')).body.data
  t.same(
    created.events.map(({ type }: Sent) => type),
    ['message.inbound.created', 'message.inbound.created'],
  )
  t.equal(created.cursor, rest.cursor, 'also past what was not asked for')
  t.same((await get(`/api/v1/events?after=${rest.cursor}`)).body.data.events, [])
})

t.test('bad input is named, and a cursor below what is kept is 410', async (t) => {
  const { get, sql } = await testApi(t, { own: true })
  for (const [path, field] of [
    ['?after=x', 'after'],
    ['?limit=0', 'limit'],
    ['?limit=501', 'limit'],
    ['?since=1', 'since'],
  ] as const) {
    const answer = await get(`/api/v1/events${path}`)
    t.equal(answer.status, 400, path)
    t.match(errorOf(t, answer).fields.join(), field)
  }
  t.equal(
    (await get('/api/v1/events', { accept: 'text/event-stream', 'last-event-id': 'x' })).status,
    400,
  )
  await sql`insert into pigeonpost.messages ${sql(insert('a'))}`
  await sql`select pigeonpost.settle_events()`
  await sql`update pigeonpost_private.log_floor set floor_id = 2`
  for (const accept of ['application/json', 'text/event-stream']) {
    const answer = await get('/api/v1/events?after=1', { accept })
    t.equal(answer.status, 410)
    t.equal(errorOf(t, answer).code, 'cursor_above_floor')
  }
})

t.test('a key without the scope reads no events', async (t) => {
  const { get, makeKey } = await testApi(t)
  const { key } = await makeKey({ scopes: ['webhooks'] })
  t.equal((await get('/api/v1/events', { authorization: `Bearer ${key}` })).status, 403)
})

t.test(
  'a stream that is cut off goes on where it was, without a gap, while others write',
  async (t) => {
    const { api, sql, makeKey } = await testApi(t)
    const { key } = await makeKey()
    const url = `${api.url}/api/v1/events?type=message.inbound.created`
    const first = await follow(t, url, key)
    t.match(first.response.headers.get('content-type'), /^text\/event-stream/)
    t.match(first.response.headers.get('cache-control'), /no-store/)
    const total = 200
    const writing = (async () => {
      for (let i = 0; i < total; i += 4) {
        const rows = [0, 1, 2, 3].map((n) => insert(`m${i + n}`))
        await Promise.all(rows.map(async (row) => sql`insert into pigeonpost.messages ${sql(row)}`))
      }
      await sql`insert into pigeonpost.messages ${sql(insert('theirs', 2))}`
    })()
    await waitFor(() => first.events.length >= 20, { what: 'the first events' })
    first.cut()
    await first.ended
    const last = first.events.at(-1)?.id ?? 0
    const second = await follow(t, url, key, { 'last-event-id': String(last) })
    await writing
    const both = () => [...first.events, ...second.events]
    await waitFor(() => both().length >= total, { what: 'all events' })
    const bodies = both().map(({ payload }) => String(payload['body']))
    t.equal(bodies.length, total)
    t.equal(new Set(bodies).size, total, 'each once')
    t.notOk(bodies.includes('body of theirs'))
  },
)

t.test('a server that closes ends its streams', async (t) => {
  const { api, makeKey } = await testApi(t, { own: true })
  const { key } = await makeKey()
  const stream = await follow(t, `${api.url}/api/v1/events`, key)
  await api.close()
  await t.resolves(stream.ended)
})
