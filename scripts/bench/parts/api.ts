import { begin } from '../../../db/begin.ts'
import { connect, type Sql } from '../../../db/connect.ts'
import { createKey } from '../../../db/keys/create.ts'
import { startChild } from '../child.ts'
import { cpuMs } from '../cpu.ts'
import { fill } from '../fill.ts'
import type { Load, LoadPlan, Times } from '../processes/load.ts'
import type { Known } from '../mix.ts'
import { verdict } from '../rounds.ts'

const tenantId = 8
const perThread = 50
const warmUpSeconds = 5

export type ApiOutcome = Load & {
  messages: number
  seconds: number
  wanted: number
  /** µs of CPU for each request, by process; null where the system does not tell. */
  cpuPerRequest: Record<'api' | 'worker' | 'postgres' | 'load', number | null>
  /** No error, and the rate was kept. */
  met: boolean
}

type Prepared = Pick<LoadPlan, 'key' | 'accountId' | 'known'>

/**
 * The API under a mix of requests that come at a fixed rate, on an account and with a key without limits, while a
 * worker runs and many messages are stored; the account has no provider, so
 * what is sent stays queued. The target, no error at that rate, has no twin.
 */
export async function benchApi(
  url: string,
  options: { messages: number; rate: number; seconds: number; log: (line: string) => void },
): Promise<ApiOutcome> {
  const sql = connect(url, { max: 2, name: 'bench' })
  try {
    return await measure(url, sql, await prepare(sql, options), options)
  } finally {
    await sql.end()
  }
}

async function measure(
  url: string,
  sql: Sql,
  prepared: Prepared,
  { messages, rate, seconds }: { messages: number; rate: number; seconds: number },
): Promise<ApiOutcome> {
  const worker = startChild('worker', [url])
  const api = startChild('http', ['ours', url])
  const load = startChild('load', [])
  try {
    const [port] = await Promise.all([api.next('port'), worker.next('ready')])
    const used = async () => ({
      api: await cpuMs(api.pid),
      worker: await cpuMs(worker.pid),
      postgres: await postgresMs(sql),
      load: await cpuMs(load.pid),
    })
    const warm = load.next<boolean>('warm').then(used)
    const answered = load.next<Load>('load')
    load.tell({ ...prepared, url: `http://127.0.0.1:${port}`, rate, warmUpSeconds, seconds })
    const [before, measured] = await Promise.all([warm, answered])
    const after = await used()
    const perRequest = (who: keyof typeof after) =>
      after[who] === null || before[who] === null
        ? null
        : ((after[who] - before[who]) * 1000) / measured.requests
    return {
      ...measured,
      messages,
      seconds,
      wanted: rate,
      cpuPerRequest: {
        api: perRequest('api'),
        worker: perRequest('worker'),
        postgres: perRequest('postgres'),
        load: perRequest('load'),
      },
      met: Object.keys(measured.errors).length === 0 && measured.rate >= rate * 0.99,
    }
  } finally {
    await Promise.all([api.stop(), load.stop(), worker.stop()])
  }
}

async function prepare(
  sql: Sql,
  { messages, log }: { messages: number; log: (line: string) => void },
): Promise<Prepared> {
  const [account] = await sql<{ id: string }[]>`
    insert into pigeonpost.accounts (tenant_id, channel, address, is_default, rate_per_minute, daily_limit)
    values (${tenantId}, 'whatsapp', '+15550000000', true, null, null) returning id`
  const { key } = await createKey(sql, { tenantId, name: 'bench' })
  await fill(sql, { tenantId, messages, perThread, log })
  // Those that came in by ingest() are the oldest of their threads.
  await begin(sql, async (tx) => {
    await tx`set local role pigeonpost_ingest`
    await tx`
      update pigeonpost.messages set created_at = now() - interval '31 days'
      where tenant_id = ${tenantId} and external_message_id like 'h%'`
  })
  // As the worker would have folded them, had their events been written.
  await sql`
    update pigeonpost.conversations c set last_message_at = k.last_message_at, unread_count = k.unread_count, total_messages = k.total_messages
    from pigeonpost.conversations o
    cross join lateral pigeonpost.conversation_counters(o.tenant_id, o.id) k
    where c.tenant_id = ${tenantId} and o.tenant_id = c.tenant_id and o.id = c.id`
  await sql`vacuum (analyze)`
  const known = await sql<Known[]>`
    select conversation_id as conversation, thread_id as thread, customer_id as customer, address, id as message
    from pigeonpost.messages where tenant_id = ${tenantId} and direction = 'inbound' order by random() limit 5000`
  return { key, accountId: account?.id ?? '', known: [...known] }
}

/** ms that the processes of the database which live now have used so far. */
async function postgresMs(sql: Sql): Promise<number | null> {
  const processes = await sql<{ pid: number }[]>`select pid from pg_stat_activity`
  const used = await Promise.all(processes.map(async ({ pid }) => cpuMs(pid)))
  return used.every((ms) => ms === null)
    ? null
    : used.reduce<number>((sum, ms) => sum + (ms ?? 0), 0)
}

/** For people: what was asked and answered, and how long each kind took. */
export function describeApi(outcome: ApiOutcome): string[] {
  const { all, errors, cpuPerRequest: cpu } = outcome
  const wrong = Object.entries(errors).map(([what, times]) => `${times} times ${what}`)
  const line = (name: string, { requests, p50, p95, p99, max }: Times) =>
    `${name.padEnd(20)}${[requests, ...[p50, p95, p99, max].map((ms) => ms.toFixed(1))].map((text) => String(text).padStart(10)).join('')}`
  return [
    `API, ${outcome.messages} messages stored: ${outcome.requests} requests, ${outcome.rate.toFixed(0)}/s of ${outcome.wanted}/s, ` +
      `p99 ${all.p99.toFixed(1)} ms, ${wrong.length === 0 ? 'no error' : wrong.join(', ')} (target no error at that rate) ${verdict(outcome.met)}`,
    `${'ms from when due'.padEnd(20)}${['requests', 'p50', 'p95', 'p99', 'max'].map((text) => text.padStart(10)).join('')}`,
    line('all', all),
    ...Object.entries(outcome.kinds).map(([kind, times]) => line(kind, times)),
    `API, µs of CPU for a request: ${Object.entries(cpu)
      .map(([who, us]) => `${who} ${us === null ? 'not known' : us.toFixed(0)}`)
      .join(', ')}`,
  ]
}
