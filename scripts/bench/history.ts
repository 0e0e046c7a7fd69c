import { begin } from '../../db/begin.ts'
import { connect, type Sql } from '../../db/connect.ts'
import { threadHistory } from '../../db/messages/history.ts'
import { percentile } from './rounds.ts'

type Sample = { messages: number; p50: number; p99: number }

/** The last 50 messages of random threads with 100,000 messages stored and with many times that: p99 within 1.2 times. */
export async function benchHistory(
  url: string,
  options: { messages: number; log: (line: string) => void },
): Promise<{ small: Sample; large: Sample; ratio: number; met: boolean; plan: string }> {
  const sql = connect(url, { max: 4, name: 'bench' })
  try {
    await fill(sql, 100_000, options.log)
    const small = await read(sql)
    await fill(sql, options.messages, options.log)
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

const perThread = 200

/**
 * Stores messages until there are so many: threads of 200, whose messages lie far apart in the table, as they do when
 * many people write at once. The first of each thread comes in by ingest(); the rest under the role for which the row
 * triggers stand back, since only where the rows lie matters here.
 */
async function fill(sql: Sql, until: number, log: (line: string) => void): Promise<void> {
  const threads = until / perThread
  const batch = 5000
  for (let first = 0; first < threads; first += batch) {
    await sql`
      select count(*) from pigeonpost.ingest((
        select jsonb_agg(jsonb_build_object('tenant_id', 7, 'direction', 'inbound', 'external_message_id', 'h' || i,
          'address', '+2784' || (1000000 + i), 'body', 'the first message of thread ' || i, 'sent_at', '2026-01-01T00:00:00Z'))
        from generate_series(${first}::int, ${Math.min(first + batch, threads) - 1}::int) i))`
  }
  const [stored] = await sql<{ count: number }[]>`
    select count(*) from pigeonpost.messages where tenant_id = 7`
  const rounds = Math.ceil((until - (stored?.count ?? 0)) / threads)
  let reported = Date.now()
  for (let round = 0; round < rounds; round += 1) {
    await begin(sql, async (tx) => {
      await tx`set local role pigeonpost_ingest`
      await tx`
        insert into pigeonpost.messages (tenant_id, account_id, conversation_id, thread_id, customer_id, sender_customer_id, address,
          direction, channel, external_message_id, body, status, occurred_at, sent_at, delivered_at)
        select tenant_id, account_id, conversation_id, thread_id, customer_id, customer_id, address, 'inbound', channel,
          ${`r${until}-${round}-`} || number, 'message of round ' || ${round}::int, 'delivered', t.at, t.at, t.at
        from pigeonpost.messages
        cross join (select timestamptz '2026-01-02' + make_interval(secs => ${round}::int) as at) t
        where tenant_id = 7 and external_message_id like 'h%'
        order by number limit ${Math.ceil(threads)}::int`
    })
    if (Date.now() - reported > 10_000) {
      reported = Date.now()
      log(`history: round ${round + 1} of ${rounds} stored`)
    }
  }
  await sql`vacuum (analyze) pigeonpost.messages`
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
