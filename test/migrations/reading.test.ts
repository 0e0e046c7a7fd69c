import t from 'tap'
import type { Sql } from '../../db/connect.ts'
import { testDatabase } from '../support/database.ts'
import { receive } from '../support/messages.ts'
import { seeded } from '../support/random.ts'
import { violation, without } from '../support/rules.ts'
import { applyCommitted } from '../support/schema.ts'
import { connect } from '../../db/connect.ts'
import { startTestCluster } from '../support/cluster.ts'
import { waitFor } from '../support/wait.ts'

type Row = { id: number; type: string; payload: { external_message_id?: string } }

const emit = async (sql: Sql, tenant: number, name: string) => sql`
  select pigeonpost_private.append_event(${tenant}, 'test', p_payload => jsonb_build_object('name', ${name}::text))`

/** The names of what a cursor reads from here on; moves the cursor. */
function cursorOf(sql: Sql, tenant: number) {
  let after = 0
  return async (): Promise<string[]> => {
    const rows = await sql<{ id: number; name: string }[]>`
      select id, payload ->> 'name' as name from pigeonpost.read_events(${after}, null, ${tenant})`
    after = rows.at(-1)?.id ?? after
    return rows.map((row) => row.name)
  }
}

t.test('a cursor waits for who drew an id before', async (t) => {
  const core = await testDatabase(t)
  const { sql } = core
  const one = core.connect({ max: 1 })
  const two = core.connect({ max: 1 })
  const next = cursorOf(sql, 1)
  await sql`insert into pigeonpost.tenants (tenant_id) select generate_series(1, 4)`

  await t.test('what commits later is neither lost nor out of order', async (t) => {
    await one`begin`
    await emit(one, 1, 'early id, late commit')
    await emit(sql, 1, 'late id, early commit')
    t.same(await next(), [])
    await one`commit`
    t.same(await next(), ['early id, late commit', 'late id, early commit'])
  })

  await t.test('what is rolled back holds nobody up for longer', async (t) => {
    await one`begin`
    await emit(one, 1, 'never')
    await one`savepoint s`
    await emit(one, 1, 'never either')
    await one`rollback to s`
    await emit(sql, 1, 'after')
    t.same(await next(), [])
    await one`rollback`
    t.same(await next(), ['after'])
  })

  await t.test('what a subtransaction drew belongs to its transaction', async (t) => {
    await one`begin`
    await one`savepoint s`
    await emit(one, 1, 'in a savepoint')
    await one`release s`
    await one`savepoint s`
    await emit(one, 1, 'gone')
    await one`rollback to s`
    await emit(sql, 1, 'after it')
    t.same(await next(), [])
    await one`commit`
    t.same(await next(), ['in a savepoint', 'after it'])
  })

  await t.test('the log moves on though there is a writer at every moment', async (t) => {
    await one`begin`
    await emit(one, 1, '1')
    t.same(await next(), [])
    const seen: string[] = []
    let [open, other] = [one, two]
    for (let turn = 2; turn < 10; turn++) {
      await other`begin`
      await emit(other, 1, String(turn))
      await open`commit`
      ;[open, other] = [other, open]
      seen.push(...(await next()))
      // Each look ends the round before and begins one, so no event is more than two looks behind.
      t.ok(Number(seen.at(-1) ?? 1) >= turn - 2, `at ${turn}, seen ${seen.at(-1)}`)
    }
    await open`commit`
    seen.push(...(await next()))
    t.same(seen, ['1', '2', '3', '4', '5', '6', '7', '8', '9'])
  })

  await t.test('a consumer that works for long keeps nobody from reading on', async (t) => {
    const slow = core.connect({ max: 1 })
    await one`begin`
    await emit(one, 2, '1')
    await slow`begin`
    // It settles, and holds what it has written of that until it commits.
    t.same(await slow`select * from pigeonpost.consume_events('slow', 2)`, [])
    const nextOf2 = cursorOf(sql, 2)
    t.same(await nextOf2(), [])
    await two`begin`
    await emit(two, 2, '2')
    await one`commit`
    t.same(await nextOf2(), ['1'])
    await one`begin`
    await emit(one, 2, '3')
    t.same(await nextOf2(), [])
    await two`commit`
    t.same(await nextOf2(), ['2'])
    await one`commit`
    t.same(await nextOf2(), ['3'])
    await slow`commit`
    t.match(
      await slow`select payload ->> 'name' as name from pigeonpost.consume_events('slow', 2)`,
      { length: 3 },
    )
  })

  await t.test('a transaction that is prepared is waited for', async (t) => {
    const nextOf3 = cursorOf(sql, 3)
    await one`begin`
    await one`set local pigeonpost.notify = off`
    await emit(one, 3, 'p')
    await emit(sql, 3, 'after p')
    t.same(await nextOf3(), [])
    await one.unsafe(`prepare transaction 'p'`)
    t.same([...(await nextOf3()), ...(await nextOf3())], [])
    await sql.unsafe(`commit prepared 'p'`)
    t.same(await nextOf3(), ['p', 'after p'])
    await one`begin`
    await emit(one, 3, 'r')
    t.match(
      await violation(one.unsafe(`prepare transaction 'r'`)),
      { code: '0A000' },
      'a bell that was rung cannot be prepared',
    )
    await one`rollback`
  })

  await t.test('a repeatable read reader sees what was settled when it began', async (t) => {
    await emit(sql, 4, '1')
    await sql`select pigeonpost.settle_events(4)`
    await two`begin isolation level repeatable read`
    const inSnapshot = cursorOf(two, 4)
    t.same(await inSnapshot(), ['1'])
    await one`begin`
    await emit(one, 4, '2')
    await emit(sql, 4, '3')
    await one`commit`
    await sql`select pigeonpost.settle_events(4)`
    t.same(await inSnapshot(), [])
    await two`commit`
    t.same(await inSnapshot(), ['2', '3'])
  })
})

t.test('a transaction that is prepared is waited for across a crash', async (t) => {
  const cluster = await startTestCluster()
  t.teardown(async () => cluster.stop())
  const pools: Sql[] = []
  t.teardown(async () => Promise.all(pools.map(async (pool) => pool.end({ timeout: 1 }))))
  const open = (): Sql => {
    const pool = connect(cluster.url, { max: 1 })
    pools.push(pool)
    return pool
  }
  await applyCommitted(open())
  await open()`insert into pigeonpost.tenants (tenant_id) values (1)`
  const crash = async (): Promise<Sql> => {
    const [victim] = await open()<
      { pid: number }[]
    >`select pid from pg_stat_activity where backend_type = 'walwriter'`
    // Nobody is connected when it happens: postgres.js throws where none of us could catch it.
    await Promise.all(pools.splice(0).map(async (pool) => pool.end({ timeout: 1 })))
    process.kill(victim?.pid ?? 0, 'SIGKILL')
    return waitFor(
      async () => {
        // A pool whose first connection was refused does not try again.
        const after = connect(cluster.url, { max: 1 })
        await after`select 1`
        pools.push(after)
        return after
      },
      { what: 'the server to come back' },
    )
  }
  const lose = async (name: string, after: number): Promise<{ id: number; name: string }[]> => {
    const one = open()
    await one`begin`
    await one`set local pigeonpost.notify = off`
    await emit(one, 1, name)
    const two = open()
    await emit(two, 1, `after ${name}`)
    // Begins a round that waits for it, under the name that it has today.
    const read = async (sql: Sql) => sql<{ id: number; name: string }[]>`
      select id, payload ->> 'name' as name from pigeonpost.read_events(${after}, null, 1)`
    t.same(await read(two), [])
    await one.unsafe(`prepare transaction '${name}'`)
    const later = await crash()
    const rows = [...(await read(later)), ...(await read(later))]
    await later.unsafe(`commit prepared '${name}'`)
    rows.push(
      ...(await later<{ id: number; name: string }[]>`
      select id, payload ->> 'name' as name from pigeonpost.read_events(${rows.at(-1)?.id ?? after}, null, 1)`),
    )
    return rows
  }
  const rows = await lose('p', 0)
  t.same(
    rows.map((row) => row.name),
    ['p', 'after p'],
  )
  // Without the look for such names; nobody puts it back, the cluster goes.
  const [settle] = await open()<
    { def: string }[]
  >`select pg_get_functiondef('pigeonpost_private.settle_log'::regproc) as def`
  const blind = settle?.def.replace(
    /\s+and not exists \(select 1 from unnest\(v_writers\) w where w like '-1\/%'\)/,
    '',
  )
  t.not(blind, settle?.def)
  await open().unsafe(blind ?? '')
  t.ok(
    (await lose('q', rows.at(-1)?.id ?? 0)).every((row) => row.name !== 'q'),
    'and would be lost',
  )
})

t.test('nothing is lost, twice or out of order while 8 writers race', async (t) => {
  const core = await testDatabase(t)
  const { sql } = core

  async function race(
    tenant: number,
    rounds: number,
  ): Promise<{
    read: number[]
    stored: number[]
    others: number[][]
    all: number[][]
    own: Record<string, unknown> | undefined
  }> {
    // The account that all of them write to.
    await receive(sql, { tenant, id: 'first', address: '+27831110000' })
    await receive(sql, { tenant: tenant + 1000, id: 'first', address: '+27831110000' })
    const long = core.connect({ max: 1 })
    await long`begin`
    await receive(long, { tenant, id: 'long', address: '+27831110000' })
    let writing = true
    const read: number[] = []
    const readers = core.connect({ max: 3 })
    /** Another tenant, which the same transactions write to. */
    const other = tenant + 1000
    const readOther: number[] = []
    const readAll: number[] = []
    const follow = async (into: number[], of: number | null) => {
      let after = 0
      for (let last = false; ;) {
        const rows = await readers<
          Row[]
        >`select id, type, payload from pigeonpost.read_events(${after}, 40, ${of})`
        into.push(...rows.map((row) => row.id))
        after = rows.at(-1)?.id ?? after
        if (last && rows.length === 0) return
        last = !writing
      }
    }
    const reading = Promise.all([
      follow(read, tenant),
      follow(readOther, other),
      follow(readAll, null),
    ])
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      // Half of them write messages that are their own events.
      const own = core.connect({
        max: 1,
        settings: writer % 2 ? { 'pigeonpost.notify': 'off' } : {},
      })
      const random = seeded(writer + tenant * 100)
      for (let round = 0; round < rounds; round++) {
        const kind = random()
        await own`begin`
        // From one event to a dozen, in this order: a query that another function awaits is sent a little later.
        for (let index = 0; index < 1 + Math.floor(random() * random() * 12); index++) {
          if (kind < 0.2) await own`savepoint s`
          const id = `${writer}-${round}-${index}`
          const address = `+2783111000${writer}`
          const into = random() < 0.3 ? other : tenant
          const what = random()
          if (what < 0.15) {
            const rows = [0, 1, 2].map((n) => ({
              tenant_id: into,
              direction: 'inbound',
              address,
              external_message_id: `${id}-${n}`,
            }))
            await own`select count(*) from pigeonpost.ingest(${own.json(rows)})`
          } else {
            await receive(own, { tenant: into, id, address })
          }
          if (what > 0.8) {
            await own`
              update pigeonpost.messages set status = 'read'
              where tenant_id = ${into} and external_message_id = ${id}`
          }
          if (kind < 0.1) await own`rollback to s`
        }
        await own.unsafe(kind > 0.85 ? 'rollback' : 'commit')
        if (writer === 0 && round === Math.floor(rounds / 2)) await long`commit`
      }
    })
    await Promise.all(writers)
    writing = false
    await reading
    const stored = await sql<
      { id: number; tenant_id: number }[]
    >`select id, tenant_id from pigeonpost.event_log where tenant_id in (${tenant}, ${other}) order by id`
    const [own] = await sql`
      select count(*) filter (where m.is_own_event) as usual, count(*) filter (where m.status = 'read') as read
      from pigeonpost.messages m where m.tenant_id = ${tenant}`
    const idsOf = (of: number) => stored.filter((row) => row.tenant_id === of).map((row) => row.id)
    const known = new Set(stored.map((row) => row.id))
    return {
      read,
      stored: idsOf(tenant),
      others: [readOther, idsOf(other)],
      all: [readAll.filter((id) => known.has(id)), stored.map((row) => row.id)],
      own,
    }
  }

  const { read, stored, others, all, own } = await race(2, 40)
  t.ok(stored.length > 500, `${stored.length} events`)
  t.same(read, stored)
  t.same(others[0], others[1], 'nor of the other tenant')
  t.same(all[0], all[1], 'nor of all')
  t.ok(Number(own?.['usual']) > 50 && Number(own?.['read']) > 20, JSON.stringify(own))
  await without(
    sql,
    'pigeonpost_private.settle_log',
    [/if v_last <= v_settled then\s+return v_settled;/, 'if true then return v_last;'],
    async () => {
      const gappy = await race(3, 10)
      t.not(gappy.read.length, gappy.stored.length, 'a reader that trusts the sequence loses some')
    },
  )
})

t.test('two consumers and a reader see the same while all settle at once', async (t) => {
  const core = await testDatabase(t)
  const { sql } = core
  const writers = core.connect({ max: 4 })
  let writing = true
  const consume = async (name: string): Promise<number[]> => {
    const own = core.connect({ max: 1 })
    const ids: number[] = []
    for (let last = false; ;) {
      const rows = await own<
        { id: number }[]
      >`select id from pigeonpost.consume_events(${name}, 1, 25)`
      ids.push(...rows.map((row) => row.id))
      if (last && rows.length === 0) return ids
      last = !writing
    }
  }
  const consumers = Promise.all(['a', 'b', 'c'].map(consume))
  await Promise.all(
    Array.from({ length: 4 }, async (_, writer) => {
      for (let index = 0; index < 60; index++)
        await receive(writers, {
          tenant: 1,
          id: `${writer}-${index}`,
          address: `+2783111000${writer}`,
        })
    }),
  )
  writing = false
  const stored = (
    await sql<{ id: number }[]>`select id from pigeonpost.event_log where tenant_id = 1 order by id`
  ).map((row) => row.id)
  for (const ids of await consumers) t.same(ids, stored)
  t.same(
    await waitFor(async () => sql`select cursor from pigeonpost.event_consumers where name = 'a'`, {
      what: 'the cursor',
    }),
    [
      {
        cursor:
          await sql`select cursor as id from pigeonpost_private.log_cursors where tenant_id = 1 and name = 'settled'`.then(
            ([row]) => Number(row?.['id']),
          ),
      },
    ],
  )
})
