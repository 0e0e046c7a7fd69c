import t from 'tap'
import type { Sql } from '../../db/connect.ts'
import { readLog } from '../../db/events/read-log.ts'
import { testDatabase } from '../support/database.ts'
import { receive } from '../support/messages.ts'
import { violation, without } from '../support/rules.ts'

const core = await testDatabase(t)
const { sql } = core
/** Messages are their own events here. */
const writer = core.connect({ max: 2, settings: { 'pigeonpost.notify': 'off' } })
const one = core.connect({ max: 1, settings: { 'pigeonpost.notify': 'off' } })

const readIds = async (tenant: number | null, on: Sql = sql): Promise<string[]> =>
  (
    await on<{ name: string }[]>`
      select payload ->> 'external_message_id' as name from pigeonpost.read_events(null, null, ${tenant})
      where type = 'message.inbound.created'`
  ).map(({ name }) => name)
const consume = async (tenant: number): Promise<string[]> =>
  (
    await sql<{ name: string }[]>`
      select payload ->> 'external_message_id' as name from pigeonpost.consume_events('c', ${tenant})
      where type = 'message.inbound.created'`
  ).map(({ name }) => name)
const foldAll = async (): Promise<void> => {
  while ((await sql`select pigeonpost.fold() as n`)[0]?.['n']);
}
const total = async (tenant: number) =>
  (
    await sql`select sum(total_messages)::int as n from pigeonpost.conversations where tenant_id = ${tenant}`
  )[0]?.['n']
const relayed = async (tenant: number): Promise<number> => {
  const [row] = await sql<{ cursor: number }[]>`
    select cursor from pigeonpost_private.log_cursors where tenant_id = ${tenant} and name = 'relay'`
  return row?.cursor ?? 0
}
const parkEarly = (on: Sql, tenant: number, id: string) =>
  on`select pigeonpost.apply_update(${tenant}, 'whatsapp', ${id}, '{"kind": "receipt", "status": "read"}')`

let tenant = 0
for (const [title, begin, end] of [
  ['inserted a message', (held: number) => receive(one, { tenant: held, id: 'held' }), 'commit'],
  [
    'parked an update',
    async (held: number) => {
      await parkEarly(one, held, 'early')
      await receive(one, { tenant: held, id: 'held' })
    },
    'commit',
  ],
  [
    'is prepared',
    async (held: number) => {
      await receive(one, { tenant: held, id: 'held' })
      await one.unsafe(`prepare transaction 'held'`)
    },
    `commit prepared 'held'`,
  ],
] as const) {
  t.test(`a transaction that ${title} holds up its tenant's log and no other`, async (t) => {
    const [held, free] = [++tenant, ++tenant]
    for (const id of [held, free]) {
      await receive(writer, { tenant: id, id: 'first' })
      await consume(id)
    }
    await foldAll()
    await one`begin`
    await begin(held)
    await receive(writer, { tenant: held, id: 'after' })
    const last = await receive(writer, { tenant: free, id: 'free' })
    t.same(await readIds(free), ['first', 'free'])
    t.same(await consume(free), ['free'])
    await foldAll()
    t.equal(await total(free), 2)
    await readLog(sql, null, { notifyUpTo: null, saveCursors: true })
    t.ok((await relayed(free)) >= Number(last?.number))

    t.same(await readIds(held), ['first'])
    t.same(await consume(held), [])
    t.equal(await total(held), 1)
    t.ok((await relayed(held)) < Number(last?.number))
    await without(
      sql,
      'pigeonpost_private.settle_log',
      [/where w.tenant_id = p_tenant_id\s+or p_tenant_id = 0 and [^;]*;/, ';'],
      async () => {
        await receive(writer, { tenant: free, id: 'waits' })
        t.same(await consume(free), [], 'else it would wait with it')
      },
    )
    await one.unsafe(end)
    t.same(await readIds(held), ['first', 'held', 'after'])
    t.same(await consume(held), ['held', 'after'])
    t.same(await consume(held), [], 'once')
    await foldAll()
    t.equal(await total(held), 3)
    t.same(await consume(free), ['waits'])
  })
}

t.test('all tenants together wait for those who write, and for nobody else', async (t) => {
  const stranger = core.connect({ max: 1 })
  await stranger`select pg_advisory_lock(pigeonpost_private.notify_lock_class(), 0), pg_advisory_lock(7, 7)`
  const stored = await receive(writer, { tenant: 20, id: 'm' })
  const settled = async () =>
    Number((await sql`select pigeonpost.settle_events() as id`)[0]?.['id'])
  t.ok((await settled()) >= Number(stored?.number), 'not for the relay, nor for a lock of others')
  await stranger`select pg_advisory_unlock_all()`

  const found = async (id: number) => {
    await one`begin`
    await receive(one, { tenant: id, id: 'founder' })
    const after = await receive(writer, { tenant: 20, id: `after ${id}` })
    return Number(after?.number)
  }
  const after = await found(21)
  t.ok((await settled()) < after, 'for one that founds a tenant, which nobody sees yet')
  const batch = await readLog(sql, null, { notifyUpTo: null })
  t.ok(Number(batch?.cursor) < after, 'nor does the relay take all for read')
  await one`commit`
  t.same(
    (await readIds(null)).filter((name) => name === 'founder'),
    ['founder'],
  )
  t.ok((await settled()) >= after)
  await without(
    sql,
    'pigeonpost_private.tg_tenants__open_log',
    ['perform pigeonpost_private.take_write_lock(0);', ''],
    async () => {
      const later = await found(22)
      t.ok((await settled()) >= later, 'else its first events would be passed')
      await one`rollback`
    },
  )
})

t.test('who sees one tenant is held up by no other, when it asks for all', async (t) => {
  await receive(writer, { tenant: 31, id: 'a' })
  await receive(writer, { tenant: 32, id: 'b' })
  const reader = await core.login(['pigeonpost_reader'], [32])
  await one`begin`
  await receive(one, { tenant: 31, id: 'held' })
  await receive(writer, { tenant: 32, id: 'c' })
  t.same(await readIds(null, reader), ['b', 'c'])
  await one`rollback`
})

t.test('a tenant whose conversations others hold keeps no other from being folded', async (t) => {
  await receive(writer, { tenant: 41, id: 'a' })
  await receive(writer, { tenant: 42, id: 'b' })
  await one`begin`
  await one`update pigeonpost.conversations set group_name = 'x' where tenant_id = 41`
  await sql`select pigeonpost.fold()`
  t.same([await total(41), await total(42)], [0, 1])
  t.match(
    await violation(foldAll()),
    { code: '55P03' },
    'and is waited for when nothing else is left',
  )
  await one`commit`
  await foldAll()
  t.equal(await total(41), 1)
})

t.test('a tenant that was deleted and comes again goes on', async (t) => {
  await sql`insert into pigeonpost.tenants (tenant_id) values (51)`
  await sql`delete from pigeonpost.tenants where tenant_id = 51`
  await receive(writer, { tenant: 51, id: 'again' })
  t.same(await readIds(51), ['again'])
})

for (const when of ['not at all', 'before', 'between', 'after'] as const) {
  t.test(`a deleted message leaves its events at their places; folded ${when}`, async (t) => {
    const id = 60 + ['not at all', 'before', 'between', 'after'].indexOf(when)
    await receive(writer, { tenant: id, id: 'first' })
    const events = (after: number) => sql`
      select id, type, payload ->> 'status' as status from pigeonpost.read_events(${after}, null, ${id}) where id > ${after}`
    await foldAll()
    const message = await receive(writer, { tenant: id, id: 'gone' })
    const number = message?.number ?? 0
    if (when === 'before') await foldAll()
    await writer`update pigeonpost.messages set status = 'read' where tenant_id = ${id} and number = ${number}`
    if (when === 'between') await foldAll()
    const before = await events(number - 1)
    t.match(before, [
      { id: number, type: 'message.inbound.created' },
      { type: 'message.status', status: 'read' },
    ])
    const middle = Number(before[1]?.['id'])
    await writer`delete from pigeonpost.messages where tenant_id = ${id} and number = ${number}`
    if (when !== 'not at all') await foldAll()
    const after = await events(number - 1)
    t.same(after.slice(0, 2), before)
    t.match(after.slice(2), [{ type: 'message.removed' }])
    t.same(await events(number), after.slice(1), 'for who has read its beginning')
    t.same(await events(middle), after.slice(2))
    const counts = () => sql`
      select status, messages from pigeonpost_private.read_counts(${id}) order by 1`
    t.same(await counts(), [{ status: 'delivered', messages: 1 }])
    await foldAll()
    t.same(await counts(), [{ status: 'delivered', messages: 1 }])
    t.same(
      await sql`select unread_count, total_messages from pigeonpost.conversations where tenant_id = ${id}`,
      [{ unread_count: 1, total_messages: 1 }],
    )
  })
}

t.test('without that they would be gone', async (t) => {
  await receive(writer, { tenant: 70, id: 'first' })
  await without(
    sql,
    'pigeonpost_private.tg_messages__leave_events',
    [/insert into pigeonpost\.events [\s\S]*?log_floor\(\);/, ''],
    async () => {
      await receive(writer, { tenant: 70, id: 'gone' })
      await writer`delete from pigeonpost.messages where tenant_id = 70 and external_message_id = 'gone'`
    },
  )
  t.same(
    await sql`select type from pigeonpost.read_events(null, null, 70) where type like 'message.%'`,
    [{ type: 'message.inbound.created' }, { type: 'message.removed' }],
  )
})
