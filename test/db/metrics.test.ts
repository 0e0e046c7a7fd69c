import t from 'tap'
import { connect } from '../../db/connect.ts'
import { readMetrics } from '../../db/metrics.ts'
import { asTenant } from '../../db/tenant.ts'
import { addAccount, numbered, queue } from '../adapters/worker/delivery/support.ts'
import { beginSending } from '../support/outbox.ts'
import { testDatabase } from '../support/database.ts'

t.test('metrics tell of each account`s queue, of messages by kind, and the rates', async (t) => {
  const { url } = await testDatabase(t)
  const sql = connect(url, { max: 4 })
  t.teardown(() => sql.end({ timeout: 1 }))
  t.match(await readMetrics(sql, { accounts: 10 }), {
    messages: { total: 0, deliveryRate: null, readRate: null, byStatus: { queued: 0 } },
    accounts: [],
    tenants: [],
  })

  const busy = await addAccount(sql)
  const calm = await addAccount(sql)
  const ids = await queue(sql, busy, numbered(12))
  await queue(sql, busy, ['later'], { scheduledFor: new Date(Date.now() + 60_000) })
  await queue(sql, calm, ['only'])
  const move = async (which: number[], ...steps: string[]) => {
    for (const step of steps) {
      await sql`update pigeonpost.messages set status = ${step} where id = any (${which.map((i) => ids[i] ?? '')}::uuid[])`
    }
  }
  for (const i of [6, 7]) await beginSending(sql, ids[i] ?? '')
  await move([0], 'sent')
  await move([1, 2], 'sent', 'delivered')
  await move([3], 'sent', 'delivered', 'read')
  await move([4], 'failed')
  await move([5], 'unknown')
  await sql`update pigeonpost.outbox set state = 'retrying' where message_id = ${ids[6] ?? ''}`
  await move([8], 'canceled')
  await sql`update pigeonpost.messages set sent_at = now() - interval '61 s' where id = ${ids[0] ?? ''}`
  // Numbers say nothing of it: it was scheduled long ago for a moment ago.
  await sql`update pigeonpost.messages set created_at = now() - interval '1 hour' where id = ${ids[9] ?? ''}`
  await sql`update pigeonpost.outbox set due_at = now() - interval '90 s' where message_id = ${ids[11] ?? ''}`
  await sql`insert into pigeonpost.messages (tenant_id, channel, direction, address, external_message_id, content_type)
    values (1, 'whatsapp', 'inbound', '+27831234567', 'in', 'image'), (2, 'whatsapp', 'inbound', '+27831234567', 'in', 'file')`

  for (const folded of [false, true]) {
    if (folded) await sql`select pigeonpost.fold()`
    const all = await readMetrics(sql, { accounts: 10 })
    t.match(all.messages, {
      total: 16,
      byStatus: { queued: 4, scheduled: 1, sending: 1, sent: 1, delivered: 4, read: 1, failed: 1 },
      outbound: { queued: 4, delivered: 2, read: 1, unknown: 1, retrying: 1, canceled: 1 },
      byDirection: { inbound: 2, outbound: 14, system: 0 },
      byType: { text: 14, image: 1, file: 1, video: 0 },
      deliveryRate: 3 / 5,
      readRate: 1 / 3,
    })
    t.same(
      all.tenants.map(({ tenantId, messages }) => [tenantId, messages.total]),
      [
        [1, 15],
        [2, 1],
      ],
    )
    const [first, second] = all.accounts
    t.match(first, {
      ...busy,
      channel: 'whatsapp',
      status: 'connected',
      provider: 'scripted',
      waiting: 3,
      scheduled: 1,
      sending: 1,
      retrying: 1,
      completed: 4,
      failed: 1,
      canceled: 1,
      unknown: 1,
      sentPerMinute: 3,
    })
    t.ok(Math.abs((first?.oldestSeconds ?? 0) - 90) < 20, String(first?.oldestSeconds))
    t.match(second, { ...calm, waiting: 1, sentPerMinute: 0 })
    t.match(await readMetrics(sql, { accounts: 1 }), {
      accounts: [{ ...busy }],
      accountsLeftOut: 1,
    })
    const own = await asTenant(sql, 2, (tx) => readMetrics(tx, { accounts: 10 }))
    t.match(
      own,
      { messages: { total: 1, byType: { file: 1, text: 0 } }, accounts: [] },
      'of one tenant',
    )
  }
})

t.test('they read no message but those that an index picks', async (t) => {
  const { url } = await testDatabase(t)
  const sql = connect(url, { max: 1 })
  t.teardown(() => sql.end({ timeout: 1 }))
  const account = await addAccount(sql)
  await queue(sql, account, numbered(3_000))
  // Stored long ago: of what was stored this minute each may have been sent by somebody else.
  await sql`update pigeonpost.messages set created_at = now() - interval '1 hour'`
  await sql`update pigeonpost.messages set status = 'failed' where body > 'message 2'`
  for (let folded = 1; folded > 0;) {
    const [row] = await sql<{ folded: number }[]>`select pigeonpost.fold() as folded`
    folded = row?.folded ?? 0
  }
  await sql`vacuum (analyze) pigeonpost.messages, pigeonpost.outbox`
  await sql`select pg_stat_force_next_flush()`
  const reads = async () => {
    const [row] = await sql<{ rows: number }[]>`
      select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::integer as rows from pg_stat_user_tables
      where schemaname like 'pigeonpost%' and relname ~ '^(messages|events|outbox)'`
    return row?.rows ?? 0
  }
  const before = await reads()
  t.match(await readMetrics(sql, { accounts: 10 }), { messages: { total: 3_000 } })
  await sql`select pg_stat_force_next_flush()`
  const after = await reads()
  t.ok(after - before < 50, `${after - before} rows`)
})
