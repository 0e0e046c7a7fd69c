import t from 'tap'
import type { Sql } from '../../db/connect.ts'
import { testDatabase } from '../support/database.ts'
import { receive } from '../support/messages.ts'
import { seeded } from '../support/random.ts'
import { violation } from '../support/rules.ts'
import { waitFor } from '../support/wait.ts'

const core = await testDatabase(t)
const { sql } = core

async function foldAll(on: Sql = sql, limit = 5000): Promise<number> {
  for (let all = 0; ;) {
    const [row] = await on<{ n: number }[]>`select pigeonpost.fold(${limit}) as n`
    if (!row?.n) return all
    all += row.n
  }
}

/** Whose folded counters are not those that its messages give. */
const wrong = async (tenant: number) => sql`
  select 'conversation' as what, c.id, to_jsonb(x) as exact, c.total_messages, c.unread_count, c.last_message_at
  from pigeonpost.conversations c cross join lateral pigeonpost.conversation_counters(c.tenant_id, c.id) x
  where c.tenant_id = ${tenant} and (c.total_messages, c.unread_count, c.last_message_at) is distinct from (x.total_messages, x.unread_count, x.last_message_at)
  union all
  select 'customer', c.id, to_jsonb(x), c.total_messages, c.unread_count, c.last_message_at
  from pigeonpost.customers c cross join lateral pigeonpost.customer_counters(c.tenant_id, c.id) x
  where c.tenant_id = ${tenant} and (c.total_messages, c.unread_count, c.last_message_at) is distinct from (x.total_messages, x.unread_count, x.last_message_at)`

t.test('after any history the folded counters are the exact ones', async (t) => {
  for (const tenant of [1, 2, 3, 4]) {
    const random = seeded(tenant)
    const pick = (n: number): number => Math.floor(random() * n)
    const address = (): string => `+2783111000${pick(6)}`
    const id = (): string => `m${pick(80)}`
    const own = core.connect({ max: 1 })
    const time = (): string => new Date(Date.UTC(2025, 0, 1) + pick(1e9)).toISOString()
    const someone = async (): Promise<string> =>
      (
        await own<
          { id: string }[]
        >`select id from pigeonpost.customers where tenant_id = ${tenant} and merged_into is null order by lead_id`
      )[pick(3)]?.id ?? ''
    await receive(own, { tenant, id: 'first' })
    const steps: (() => Promise<unknown>)[] = [
      () => receive(own, { tenant, id: id(), address: address() }),
      () => receive(own, { tenant, id: id(), address: address(), more: { sent_at: time() } }),
      () => receive(own, { tenant, id: id(), address: address(), more: { status: 'read' } }),
      () =>
        receive(own, {
          tenant,
          id: id(),
          address: address(),
          more: { conversation_external_id: `${pick(2)}@g.us` },
        }),
      () => own`insert into pigeonpost.messages (tenant_id, channel, direction, address, body) values
        (${tenant}, 'whatsapp', ${random() < 0.5 ? 'outbound' : 'system'}, ${address()}, 'x')`,
      () =>
        own`select pigeonpost.apply_update(${tenant}, 'whatsapp', ${id()}, '{"kind": "receipt", "status": "read"}')`,
      () =>
        own`select pigeonpost.apply_update(${tenant}, 'whatsapp', ${id()}, '{"kind": "revoke"}')`,
      () =>
        own`select pigeonpost.apply_update(${tenant}, 'whatsapp', ${id()}, '{"kind": "edit", "body": "y"}')`,
      () =>
        own`update pigeonpost.messages set status = 'read' where tenant_id = ${tenant} and direction = 'inbound' and number % 5 = ${pick(5)}`,
      () =>
        own`update pigeonpost.threads set status = 'archived' where tenant_id = ${tenant} and number % 4 = ${pick(4)}`,
      () =>
        own`update pigeonpost.conversations set status = 'closed' where tenant_id = ${tenant} and number % 5 = ${pick(5)} and merged_into is null`,
      () => own`select pigeonpost.fold(${1 + pick(20)})`,
      () =>
        own`select * from pigeonpost.ingest(${own.json(
          Array.from({ length: 4 }, () => ({
            tenant_id: tenant,
            direction: 'inbound',
            address: address(),
            external_message_id: id(),
            ...(random() < 0.3 && { status: 'read' }),
          })),
        )})`,
      // What is rolled back counts for nothing.
      () =>
        own
          .begin(async (tx) => {
            await receive(tx, { tenant, id: id(), address: address() })
            throw new Error('back')
          })
          .catch((error: Error) => error.message === 'back' || Promise.reject(error)),
    ]
    for (let step = 0; step < 150; step++) {
      await steps[pick(steps.length)]?.()
      if (step % 25 === 24)
        await own`select pigeonpost.merge_customers(${tenant}, ${await someone()}, ${await someone()})`
      if (step % 40 === 39) {
        await own`delete from pigeonpost.messages where tenant_id = ${tenant} and number = (
          select max(number) from pigeonpost.messages where tenant_id = ${tenant})`
      }
    }
    await foldAll()
    t.same(await wrong(tenant), [])
    const [sum] =
      await sql`select sum(total_messages)::int as total, sum(unread_count)::int as unread from pigeonpost.conversations where tenant_id = ${tenant}`
    const [real] =
      await sql`select count(*)::int as total, (count(*) filter (where direction = 'inbound' and status = 'delivered'))::int as unread
      from pigeonpost.messages where tenant_id = ${tenant}`
    t.same(sum, real)
  }
})

t.test('folds at once, among writers, fold each event once', async (t) => {
  await foldAll()
  const progress = { writing: true }
  const folders = Array.from({ length: 4 }, async () => {
    const own = core.connect({ max: 1 })
    let folded = 0
    while (progress.writing) folded += await foldAll(own, 30)
    return folded
  })
  const writers = core.connect({ max: 4 })
  await Promise.all(
    Array.from({ length: 4 }, async (_, writer) => {
      const random = seeded(writer)
      for (let index = 0; index < 80; index++) {
        // Batches over the same few conversations, in no order: inserts update no row that they share.
        await writers
          .begin(async (tx) => {
            for (let n = 0; n < 3; n++) {
              await receive(tx, {
                tenant: 5,
                id: `${writer}-${index}-${n}`,
                address: `+2783222000${Math.floor(random() * 5)}`,
              })
            }
          })
          .catch((error: { code?: string }) => {
            // New customers met in two orders: what the README tells bridges to try again.
            if (error.code !== '40P01') throw error
          })
      }
    }),
  )
  progress.writing = false
  const folded =
    (await Promise.all(folders)).reduce((sum, count) => sum + count, 0) + (await foldAll())
  t.equal(
    folded,
    (await sql`select count(*)::int as n from pigeonpost.event_log where tenant_id = 5`)[0]?.['n'],
  )
  t.same(await wrong(5), [])
})

t.test('what is not settled is not folded', async (t) => {
  await receive(sql, { tenant: 6, id: 'first' })
  await foldAll()
  const one = core.connect({ max: 1 })
  await one`begin`
  await receive(one, { tenant: 6, id: 'early' })
  await receive(sql, { tenant: 6, id: 'late' })
  const total = async () =>
    (await sql`select total_messages from pigeonpost.conversations where tenant_id = 6`)[0]?.[
      'total_messages'
    ]
  t.equal(await foldAll(), 0)
  t.equal(await total(), 1)
  t.same(
    await sql`select c.total_messages from pigeonpost.conversations v cross join lateral pigeonpost.conversation_counters(6, v.id) c where v.tenant_id = 6`,
    [{ total_messages: 2 }],
    'but where one conversation is read it is counted',
  )
  await one`commit`
  t.equal(await foldAll(), 2)
  t.equal(await total(), 3)
})

t.test('a fold holds nothing while it waits for a row', async (t) => {
  const message = await receive(sql, { tenant: 7, id: 'a' })
  const other = await receive(sql, { tenant: 7, id: 'b', address: '+27831110002' })
  const one = core.connect({ max: 1 })
  await one`begin`
  await one`update pigeonpost.conversations set group_metadata = '{"x": 1}' where tenant_id = 7 and id = ${message?.conversation_id ?? ''}`
  const folding = foldAll()
  folding.catch(() => {})
  await waitFor(
    async () =>
      (
        await sql`select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`
      ).length,
    { what: 'the fold to give way' },
  )
  // The other conversation and both customers are free: a merge, which locks in the other order, goes through.
  await one`update pigeonpost.conversations set group_metadata = '{"x": 1}' where tenant_id = 7 and id = ${other?.conversation_id ?? ''}`
  await one`select pigeonpost.merge_customers(7, ${message?.customer_id ?? ''}, ${other?.customer_id ?? ''})`
  await one`commit`
  t.ok((await folding) > 0)
  t.same(await wrong(7), [])
  await receive(sql, { tenant: 7, id: 'c' })
  await one`begin`
  await one`update pigeonpost.conversations set group_metadata = '{}' where tenant_id = 7`
  t.match(await violation(foldAll()), { code: '55P03' }, 'and at last it says so')
  await one`rollback`
  await foldAll()
  t.same(await wrong(7), [])
})

t.test(
  'read marks: what is read is counted off once, whoever marks it and however often',
  async (t) => {
    for (const id of ['a', 'b', 'c']) await receive(sql, { tenant: 8, id })
    const unread = async () => {
      await foldAll()
      return (
        await sql`select c.unread_count, w.unread_count as of_customer, w.total_messages from pigeonpost.conversations c
      join pigeonpost.customers w on w.tenant_id = c.tenant_id and w.id = c.customer_id where c.tenant_id = 8`
      )[0]
    }
    t.same(await unread(), { unread_count: 3, of_customer: 3, total_messages: 3 })
    for (let n = 0; n < 2; n++) {
      await sql`select pigeonpost.apply_update(8, 'whatsapp', 'a', '{"kind": "receipt", "status": "read"}')`
      await sql`update pigeonpost.messages set status = 'read' where tenant_id = 8 and external_message_id in ('a', 'b')`
    }
    t.same(await unread(), { unread_count: 1, of_customer: 1, total_messages: 3 })
    t.same(
      await sql`select x.* from pigeonpost.customers c cross join lateral pigeonpost.customer_counters(8, c.id) x where c.tenant_id = 8`.then(
        ([row]) => row?.['unread_count'],
      ),
      1,
    )
    await sql`update pigeonpost.messages set status = 'delivered' where tenant_id = 8`
    t.same(
      await unread(),
      { unread_count: 1, of_customer: 1, total_messages: 3 },
      'nothing becomes unread again',
    )
  },
)

t.test('a bridge folds for its own tenants, and for no other', async (t) => {
  const { sql: owner, login } = await testDatabase(t)
  for (const tenant of [1, 2]) await receive(owner, { tenant, id: `fold-${tenant}` })
  const bridge = await login(['pigeonpost_bridge'], [1])
  while ((await bridge<{ n: number }[]>`select pigeonpost.fold() as n`)[0]?.n);
  const counted = async () =>
    (
      await owner<{ tenant_id: number; total: number }[]>`
        select tenant_id, sum(total_messages)::integer as total from pigeonpost.conversations
        group by tenant_id order by tenant_id`
    ).map(({ tenant_id, total }) => [tenant_id, total])
  t.same(await counted(), [
    [1, 1],
    [2, 0],
  ])
  while ((await owner<{ n: number }[]>`select pigeonpost.fold() as n`)[0]?.n);
  t.same(await counted(), [
    [1, 1],
    [2, 1],
  ])
})
