import t from 'tap'
import { connect, type Sql, type Transaction } from '../../db/connect.ts'
import { startTestCluster } from '../support/cluster.ts'
import { testDatabase } from '../support/database.ts'
import { receive } from '../support/messages.ts'
import { violation, without } from '../support/rules.ts'
import { applyCommitted } from '../support/schema.ts'
import { postgresVersion } from '../support/version.ts'
import { waitFor } from '../support/wait.ts'

/** Hears the bell, and knows when it has heard all that was rung before now. */
async function listenTo(
  sql: Sql,
): Promise<{ heard: Record<string, unknown>[]; all: () => Promise<void> }> {
  const heard: Record<string, unknown>[] = []
  const marks = new Set<string>()
  await sql.listen('pigeonpost_events', (payload) => {
    if (payload.startsWith('mark ')) marks.add(payload)
    else heard.push(JSON.parse(payload) as Record<string, unknown>)
  })
  let count = 0
  return {
    heard,
    // Bells arrive in the order of commits.
    async all() {
      const mark = `mark ${count++}`
      await sql`select pg_notify('pigeonpost_events', ${mark})`
      await waitFor(() => marks.has(mark), { what: 'the mark' })
    },
  }
}

t.test('the bell', async (t) => {
  const core = await testDatabase(t)
  const { sql } = core
  const { heard, all } = await listenTo(core.connect({ max: 2 }))

  await t.test('rings without a relay, and says which event, and nothing else', async (t) => {
    await receive(sql, { tenant: 1, id: 'm', body: 'secret' })
    await all()
    const events =
      await sql`select event_id, id, type, tenant_id from pigeonpost.event_log order by id`
    t.equal(events.length, 4)
    t.same(heard, events)
    t.same(Object.keys(heard[0] ?? {}), ['event_id', 'id', 'type', 'tenant_id'])
  })

  await t.test('rings for a status, an edit and a whole batch', async (t) => {
    heard.length = 0
    await sql`select pigeonpost.apply_update(1, 'whatsapp', 'm', '{"kind": "receipt", "status": "read"}')`
    await sql`select pigeonpost.apply_update(1, 'whatsapp', 'm', '{"kind": "edit", "body": "new"}')`
    await sql`select * from pigeonpost.ingest(${sql.json(
      [1, 2, 3].map((n) => ({
        tenant_id: 1,
        direction: 'inbound',
        address: '+27831234567',
        external_message_id: `b${n}`,
        body: 'x',
      })),
    )})`
    await all()
    t.same(
      heard.map(({ type }) => type),
      [
        'message.status',
        'message.edited',
        'message.inbound.created',
        'message.inbound.created',
        'message.inbound.created',
      ],
    )
    t.same(
      heard.map(({ id }) => id),
      (await sql`select id from pigeonpost.event_log order by id offset 4`).map((row) => row['id']),
    )
  })

  await t.test('does not ring for what is rolled back', async (t) => {
    heard.length = 0
    await sql
      .begin(async (tx) => {
        await receive(tx as Transaction, { tenant: 1, id: 'never' })
        throw new Error('back')
      })
      .catch(() => {})
    await all()
    t.same(heard, [])
  })

  await t.test('is silent while a relay holds the key, and when told off', async (t) => {
    heard.length = 0
    const relay = core.connect({ max: 1 })
    await relay`select pg_advisory_lock(pigeonpost_private.notify_lock_class(), 0)`
    await receive(sql, { tenant: 1, id: 'm2' })
    await all()
    t.same(heard, [])
    await relay`select pg_advisory_unlock(pigeonpost_private.notify_lock_class(), 0)`
    await receive(sql, { tenant: 1, id: 'm3' })
    await all()
    t.match(heard, [{ type: 'message.inbound.created', tenant_id: 1 }])
    heard.length = 0
    const off = core.connect({ max: 1, settings: { 'pigeonpost.notify': 'off' } })
    await receive(off, { tenant: 1, id: 'm4' })
    await all()
    t.same(heard, [])
    t.same(
      await off`select count(*) from pg_locks where locktype = 'advisory' and classid::bigint::bit(32)::integer = pigeonpost_private.notify_lock_class() and pid = pg_backend_pid()`,
      [{ count: 0 }],
    )
  })

  await t.test('rings for a body of 1 MB as for any', async (t) => {
    heard.length = 0
    const stored = await receive(sql, { tenant: 1, id: 'big', body: 'x'.repeat(1_048_576) })
    await all()
    t.match(heard, [{ type: 'message.inbound.created' }])
    const [row] =
      await sql`select length(payload ->> 'body') as length from pigeonpost.read_events() where payload ->> 'message_id' = ${stored?.id ?? ''}`
    t.same(row, { length: 1_048_576 })
  })
})

const filling = {
  skip:
    postgresVersion < 17 && 'the queue holds 8 GB before PostgreSQL 17: too much to fill in a test',
}
t.test(
  'a NOTIFY queue past half full silences the bell, and no insert fails',
  filling,
  async (t) => {
    const cluster = await startTestCluster({ max_notify_queue_pages: '64' })
    t.teardown(async () => cluster.stop())
    const sql = connect(cluster.url, { max: 2 })
    const sleeper = connect(cluster.url, { max: 1 })
    t.teardown(async () => {
      await sleeper.end({ timeout: 1 })
      await sql.end({ timeout: 1 })
    })
    const usage = async () =>
      Number((await sql`select pg_notification_queue_usage() as usage`)[0]?.['usage'])
    await applyCommitted(sql)
    await receive(sql, { tenant: 1, id: 'first' })

    await sleeper`listen something`
    await sleeper`begin`
    await sleeper`select 1`
    for (let n = 0; (await usage()) < 0.5; n++)
      await sql`select pg_notify('filler', ${`${n} `.padEnd(7900, 'x')})`
    const half = await usage()
    for (let n = 0; n < 50; n++) await receive(sql, { tenant: 1, id: `quiet ${n}` })
    t.equal(await usage(), half, 'nothing was rung')

    // To the brim: whoever rings now fails.
    const fill = async (): Promise<void> => {
      for (let length = 7900; length > 10;) {
        const { code } = await violation(
          sql`select pg_notify('filler', ${`${Math.random()} `.padEnd(length, 'x')})`,
        )
        if (code !== 'none') length = Math.floor(length / 2)
      }
    }
    await fill()
    t.ok(await receive(sql, { tenant: 1, id: 'full' }), 'an insert into a full queue')
    await without(
      sql,
      'pigeonpost_private.may_notify',
      ['pg_catalog.pg_notification_queue_usage() < 0.5', 'true'],
      async () => {
        const codes = new Set<string>()
        for (let n = 0; n < 200; n++)
          codes.add((await violation(receive(sql, { tenant: 1, id: `loud ${n}` }))).code)
        t.ok(
          codes.has('54000') || codes.has('53400') || codes.size > 1,
          `without the look at the queue inserts fail: ${[...codes].join()}`,
        )
      },
    )
    await sleeper`rollback`
    await waitFor(async () => (await usage()) < 0.5, { what: 'the queue to drain' })
    t.ok(await receive(sql, { tenant: 1, id: 'last' }))
  },
)
