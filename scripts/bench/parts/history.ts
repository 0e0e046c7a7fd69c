import { connect, type Sql } from '../../../db/connect.ts'
import { threadHistory } from '../../../db/messages/history.ts'
import { fill } from '../fill.ts'
import { percentile } from '../rounds.ts'

type Sample = { messages: number; p50: number; p99: number }

/** The last 50 messages of random threads with 100,000 messages stored and with many times that: p99 within 1.2 times. */
export async function benchHistory(
  url: string,
  options: { messages: number; log: (line: string) => void },
): Promise<{ small: Sample; large: Sample; ratio: number; met: boolean; plan: string }> {
  const sql = connect(url, { max: 4, name: 'bench' })
  const threads = { tenantId: 7, perThread: 200, log: options.log }
  try {
    await fill(sql, { ...threads, messages: 100_000 })
    const small = await read(sql)
    await fill(sql, { ...threads, messages: options.messages })
    const large = await read(sql)
    const [thread] = await sql<
      { id: string }[]
    >`select id from pigeonpost.threads where tenant_id = 7 limit 1`
    const plan = await sql<{ 'QUERY PLAN': string }[]>`
      explain (analyze, buffers) select number, body from pigeonpost.messages
      where tenant_id = 7 and thread_id = ${thread?.id ?? ''} order by occurred_at desc, number desc limit 50`
    const ratio = large.p99 / small.p99
    return {
      small,
      large,
      ratio,
      met: ratio <= 1.2,
      plan: plan.map((row) => row['QUERY PLAN']).join('\n'),
    }
  } finally {
    await sql.end()
  }
}

async function read(sql: Sql): Promise<Sample> {
  const threads = await sql<{ id: string }[]>`
    select id from pigeonpost.threads where tenant_id = 7 order by random() limit 2000`
  const [count] = await sql<
    { count: number }[]
  >`select count(*) from pigeonpost.messages where tenant_id = 7`
  const times: number[] = []
  for (const pass of [0, 1]) {
    for (const { id } of threads) {
      const started = performance.now()
      await threadHistory(sql, { tenantId: 7, thread: id, limit: 50 })
      if (pass === 1) times.push(performance.now() - started)
    }
  }
  return { messages: count?.count ?? 0, p50: percentile(times, 50), p99: percentile(times, 99) }
}
