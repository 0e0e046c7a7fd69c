import { connect, type Sql } from '../../../db/connect.ts'
import { addDeliverJobs } from '../../../db/delivery/add-jobs.ts'
import { startChild } from '../child.ts'
import { allSent, prepare, queue, setStatus } from './deliveries.ts'
import { figure, type Outcome } from '../rounds.ts'
import { caughtUp } from '../background-worker.ts'

const receiving = 4

/**
 * What a message costs from queued to read, without the time: WAL of the whole cluster (the worker's, the receipts', what
 * is folded), and how many updates of messages were HOT. A provider that does nothing takes it, then two receipts come,
 * delivered and read, each by a statement of its own, as a bridge writes them.
 */
export async function benchLifecycle(url: string, options: { messages: number }): Promise<Outcome> {
  const sql = connect(url, { max: receiving, name: 'bench' })
  try {
    const targets = await prepare(sql, 1)
    await queue(sql, targets, options.messages)
    const worker = startChild('worker', [url, String(options.messages)])
    let before: Used
    let after: Used
    try {
      await worker.next('ready')
      await caughtUp(sql, worker)
      before = await used(sql)
      const sent = worker.next('sent')
      await setStatus(sql, targets, 'connected')
      await addDeliverJobs(sql, targets)
      await sent
      await allSent(sql)
      for (const status of ['delivered', 'read']) await receipts(sql, status)
      await caughtUp(sql, worker)
    } finally {
      // A session that ends tells its statistics.
      await worker.stop()
      after = await used(sql)
    }
    const per = (name: keyof Used) => (after[name] - before[name]) / options.messages
    const share = per('hot') / per('updates')
    const values = {
      'bytes of WAL': per('wal'),
      'updates of messages': per('updates'),
      'of them HOT': per('hot'),
    }
    return {
      title: `from queued to read, per message of ${options.messages}`,
      unit: '',
      medians: values,
      samples: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, [value]])),
      ratios: [
        figure({ name: 'bytes of WAL', value: per('wal'), target: 7000, atMost: true }),
        figure({ name: 'of the updates of messages are HOT', value: share, target: 0.5 }),
      ],
    }
  } finally {
    await sql.end()
  }
}

type Used = { wal: number; updates: number; hot: number }

async function used(sql: Sql): Promise<Used> {
  // Its own statistics a session tells once a second at most, unless it is asked to.
  await Promise.all(
    Array.from({ length: receiving }, () => sql`select pg_stat_force_next_flush(), pg_sleep(0.05)`),
  )
  const [row] = await sql<Used[]>`
    select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint as wal, n_tup_upd as updates, n_tup_hot_upd as hot
    from pg_stat_user_tables where relid = 'pigeonpost.messages'::regclass`
  if (!row) throw new Error('no statistics')
  return row
}

async function receipts(sql: Sql, status: string): Promise<void> {
  const sent = await sql<{ tenant: number; channel: string; id: string }[]>`
    select tenant_id as tenant, channel, external_message_id as id from pigeonpost.messages
    where direction = 'outbound' order by number`
  let next = 0
  await Promise.all(
    Array.from({ length: receiving }, async () => {
      for (let one = sent[next++]; one; one = sent[next++]) {
        await sql`
          select pigeonpost.apply_update(${one.tenant}, ${one.channel}, ${one.id}, ${sql.json({ kind: 'receipt', status })})`
      }
    }),
  )
  const [row] = await sql<{ left: number }[]>`
    select count(*) as left from pigeonpost.messages where direction = 'outbound' and status <> ${status}`
  if (row?.left !== 0) throw new Error(`${row?.left} of ${sent.length} are not ${status}`)
}
