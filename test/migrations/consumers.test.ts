import t from 'tap'
import type { Sql } from '../../db/connect.ts'
import { testDatabase } from '../support/database.ts'
import { receive } from '../support/messages.ts'
import { seeded } from '../support/random.ts'
import { violation } from '../support/rules.ts'
import { someoneWaits, waitFor } from '../support/wait.ts'

const core = await testDatabase(t)
const { sql } = core

const idsOf = async (tenant: number): Promise<number[]> =>
  (
    await sql<
      { id: number }[]
    >`select id from pigeonpost.event_log where tenant_id = ${tenant} order by id`
  ).map((row) => row.id)
const consume = async (
  on: Sql,
  name: string,
  tenant: number,
  limit: number | null = 500,
): Promise<number[]> =>
  (
    await on<
      { id: number }[]
    >`select id from pigeonpost.consume_events(${name}, ${tenant}, ${limit})`
  ).map((row) => row.id)

t.test('each event once, though calls race and some roll back', async (t) => {
  await sql`create table done (consumer text, id bigint)`
  await receive(sql, { tenant: 1, id: 'first' })
  let writing = true
  const writers = core.connect({ max: 2 })
  const work = async (worker: number): Promise<void> => {
    const own = core.connect({ max: 1 })
    const random = seeded(worker)
    for (let last = false; ;) {
      await own`begin`
      const ids = await consume(own, worker % 2 ? 'odd' : 'even', 1, 7)
      if (ids.length > 0)
        await own`insert into done select ${worker % 2 ? 'odd' : 'even'}, unnest(${ids}::bigint[])`
      const back = random() < 0.2
      await own.unsafe(back ? 'rollback' : 'commit')
      if (last && ids.length === 0) return
      last = !writing
    }
  }
  const workers = Promise.all([0, 1, 2, 3, 4, 5].map(work))
  await Promise.all(
    [0, 1].map(async (lane) => {
      for (let index = 0; index < 100; index++)
        await receive(writers, { tenant: 1, id: `${lane}-${index}` })
    }),
  )
  writing = false
  await workers
  const stored = await idsOf(1)
  for (const name of ['odd', 'even']) {
    const done = await sql<
      { id: number }[]
    >`select id from done where consumer = ${name} order by id`
    t.same(
      done.map((row) => row.id),
      stored,
      name,
    )
  }
})

t.test('two calls of one name wait for each other; another name does not', async (t) => {
  await receive(sql, { tenant: 2, id: 'm' })
  await sql`select * from pigeonpost.consume_events('late', 2)`
  await receive(sql, { tenant: 2, id: 'n' })
  const [one, two] = [core.connect({ max: 1 }), core.connect({ max: 1 })]
  await one`begin`
  const first = await consume(one, 'late', 2)
  t.equal(first.length, 1)
  const second = consume(two, 'late', 2)
  await waitFor(async () => someoneWaits(sql), { what: 'the second call to wait' })
  t.same(await consume(sql, 'other', 2), await idsOf(2))
  await one`rollback`
  t.same(await second, first, 'what was rolled back comes again, and before what follows')
  t.same(await consume(one, 'late', 2), [])
})

t.test('a batch is at most its limit, and the next one goes on', async (t) => {
  for (let index = 0; index < 4; index++) await receive(sql, { tenant: 3, id: `m${index}` })
  const stored = await idsOf(3)
  t.same(await consume(sql, 'c', 3, 3), stored.slice(0, 3))
  t.same(await consume(sql, 'c', 3, 3), stored.slice(3, 6))
  t.same(await consume(sql, 'c', 3, null), stored.slice(6))
})

t.test('a consumer belongs to its tenant, and a reader may be one', async (t) => {
  await receive(sql, { tenant: 4, id: 'm' })
  await receive(sql, { tenant: 5, id: 'm' })
  const reader = await core.login(['pigeonpost_reader'], [4])
  t.same(await consume(reader, 'c', 4), await idsOf(4))
  t.same(await violation(consume(reader, 'c', 5)), {
    code: 'PPT01',
    constraint: 'tenant_is_granted',
    column: 'tenant_id',
  })
  t.same(await consume(sql, 'c', 5), await idsOf(5), 'the same name is another consumer there')
  t.same(await reader`select tenant_id, name from pigeonpost.event_consumers`, [
    { tenant_id: 4, name: 'c' },
  ])
})

t.test('the cursor of a quiet tenant moves on, so that it holds no partition back', async (t) => {
  await sql`insert into pigeonpost.tenants (tenant_id) values (6)`
  t.same(await consume(sql, 'quiet', 6), [])
  await receive(sql, { tenant: 7, id: 'm' })
  t.same(await consume(sql, 'quiet', 6), [])
  const [row] =
    await sql`select c.cursor = (select last_value from pigeonpost.log_id_seq) as moved from pigeonpost.event_consumers c where name = 'quiet'`
  t.same(row, { moved: true })
  await receive(sql, { tenant: 6, id: 'm' })
  t.same(await consume(sql, 'quiet', 6), await idsOf(6))
})

t.test('a sign of life is written once a minute at most', async (t) => {
  await sql`update pigeonpost.event_consumers set updated_at = now() - interval '30 s' where name = 'quiet'`
  await consume(sql, 'quiet', 6)
  t.same(
    await sql`select updated_at < now() - interval '20 s' as old from pigeonpost.event_consumers where name = 'quiet'`,
    [{ old: true }],
  )
  await sql`update pigeonpost.event_consumers set updated_at = now() - interval '2 minutes' where name = 'quiet'`
  await consume(sql, 'quiet', 6)
  t.same(
    await sql`select updated_at < now() - interval '20 s' as old from pigeonpost.event_consumers where name = 'quiet'`,
    [{ old: false }],
  )
})

t.test('a cursor below the floor gets an error that says how to go on', async (t) => {
  await receive(sql, { tenant: 8, id: 'a' })
  t.equal((await consume(sql, 'c', 8, 1)).length, 1)
  const [{ floor } = { floor: 0 }] = await sql<{ floor: number }[]>`
    update pigeonpost_private.log_floor set floor_id = (select last_value - 1 from pigeonpost.log_id_seq) returning floor_id as floor`
  const reader = await core.login(['pigeonpost_reader'], [8])
  const hints: string[] = []
  for (const work of [
    () => reader`select * from pigeonpost.consume_events('c', 8)`,
    () => reader`select * from pigeonpost.read_events(${floor - 1})`,
    () => reader`select * from pigeonpost.read_events(0, 10, 8)`,
  ]) {
    t.match(await violation(work()), { code: 'PPS01', constraint: 'cursor_above_floor' })
    await work().catch((error: { hint: string }) => hints.push(error.hint))
  }
  const last = (await idsOf(8)).at(-1)
  t.same(
    (await reader`select id from pigeonpost.read_events(${floor})`).map((row) => row['id']),
    [last],
  )
  t.same(
    (await reader`select id from pigeonpost.read_events() where id > ${floor}`).map(
      (row) => row['id'],
    ),
    [last],
    'null: the oldest there is',
  )
  t.same(await consume(reader, 'new', 8), [last], 'a new name begins at the floor')
  const statement = /To go on: (.*;)/.exec(hints[0] ?? '')?.[1] ?? ''
  await reader.unsafe(statement)
  t.same(await consume(reader, 'c', 8), [last], 'after what the hint says')
  t.match(hints[1], `Read on from ${floor}`)
})
