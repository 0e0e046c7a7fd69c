import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect as openSocket, type Socket } from 'node:net'
import type postgres from 'postgres'
import t from 'tap'
import type { TestDatabase } from '../../../support/database.ts'
import { waitFor } from '../../../support/wait.ts'
import { errorOf, testApi } from '../support/api.ts'

/** A lock on the messages, under which every request about one hangs. */
async function holdMessages(database: TestDatabase) {
  const holder = await database.connect({ max: 1 }).reserve()
  await holder`begin`
  await holder`lock table pigeonpost.messages`
  return {
    async release() {
      await holder`rollback`
      holder.release()
    },
  }
}

async function stuck(sql: postgres.Sql, count: number): Promise<void> {
  const waiting = async () =>
    (
      await sql`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
    ).length
  await waitFor(async () => (await waiting()) === count, { what: `${count} that hang` })
}

const port = (api: { url: string }) => Number(new URL(api.url).port)

t.test('with all connections behind a lock every request is answered in time', async (t) => {
  const { get, sql, database } = await testApi(t, {
    connections: 2,
    busyAfter: 200,
    lockMs: 8_000,
  })
  t.equal((await get('/api/v1/messages/1')).status, 404)
  const lock = await holdMessages(database)
  let ended = 0
  const first = ['/api/v1/messages/1', '/api/v1/messages/2'].map(async (path) =>
    get(path).finally(() => (ended += 1)),
  )
  await stuck(sql, 2)
  const others = await Promise.all(
    [
      '/api/v1/messages',
      '/api/v1/conversations',
      '/api/v1/threads/1/history',
      '/api/v1/messages/statistics?startDate=2026-01-01',
    ].map((path) => get(path)),
  )
  t.equal(ended, 0, 'before those that hang')
  for (const answer of [...others, ...(await Promise.all(first))]) {
    t.equal(answer.status, 503)
    t.equal(answer.headers.get('retry-after'), '1')
    t.equal(errorOf(t, answer).code, 'busy')
  }
  await lock.release()
  t.equal((await get('/api/v1/messages/1')).status, 404, 'and afterwards all is well')
})

t.test('who goes away while it waits leaves the line, and its work is not begun', async (t) => {
  const { api, get, sql, database, log, makeKey } = await testApi(t, {
    connections: 1,
    busyAfter: 600_000,
    lockMs: 600_000,
  })
  await sql`
    insert into pigeonpost.messages (tenant_id, direction, address, external_message_id, body)
    values (1, 'inbound', '+27831234567', 'm1', 'Hello')`
  const { key } = await makeKey()
  const authorization = `Bearer ${key}`
  t.equal((await get('/api/v1/messages/1', { authorization })).status, 200)
  const lock = await holdMessages(database)
  const hanging = get('/api/v1/messages/1', { authorization })
  await stuck(sql, 1)
  const left = request(`${api.url}/api/v1/messages/1/read`, {
    method: 'PUT',
    headers: { authorization },
  })
  left.on('error', () => {})
  left.end()
  await once(left, 'finish')
  left.destroy()
  await waitFor(() => log.some((line) => line.includes('went away')), {
    what: 'the line to be left',
  })
  await lock.release()
  t.equal((await hanging).status, 200)
  t.equal((await get('/api/v1/messages/1', { authorization })).body.data.state, 'delivered')
})

/** A client that sends a byte every now and then, until it is cut off; what it was told. */
async function dribble(socket: Socket, bytes: string): Promise<string> {
  let text = ''
  let sent = 0
  socket.on('data', (chunk) => (text += chunk))
  socket.on('error', () => {})
  const timer = setInterval(() => socket.write(bytes[sent++] ?? 'x'), 50)
  await once(socket, 'close')
  clearInterval(timer)
  return text
}

t.test('a client that sends its request byte by byte holds nothing, and is cut off', async (t) => {
  const { api, get, makeKey } = await testApi(t, { connections: 1, patienceMs: 4000 })
  const { key } = await makeKey()
  const slow = openSocket(port(api), '127.0.0.1')
  slow.write(
    `POST /api/v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\n` +
      'Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{',
  )
  const slower = openSocket(port(api), '127.0.0.1')
  const told = [dribble(slow, '"to": "'), dribble(slower, 'GET /health/live HTTP/1.1\r\nX-Y: ')]
  t.equal((await get('/api/v1/messages/1')).status, 404, 'others are served meanwhile')
  for (const text of await Promise.all(told)) {
    t.match(text, /^HTTP\/1\.1 408 /)
    t.equal(JSON.parse(text.split('\r\n\r\n')[1] ?? '').success, false)
  }
})

t.test('a client that does not read its answer holds nothing, and is cut off', async (t) => {
  // More than it takes to make the answer.
  const { api, get, sql, makeKey } = await testApi(t, { connections: 1, patienceMs: 15_000 })
  const { key } = await makeKey()
  await sql`
    insert into pigeonpost.messages (tenant_id, direction, address, external_message_id, body)
    select 1, 'inbound', '+27831234567', 'm' || i, repeat('x', 1000000) from generate_series(1, 25) i`
  const accepted = new Map<number | undefined, Socket>()
  const note = (message: unknown) => {
    const { socket } = message as { socket: Socket }
    accepted.set(socket.remotePort, socket)
  }
  subscribe('net.server.socket', note)
  t.teardown(() => unsubscribe('net.server.socket', note))

  const reader = openSocket(port(api), '127.0.0.1')
  reader.on('error', () => {})
  await once(reader, 'connect')
  reader.pause()
  reader.write(`GET /api/v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\n\r\n`)
  const theirs = await waitFor(() => accepted.get(reader.localPort), { what: 'the connection' })
  await waitFor(() => theirs.bytesWritten > 1_000_000, { what: 'an answer that is not read' })
  t.equal((await get('/api/v1/messages/1')).status, 200, 'others are served meanwhile')
  await waitFor(() => theirs.destroyed, { what: 'the connection to be cut off' })
  let bytes = 0
  reader.on('data', (chunk) => (bytes += chunk.length))
  reader.resume()
  await once(reader, 'close')
  t.ok(bytes < 25_000_000, 'before it had read all')
})

t.test('closing refuses whoever comes, and waits a second for what hangs', async (t) => {
  const { api, get, sql, database } = await testApi(t, { connections: 1, lockMs: 600_000 })
  const lock = await holdMessages(database)
  const hanging = t.rejects(get('/api/v1/messages/1'))
  await stuck(sql, 1)
  const closed = api.close()
  await t.rejects(get('/health/live'), 'a new connection is refused')
  await hanging
  await closed
  await lock.release()
})
