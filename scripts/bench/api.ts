import { connect, type Sql } from '../../db/connect.ts'
import { createKey } from '../../db/keys/create.ts'
import { startChild } from './child.ts'
import { cpuMs } from './cpu.ts'
import { fill } from './fill.ts'
import type { Load, LoadPlan } from './load-process.ts'
import type { Known } from './mix.ts'

const tenantId = 8
const perThread = 50
const warmUpSeconds = 5

export type ApiOutcome = Load & {
  messages: number
  seconds: number
  wanted: number
  /** µs of CPU for each request, by process; null where the system does not tell. */
  cpuPerRequest: { api: number; postgres: number; load: number } | null
  /** No error, and the rate was kept. */
  met: boolean
}

type Prepared = Pick<LoadPlan, 'key' | 'accountId' | 'known'>

/**
 * The API under a mix of requests that come at a fixed rate, on an account and with a key without limits, while a relay
 * runs and many messages are stored. The target (no error, and every request of the rate answered) has no twin: it is a
 * promise in numbers.
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

export async function measure(
  url: string,
  sql: Sql,
  prepared: Prepared,
  { messages, rate, seconds }: { messages: number; rate: number; seconds: number },
): Promise<ApiOutcome> {
  const worker = startChild('worker-process', [url])
  const api = startChild('http-process', ['ours', url])
  const load = startChild('load-process', [])
  try {
    const [port] = await Promise.all([api.next('port'), worker.next('ready')])
    const used = async () => [await cpuMs(api.pid), await postgresMs(sql), await cpuMs(load.pid)]
    const before = await used()
    const answered = load.next<Load>('load')
    load.tell({ ...prepared, url: `http://127.0.0.1:${port}`, rate, warmUpSeconds, seconds })
    const measured = await answered
    const after = await used()
    const requests = rate * (warmUpSeconds + seconds)
    const [ofApi, ofPostgres, ofLoad] = after.map((ms, i) =>
      ms === null ? null : ((ms - (before[i] ?? 0)) * 1000) / requests,
    )
    return {
      ...measured,
      messages,
      seconds,
      wanted: rate,
      cpuPerRequest:
        ofApi == null || ofPostgres == null || ofLoad == null
          ? null
          : { api: ofApi, postgres: ofPostgres, load: ofLoad },
      met: Object.keys(measured.errors).length === 0 && measured.rate >= rate * 0.99,
    }
  } finally {
    await Promise.all([api.stop(), load.stop(), worker.stop()])
  }
}

export async function prepare(
  sql: Sql,
  { messages, log }: { messages: number; log: (line: string) => void },
): Promise<Prepared> {
  const [account] = await sql<{ id: string }[]>`
    insert into pigeonpost.accounts (tenant_id, channel, address, provider, is_default, rate_per_minute, daily_limit)
    values (${tenantId}, 'whatsapp', '+15550000000', 'noop', true, null, null) returning id`
  const { key } = await createKey(sql, { tenantId, name: 'bench' })
  await fill(sql, { tenantId, messages, perThread, log })
  // As the relay would have folded them, had their events been written.
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
