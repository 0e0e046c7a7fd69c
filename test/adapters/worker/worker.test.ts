import t, { type Test } from 'tap'
import type { Provider } from '../../../adapters/channels/channel.ts'
import { startWorker, type Worker, type WorkerOptions } from '../../../adapters/worker/worker.ts'
import type { Sql } from '../../../db/connect.ts'
import { reach } from '../../support/pooler.ts'
import { waitFor } from '../../support/wait.ts'
import {
  addAccount,
  deliveryDatabase,
  numbered,
  queue,
  readMessages,
  scripted,
  sent,
  silent,
} from './delivery/support.ts'

async function workerOn(
  t: Test,
  url: string,
  provider: Provider,
  options: Partial<WorkerOptions> = {},
): Promise<Worker> {
  const worker = await startWorker({
    ...reach(url),
    logger: silent,
    providers: new Map([[provider.name, provider]]),
    leaseMs: 2_000,
    ...options,
  })
  t.teardown(async () => worker.stop())
  return worker
}

async function allAre(sql: Sql, statuses: string[], count: number): Promise<void> {
  await waitFor(
    async () => {
      const rows = await readMessages(sql)
      return rows.length === count && rows.every((row) => statuses.includes(row.status))
    },
    { what: `${count} messages to be ${statuses.join(' or ')}` },
  )
}

async function lateness(sql: Sql): Promise<number[]> {
  const rows = await sql<{ ms: number }[]>`
    select extract(epoch from sent_at - coalesce(scheduled_for, created_at))::float8 * 1000 as ms
    from pigeonpost.messages`
  return rows.map((row) => row.ms)
}

t.test(
  'what any client inserts is delivered at once, and what is scheduled at its moment',
  async (t) => {
    const { url, sql } = await deliveryDatabase(t)
    const target = await addAccount(sql)
    // No sweep finds them.
    const worker = await workerOn(t, url, scripted(), { sweepMs: 600_000 })
    await waitFor(() => worker.notifying, { what: 'the relay' })
    const insert = async (inMs: number | null) => sql`
    insert into pigeonpost.messages (tenant_id, account_id, channel, direction, address, body, scheduled_for)
    values (1, ${target.accountId}, 'whatsapp', 'outbound', '+17770000001', 'hello',
      now() + ${inMs}::float8 * interval '1 ms')`
    await insert(null)
    await allAre(sql, ['sent'], 1)
    await insert(700)
    await allAre(sql, ['sent'], 2)
    const late = await lateness(sql)
    t.ok(
      late.every((ms) => ms >= 0),
      'none early',
    )
    t.comment(`${late.map(Math.round).join(' and ')} ms late`)
  },
)

t.test('a hint that was lost delays a message by seconds, not for ever', async (t) => {
  const { url, sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await queue(sql, target, ['hello'])
  // As if a relay had handled the event and the wake-up had gone astray.
  await sql`delete from pigeonpost_private.account_wakeups`
  await sql`
    update pigeonpost_private.log_cursors set cursor = (select last_value from pigeonpost.log_id_seq)
    where tenant_id = 1 and name = 'relay'`
  const provider = scripted()
  await workerOn(t, url, provider)
  await allAre(sql, ['sent'], 1)
  t.equal(provider.requests.length, 1)
})

t.test('two workers send each message of one account once', async (t) => {
  const { url, sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  const provider = scripted(async () => {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 10))
    return sent()
  })
  const workers = await Promise.all([1, 2].map(async () => workerOn(t, url, provider)))
  for (let n = 0; n < 10; n++) await queue(sql, target, numbered(40))
  await allAre(sql, ['sent'], 400)
  t.equal(new Set(provider.requests.map((request) => request.id)).size, 400)
  t.equal(provider.requests.length, 400, 'each once')
  await Promise.all(workers.map(async (worker) => worker.stop()))
})

t.test('losing every connection costs a worker no message, and sends none twice', async (t) => {
  const { url, sql } = await deliveryDatabase(t)
  const targets = [await addAccount(sql), await addAccount(sql)]
  const provider = scripted(async () => {
    await new Promise((resolve) => setTimeout(resolve, 5))
    return sent()
  })
  const worker = await workerOn(t, url, provider)
  await waitFor(() => worker.notifying, { what: 'the relay' })
  for (const target of targets) await queue(sql, target, numbered(300))
  for (const part of [50, 250, 450]) {
    await waitFor(() => provider.requests.length >= part, { what: `${part} requests` })
    const theirs = sql`datname = current_database() and application_name like 'pigeonpost %'`
    await waitFor(
      async () => (await sql`select from pg_stat_activity where ${theirs}`).length >= 5,
      { what: 'five connections' },
    )
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where ${theirs}`
  }
  // All outcomes were known, so none stays in doubt.
  await allAre(sql, ['sent'], 600)
  t.equal(new Set(provider.requests.map((request) => request.id)).size, provider.requests.length)
  await waitFor(() => worker.notifying, { what: 'the relay to ring again' })
  const [target] = targets
  if (target) await queue(sql, target, ['after all'])
  await allAre(sql, ['sent'], 601)
})

t.test(
  'a worker that stops ends what is under way, and leaves the rest for the next',
  async (t) => {
    const { url, sql } = await deliveryDatabase(t)
    const target = await addAccount(sql)
    await queue(sql, target, numbered(100))
    const first = scripted(async () => {
      await new Promise((resolve) => setTimeout(resolve, 100))
      return sent()
    })
    const worker = await workerOn(t, url, first)
    await waitFor(() => first.requests.length >= 15, { what: 'requests' })
    await worker.stop()
    const rows = await readMessages(sql)
    t.equal(rows.filter((row) => row.status === 'sent').length, first.requests.length)
    t.equal(rows.filter((row) => row.status === 'queued').length, 100 - first.requests.length)
    const second = scripted()
    await workerOn(t, url, second)
    await allAre(sql, ['sent'], 100)
    t.equal(first.requests.length + second.requests.length, 100)
  },
)

t.test('a worker that stops does not wait for a provider that never answers', async (t) => {
  const { url, sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await queue(sql, target, ['hang'])
  const provider = scripted(async () => new Promise(() => {}))
  // Its time would be over long after the test's.
  const worker = await workerOn(t, url, provider, { leaseMs: 3_600_000 })
  await waitFor(() => provider.requests.length === 1, { what: 'the request' })
  await worker.stop()
  t.match(await readMessages(sql), [{ status: 'unknown', error_code: 'no_answer' }])
})

t.test('a worker waits for a database that is not there yet, and stops meanwhile', async (t) => {
  const worker = await workerOn(t, 'postgres://nobody@127.0.0.1:1/nothing', scripted())
  await worker.stop()
  t.notOk(worker.notifying)
})

t.test('a worker folds what happens into the counters', async (t) => {
  const { sql, url } = await deliveryDatabase(t)
  await workerOn(t, url, scripted())
  const target = await addAccount(sql)
  await queue(sql, target, numbered(3))
  const followed = await waitFor(
    async () => {
      const [row] = await sql<{ total: number; counts: number }[]>`
        select (select max(total_messages) from pigeonpost.conversations) as total,
          (select sum(messages) from pigeonpost_private.message_counts where status = 'sent')::integer as counts`
      return row?.total === 1 && row.counts === 3
    },
    { what: 'the counters to follow' },
  )
  t.ok(followed)
})
