import { begin } from '../../db/begin.ts'
import type { Sql } from '../../db/connect.ts'

export type Filling = {
  tenantId: number
  /** So many are stored afterwards; what is there already counts. */
  messages: number
  perThread: number
  log: (line: string) => void
}

/**
 * Stores messages until there are so many, over the last 30 days: threads of the same length, whose messages lie far
 * apart in the table, as they do when many people write at once. The first of each thread comes in by ingest(); the rest,
 * ours and theirs by turns, under the role for which the row triggers stand back, since only where the rows lie matters
 * here.
 */
export async function fill(sql: Sql, filling: Filling): Promise<void> {
  const { tenantId, messages, perThread, log } = filling
  const threads = Math.ceil(messages / perThread)
  const batch = 5000
  for (let first = 0; first < threads; first += batch) {
    await sql`
      select count(*) from pigeonpost.ingest((
        select jsonb_agg(jsonb_build_object('tenant_id', ${tenantId}::int, 'direction', 'inbound',
          'external_message_id', 'h' || i, 'address', '+2784' || (1000000 + i),
          'body', 'the first message of thread ' || i, 'sent_at', '2026-01-01T00:00:00Z'))
        from generate_series(${first}::int, ${Math.min(first + batch, threads) - 1}::int) i))`
  }
  const [stored] = await sql<{ count: number }[]>`
    select count(*) from pigeonpost.messages where tenant_id = ${tenantId}`
  const rounds = Math.ceil((messages - (stored?.count ?? 0)) / threads)
  let reported = Date.now()
  for (let round = 0; round < rounds; round += 1) {
    const inbound = round % 2 === 0
    const age = (30 * 86_400 * (rounds - round)) / rounds
    await begin(sql, async (tx) => {
      await tx`set local role pigeonpost_ingest`
      await tx`
        insert into pigeonpost.messages (tenant_id, number, is_own_event, account_id, conversation_id, thread_id, customer_id, sender_customer_id, address,
          direction, channel, external_message_id, body, status, created_at, occurred_at, sent_at, delivered_at)
        select tenant_id, nextval('pigeonpost.log_id_seq'), false, account_id, conversation_id, thread_id, customer_id, ${inbound ? tx`customer_id` : tx`null`}, address,
          ${inbound ? 'inbound' : 'outbound'}, channel, ${`r${messages}-${round}-`} || number, 'message of round ' || ${round}::int,
          'delivered', t.at, t.at, t.at, t.at
        from pigeonpost.messages
        cross join (select now() - make_interval(secs => ${age}::float) as at) t
        where tenant_id = ${tenantId} and external_message_id like 'h%'
        order by number limit ${threads}::int`
    })
    if (Date.now() - reported > 10_000) {
      reported = Date.now()
      log(`filling: round ${round + 1} of ${rounds} stored`)
    }
  }
  await sql`vacuum (analyze) pigeonpost.messages`
}
