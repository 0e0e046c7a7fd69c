import { setTimeout as delay } from 'node:timers/promises'
import { connect, type Sql } from '../../../db/connect.ts'
import { addDeliverJobs } from '../../../db/delivery/add-jobs.ts'
import type { Target } from '../../../db/delivery/lease.ts'
import { startChild } from '../child.ts'
import { interleave, type Outcome } from '../rounds.ts'
import { caughtUp } from '../background-worker.ts'

const tenantId = 1
const recipients = 1_000

/**
 * Queued messages to a provider that does nothing, on accounts without limits, by one worker process; against
 * graphile-worker with one job per message that writes the same rows by the same triggers, at its best settings, and
 * against its jobs that do nothing, at its default settings. Those two notify nobody, which is to their advantage.
 */
export async function benchDeliveries(
  url: string,
  options: { rounds: number; deliveries: number; log: (line: string) => void },
): Promise<Outcome> {
  const sql = connect(url, { max: 4, name: 'bench' })
  const count = options.deliveries
  try {
    const one = await prepare(sql, 1)
    const hundred = await prepare(sql, 100)
    // graphile-worker makes its schema when it first runs.
    const worker = startChild('worker', [url])
    await worker.next('ready')
    await worker.stop()
    return await interleave(
      `deliveries, ${count} queued`,
      [
        { name: '1 account', run: () => deliver(sql, url, one, count) },
        { name: '100 accounts', run: () => deliver(sql, url, hundred, count) },
        { name: 'a job per message', run: () => runJobs(sql, url, one, count) },
        { name: 'no-op jobs', run: () => runJobs(sql, url, null, count) },
      ],
      [
        {
          name: 'times a job per message, 1 account',
          of: '1 account',
          to: 'a job per message',
          target: 4,
        },
        {
          name: 'times a job per message, 100 accounts',
          of: '100 accounts',
          to: 'a job per message',
          target: 4,
        },
        { name: 'times no-op jobs, 1 account', of: '1 account', to: 'no-op jobs', target: 3 },
        {
          name: 'times no-op jobs, 100 accounts',
          of: '100 accounts',
          to: 'no-op jobs',
          target: 3,
        },
      ],
      { rounds: options.rounds, log: options.log, unit: 'messages/s' },
    )
  } finally {
    await sql.end()
  }
}

/** Accounts that are not connected yet, with the recipients spread over them. */
export async function prepare(
  sql: Sql,
  accounts: number,
  rate: number | null = null,
): Promise<Target[]> {
  const targets = await sql<Target[]>`
    insert into pigeonpost.accounts (tenant_id, channel, address, provider, status, rate_per_minute, daily_limit)
    select ${tenantId}, 'whatsapp', '+1555' || (1000000 + (select count(*) from pigeonpost.accounts) + i), 'noop', 'disconnected', ${rate}, null
    from generate_series(1, ${accounts}::integer) i
    returning tenant_id as "tenantId", id as "accountId"`
  const ids = targets.map(({ accountId }) => accountId)
  await sql`
    insert into pigeonpost.messages (tenant_id, account_id, channel, direction, address, external_message_id, body)
    select ${tenantId}, (${ids}::uuid[])[1 + i % ${accounts}::integer], 'whatsapp', 'inbound', '+2783' || (1000000 + i),
      'first-' || ${accounts}::integer || '-' || i, 'Hello'
    from generate_series(1, ${recipients}::integer) i`
  return [...targets]
}

/**
 * Queues messages by plain inserts, on accounts that are not connected: only what sending them costs is measured. What
 * was there before goes, so that all samples start from the same.
 */
export async function queue(sql: Sql, targets: Target[], count: number): Promise<void> {
  const ids = targets.map(({ accountId }) => accountId)
  await sql`truncate pigeonpost.messages, pigeonpost.outbox, pigeonpost.events cascade`
  const chunk = 5_000
  for (let first = 0; first < count; first += chunk) {
    await sql`
      insert into pigeonpost.messages (tenant_id, account_id, channel, direction, address, body)
      select ${tenantId}, (${ids}::uuid[])[1 + (1 + i % ${recipients}::integer) % ${ids.length}::integer], 'whatsapp', 'outbound',
        '+2783' || (1000001 + i % ${recipients}::integer), 'Hello, this is message ' || i
      from generate_series(${first}::integer, ${Math.min(first + chunk, count) - 1}::integer) i`
  }
  await sql`vacuum (analyze) pigeonpost.messages, pigeonpost.outbox`
  await sql`checkpoint`
}

export async function setStatus(
  sql: Sql,
  targets: Target[],
  status: 'connected' | 'disconnected',
): Promise<void> {
  const ids = targets.map(({ accountId }) => accountId)
  await sql`
    update pigeonpost.accounts set status = ${status} where tenant_id = ${tenantId} and id = any (${ids}::uuid[])`
}

/** Waits until none is queued or under way. */
export async function allSent(sql: Sql): Promise<void> {
  for (;;) {
    const rows = await sql`
      select from pigeonpost.messages where tenant_id = ${tenantId} and status = 'queued' limit 1`
    if (rows.length === 0) return
    await delay(2)
  }
}

/** Messages per second, from the moment at which the accounts connect until all are recorded as sent. */
async function deliver(sql: Sql, url: string, targets: Target[], count: number): Promise<number> {
  await queue(sql, targets, count)
  const worker = startChild('worker', [url, String(count)])
  try {
    await worker.next('ready')
    await caughtUp(sql, worker)
    const sent = worker.next('sent')
    const started = performance.now()
    await setStatus(sql, targets, 'connected')
    await addDeliverJobs(sql, targets)
    await sent
    await allSent(sql)
    const seconds = (performance.now() - started) / 1000
    const [done] = await sql<{ sent: number; attempts: number }[]>`
      select (select count(*) from pigeonpost.messages where status = 'sent') as sent,
        (select count(*) from pigeonpost.delivery_attempts where outcome = 'sent') as attempts`
    if (done?.sent !== count || done.attempts !== count) {
      throw new Error(`${done?.sent} sent and ${done?.attempts} attempts of ${count}`)
    }
    return count / seconds
  } finally {
    await worker.stop()
    await setStatus(sql, targets, 'disconnected')
  }
}

/** Jobs per second: one for each queued message, or such that do nothing. */
async function runJobs(
  sql: Sql,
  url: string,
  targets: Target[] | null,
  count: number,
): Promise<number> {
  await sql`truncate graphile_worker._private_jobs`
  if (targets) await queue(sql, targets, count)
  await sql`
    select from graphile_worker.add_jobs(array(
      select row(${targets ? 'bench_rows' : 'bench_noop'}, json_build_object('tenantId', ${tenantId}::integer, 'id', m.id),
        null, null, 1, null, null, null)::graphile_worker.job_spec
      from ${
        targets
          ? sql`(select id from pigeonpost.messages order by number) m`
          : sql`(select pigeonpost.uuid_v7() as id from generate_series(1, ${count}::integer)) m`
      }))`
  await sql`vacuum (analyze) graphile_worker._private_jobs`
  const jobs = startChild('jobs', [url, targets ? 'rows' : 'noop', String(count)])
  await jobs.next('ready')
  const done = jobs.next('doneMs')
  jobs.tell('go')
  const seconds = (await done) / 1000
  await jobs.stop()
  if (targets) {
    const [row] = await sql<{ sent: number }[]>`
      select count(*) as sent from pigeonpost.delivery_attempts a join pigeonpost.messages m using (tenant_id)
      where m.id = a.message_id and m.status = 'sent'`
    if (row?.sent !== count) throw new Error(`${row?.sent} jobs of ${count} were done`)
  }
  return count / seconds
}
