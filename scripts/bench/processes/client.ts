// One client in a process of its own, with one connection to each database that it is given. Told a Task by its
// parent, it tells {done}.
import { connect, type Sql } from '../../../db/connect.ts'
import type { Done, Task } from '../clients.ts'

const connections = new Map<string, Sql>()
let serial = 0

process.on('message', (task: Task) => {
  run(task).then(
    (done) => process.send?.({ done }),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})
const stop = () => process.exit(0)
process.once('SIGTERM', stop)
process.once('disconnect', stop)

async function run(task: Task): Promise<Done> {
  const sql = connections.get(task.url) ?? connect(task.url, { max: 1, name: 'bench client' })
  connections.set(task.url, sql)
  const [own] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`
  const call = callOf(sql, task)
  if (task.prepare) await call()
  const walBefore = task.wal ? await walBytes(sql) : 0
  const started = performance.now()
  const end = started + (task.seconds ?? Number.POSITIVE_INFINITY) * 1000
  const maxCalls = task.count ?? Number.POSITIVE_INFINITY
  let calls = 0
  while (calls < maxCalls && performance.now() < end) {
    await call()
    calls += 1
  }
  const seconds = (performance.now() - started) / 1000
  const wal = task.wal ? (await walBytes(sql)) - walBefore : 0
  return { calls, seconds, wal, pid: own?.pid ?? 0 }
}

function callOf(sql: Sql, task: Task): () => Promise<void> {
  const { text, lane, batch } = task
  const total = task.rows?.length ?? task.items?.length ?? 0
  // Each lane begins elsewhere, so that all customers get as many, and no two lanes write to the same at once.
  const next = () => (lane + serial++ * task.lanes) % total
  const id = () => `3EB0${task.run}${lane.toString(36)}X${serial}`
  if (task.items) {
    const items = task.items
    return async () => {
      const messages = Array.from({ length: batch ?? 1 }, () => {
        const item = { ...items[next()], sent_at: new Date().toISOString() }
        return task.identified ? { ...item, external_message_id: id() } : item
      })
      const [row] = await sql.unsafe<{ stored: number }[]>(text, [sql.json(messages)], {
        prepare: true,
      })
      if (row?.stored !== messages.length) {
        throw new Error(`stored ${row?.stored} of ${messages.length}`)
      }
    }
  }
  const rows = task.rows ?? []
  const one = () => {
    const row = rows[next()] ?? []
    return task.identified ? [id(), ...row] : row
  }
  return async () => {
    const many = Array.from({ length: batch ?? 1 }, one)
    const first = many[0] ?? []
    const values = batch ? first.map((_, i) => many.map((row) => row[i] ?? '')) : first
    const { count } = await sql.unsafe(text, values, { prepare: true })
    // Nothing may pass for a duplicate: that would be fast.
    if (count !== many.length) throw new Error(`inserted ${count} of ${many.length}`)
  }
}

/** What this connection's backend has written so far; since PostgreSQL 18. */
async function walBytes(sql: Sql): Promise<number> {
  await sql`select pg_stat_force_next_flush()`
  const [row] = await sql<{ bytes: string }[]>`
    select wal_bytes::text as bytes from pg_stat_get_backend_wal(pg_backend_pid())`
  return Number(row?.bytes ?? 0)
}
