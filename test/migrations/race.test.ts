import type postgres from 'postgres'
import t from 'tap'
import {
  coreDatabase,
  countRows,
  deliver,
  newId,
  newPhone,
  newTenant,
  refusal,
  type Row,
  type Runner,
  type Sql,
  store,
} from '../support/core.ts'
import { waitFor } from '../support/wait.ts'

const db = await coreDatabase(t)
const { sql } = db

/** Eight connections that are open before anyone starts. */
async function eight<T>(
  pool: Sql,
  work: (connection: Runner, n: number) => Promise<T>,
): Promise<T[]> {
  const connections = await Promise.all(Array.from({ length: 8 }, () => pool.reserve()))
  try {
    return await Promise.all(
      connections.map((connection, n) => work(connection as unknown as Runner, n)),
    )
  } finally {
    for (const connection of connections) connection.release()
  }
}

type Session = postgres.ReservedSql<{ bigint: number }> & { waits(): Promise<boolean> }

/** Sessions whose statements are told to run one by one, and that are seen to wait for one another. */
async function sessions<T>(
  pool: Sql,
  count: number,
  work: (...sessions: Session[]) => Promise<T>,
): Promise<T> {
  const reserved = await Promise.all(Array.from({ length: count }, () => pool.reserve()))
  try {
    const ready = reserved.map(async (connection) => {
      const [own] = await connection<{ pid: number }[]>`select pg_backend_pid() as pid`
      return Object.assign(connection, {
        // Nobody whom it waits for is at work: each was told nothing more, or waits as well.
        waits: async () => {
          const [row] = await pool<{ waits: boolean }[]>`
            select cardinality(b.pids) > 0 and not exists (
              select from pg_stat_activity a where a.pid = any (b.pids) and a.state = 'active'
                and a.wait_event_type is distinct from 'Lock') as waits
            from (select pg_blocking_pids(${own?.pid ?? 0}) as pids) b`
          return row?.waits ?? false
        },
      })
    })
    return await work(...(await Promise.all(ready)))
  } finally {
    for (const connection of reserved) {
      await connection`rollback`
      connection.release()
    }
  }
}

/** Starts a statement, and returns when it waits for a lock that nobody lets go by himself, or has ended. */
async function start<T>(
  session: Session,
  work: Promise<T>,
): Promise<{ waited: boolean; end: Promise<T> }> {
  let ended = false
  const end = work.finally(() => (ended = true))
  end.catch(() => {})
  const waited = await waitFor(async () => (ended ? 'ended' : (await session.waits()) && 'waits'), {
    what: 'the statement',
    every: 2,
  })
  return { waited: waited === 'waits', end }
}

function shuffled<T>(list: T[]): T[] {
  return list
    .map((value) => ({ value, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ value }) => value)
}

async function counts(tenant: number): Promise<Row> {
  const [row] = await sql`
    select
      (select count(*) from pigeonpost.accounts where tenant_id = ${tenant}) as accounts,
      (select count(*) from pigeonpost.customers where tenant_id = ${tenant}) as customers,
      (select count(*) from pigeonpost.conversations where tenant_id = ${tenant}) as conversations,
      (select count(*) from pigeonpost.conversation_participants where tenant_id = ${tenant}) as participants,
      (select count(*) from pigeonpost.threads where tenant_id = ${tenant} and status = 'active') as active,
      (select count(*) from pigeonpost.threads where tenant_id = ${tenant}) as threads,
      (select count(*) from pigeonpost.messages where tenant_id = ${tenant}) as messages,
      (select count(*) from pigeonpost.event_log where tenant_id = ${tenant}) as events`
  return { ...row }
}
const ofFifty = {
  accounts: 1,
  customers: 50,
  conversations: 50,
  participants: 100,
  active: 50,
  threads: 50,
  messages: 400,
  events: 50 * 3 + 400,
}

t.test(
  '8 writers and 50 new customers leave 50 customers, 50 conversations and 50 active threads',
  async (t) => {
    const phones = Array.from({ length: 50 }, newPhone)
    for (let round = 0; round < 3; round += 1) {
      const tenant_id = newTenant()
      await eight(sql, async (connection) => {
        for (const address of shuffled(phones)) await store(connection, { tenant_id, address })
      })
      t.strictSame(await counts(tenant_id), ofFifty)
    }

    t.test('through the views as well', async (t) => {
      const tenant_id = newTenant()
      await eight(sql, async (connection) => {
        for (const lead_id of shuffled(Array.from({ length: 50 }, (_, n) => n + 1))) {
          await connection`insert into et_messages ${connection({ tenant_id, lead_id, channel: 'whatsapp', message_id: newId(), timestamp: 1, direction: 'inbound', raw_json: {} } as never)}`
        }
      })
      t.strictSame(await counts(tenant_id), ofFifty)
    })

    t.test('and by every way to name them at once', async (t) => {
      const tenant_id = newTenant()
      // Known by lead and address, and each writer gives the one, the other or both.
      for (const [n, address] of phones.entries())
        await sql`select pigeonpost_private.learn_address(${tenant_id}, 'whatsapp', ${address}, pigeonpost_private.find_or_open_lead(${tenant_id}, ${n + 1}))`
      await eight(sql, async (connection, n) => {
        for (const [lead, address] of shuffled([...phones.entries()])) {
          const who: Row =
            [
              { address },
              { lead_id: lead + 1 },
              { lead_id: lead + 1, address },
              { address: address.slice(1) },
            ][n % 4] ?? {}
          await store(connection, { tenant_id, ...who })
        }
      })
      t.strictSame(await counts(tenant_id), ofFifty)
    })
  },
)

t.test('a message that comes 8 times at once is stored once, with one event', async (t) => {
  const tenant_id = newTenant()
  const address = newPhone()
  const ids = Array.from({ length: 150 }, newId)
  // All at the same one, and, for new chats as for known ones, nobody waits for anybody but at the key.
  const stored = await eight(sql, async (connection, n) => {
    let own = 0
    for (const [i, external_message_id] of ids.entries()) {
      const spelled = (n + i) % 2 ? address : address.slice(1)
      if (await deliver(connection, { tenant_id, address: spelled, external_message_id })) own += 1
    }
    return own
  })
  t.equal(
    stored.reduce((sum, own) => sum + own, 0),
    150,
  )
  t.strictSame(await counts(tenant_id), {
    accounts: 1,
    customers: 1,
    conversations: 1,
    participants: 2,
    active: 1,
    threads: 1,
    messages: 150,
    events: 153,
  })
})

t.test('archiving and closing race with inserts, and no thread is a phantom', async (t) => {
  const tenant_id = newTenant()
  const phones = Array.from({ length: 10 }, newPhone)
  for (const address of phones) await store(sql, { tenant_id, address })
  let left = 3_000
  const outcomes = new Set<string | undefined>()
  const pick = (): string => phones[Math.floor(Math.random() * phones.length)] ?? ''
  await eight(sql, async (connection, n) => {
    while (left > 0) {
      left -= 1
      const address = pick()
      if (n < 6) {
        await store(connection, {
          tenant_id,
          address: n % 2 ? address : address.slice(1),
          direction: n % 3 ? 'inbound' : 'system',
        })
      } else if (n === 6) {
        await connection`
          update pigeonpost.threads t set status = 'archived' from pigeonpost.conversations c
          where c.tenant_id = ${tenant_id} and c.address = ${address} and t.tenant_id = c.tenant_id and t.conversation_id = c.id and t.status = 'active'`
      } else {
        const refused = await refusal(connection`
          update pigeonpost.conversations set status = 'closed' where tenant_id = ${tenant_id} and address = ${address}`)
        outcomes.add(refused?.constraint ?? refused?.code)
      }
    }
  })
  outcomes.delete('conversations_close_alone')
  t.strictSame([...outcomes], [undefined], 'nobody but who closes has to try again')
  const [wrong] = await sql`
    select
      (select count(*) from pigeonpost.threads t where t.tenant_id = ${tenant_id} and not exists (
        select from pigeonpost.messages m where m.tenant_id = t.tenant_id and m.thread_id = t.id)) as phantoms,
      (select count(*) from pigeonpost.threads t join pigeonpost.conversations c on c.tenant_id = t.tenant_id and c.id = t.conversation_id
        where t.tenant_id = ${tenant_id} and t.status = 'active' and t.id <> c.thread_id) as astray,
      (select count(*) from pigeonpost.threads t join pigeonpost.conversations c on c.tenant_id = t.tenant_id and c.id = t.conversation_id
        where t.tenant_id = ${tenant_id} and t.status = 'active' and c.status = 'closed') as closed,
      (select count(*) from (select from pigeonpost.threads where tenant_id = ${tenant_id} and status = 'active'
        group by conversation_id having count(*) > 1) two) as twins,
      (select count(*) from pigeonpost.messages m join pigeonpost.threads t on t.tenant_id = m.tenant_id and t.id = m.thread_id
        where m.tenant_id = ${tenant_id} and t.conversation_id <> m.conversation_id) as strangers,
      (select count(*) from pigeonpost.event_log where tenant_id = ${tenant_id} and type = 'thread.opened')
        - (select count(*) from pigeonpost.threads where tenant_id = ${tenant_id}) as unannounced`
  t.same(wrong, { phantoms: 0, astray: 0, closed: 0, twins: 0, strangers: 0, unannounced: 0 })
  t.ok((await countRows(sql, 'threads', tenant_id)) > 50)
  for (const address of phones) await store(sql, { tenant_id, address })
  const { active } = await counts(tenant_id)
  t.equal(active, 10, 'each goes on')
})

/**
 * A conversation is closed between the moment that an insert has read which thread is the current one and the moment
 * that it makes it: the insert is held there by an idempotency key that is taken and not committed.
 */
async function closeBetween(pool: Sql, row: Row): Promise<{ waited: boolean; astray: number }> {
  const tenant_id = newTenant()
  const address = newPhone()
  const [customer] =
    await pool`insert into pigeonpost.customers (tenant_id, external_type, external_id) values (${tenant_id}, 'whatsapp', ${address}) returning id`
  await pool`insert into pigeonpost.conversations (tenant_id, customer_id) values (${tenant_id}, ${customer?.['id']})`
  const waited = await sessions(pool, 3, async (holder, writer, closer) => {
    await holder`begin`
    await store(holder as never, {
      tenant_id,
      address: newPhone(),
      direction: 'outbound',
      idempotency_key: 'k',
    })
    const insert = await start(
      writer,
      store(writer as never, { tenant_id, address, idempotency_key: 'k', ...row }),
    )
    const close = await start(
      closer,
      closer`update pigeonpost.conversations set status = 'closed' where tenant_id = ${tenant_id} and address = ${address}`.execute(),
    )
    await holder`rollback`
    await Promise.all([insert.end, close.end])
    return close.waited
  })
  return { waited, astray: await astray(pool, tenant_id) }
}

/** Active threads that their conversation does not point at. */
async function astray(pool: Sql, tenant: number): Promise<number> {
  const rows = await pool`
    select from pigeonpost.threads t join pigeonpost.conversations c on c.tenant_id = t.tenant_id and c.id = t.conversation_id
    where t.tenant_id = ${tenant} and t.status = 'active' and t.id <> c.thread_id`
  return rows.length
}

t.test('closing waits for an insert that has read the current thread', async (t) => {
  const paths: Record<string, Row> = {
    'the usual path': {},
    'the longer one': { direction: 'outbound' },
  }
  for (const [path, row] of Object.entries(paths))
    t.strictSame(await closeBetween(sql, row), { waited: true, astray: 0 }, path)
  t.test('or the thread that it makes would stay active', async (t) => {
    const clone = await coreDatabase(t)
    for (const name of ['tg_messages__resolve', 'find_or_open_direct', 'find_conversation']) {
      const [row] = await clone.sql<
        { text: string }[]
      >`select pg_get_functiondef(oid) as text from pg_proc where proname = ${name}`
      await clone.sql.unsafe((row?.text ?? '').replaceAll('for key share', ''))
    }
    for (const [path, row] of Object.entries(paths))
      t.strictSame(await closeBetween(clone.sql, row), { waited: false, astray: 1 }, path)
  })
})

t.test(
  'an archiving waits for who has read the current thread before it touches its row',
  async (t) => {
    // Else an insert that finds the thread being made by another, and then changed by the archiving, waits for the latter.
    const tenant_id = newTenant()
    const address = newPhone()
    const first = await store(sql, { tenant_id, address })
    await sessions(sql, 3, async (writer, archiver, other) => {
      await writer`begin`
      await store(writer as never, { tenant_id, address })
      const archive = await start(
        archiver,
        archiver`update pigeonpost.threads set status = 'archived' where tenant_id = ${tenant_id} and id = ${first.thread_id}`.execute(),
      )
      t.ok(archive.waited)
      // A key that is being changed is waited for; one that is only locked answers at once.
      const insert = await start(
        other,
        other`
      insert into pigeonpost.threads (tenant_id, id, conversation_id, channel) values (${tenant_id}, ${first.thread_id}, ${first.conversation_id}, 'whatsapp')
      on conflict do nothing`.execute(),
      )
      t.notOk(insert.waited)
      await writer`commit`
      await archive.end
    })
    t.match(await counts(tenant_id), { active: 0, threads: 1 })
  },
)

t.test(
  'who closes a conversation whose thread is being archived has to try again, at once',
  async (t) => {
    for (const end of ['commit', 'rollback'] as const) {
      const tenant_id = newTenant()
      const address = newPhone()
      const first = await store(sql, { tenant_id, address })
      const close = (runner: Runner): Promise<unknown> =>
        runner`update pigeonpost.conversations set status = 'closed' where tenant_id = ${tenant_id}`.execute()
      await sessions(sql, 3, async (writer, archiver, closer) => {
        // A message under way keeps the archiving from rotating the pointer, so that closing comes between.
        await writer`begin`
        await store(writer as never, { tenant_id, address })
        await archiver`begin`
        const archive = await start(
          archiver,
          archiver`update pigeonpost.threads set status = 'archived' where tenant_id = ${tenant_id} and id = ${first.thread_id}`.execute(),
        )
        t.ok(archive.waited)
        const closing = await start(closer, refusal(close(closer as never)))
        t.ok(closing.waited)
        await writer`commit`
        t.match(await closing.end, {
          code: '40001',
          constraint: 'conversations_close_alone',
          column: 'status',
          hint: /again/,
        })
        await archive.end
        await archiver.unsafe(end)
      })
      await close(sql)
      const next = await store(sql, { tenant_id, address })
      t.not(next.thread_id, first.thread_id)
      t.match(await counts(tenant_id), { active: 1, threads: 2 }, end)
      t.equal(await astray(sql, tenant_id), 0)
    }
  },
)

/** Batches of 50 rows over 200 conversations that exist, by 8 writers, while the counters are folded. Returns how many deadlocked. */
async function batches(pool: Sql, rounds: number): Promise<{ deadlocks: number; stored: number }> {
  const tenant_id = newTenant()
  const phones = Array.from({ length: 200 }, newPhone)
  await pool`insert into pigeonpost.messages ${pool(phones.map((address) => ({ tenant_id, address, direction: 'inbound', external_message_id: newId() })))}`
  let deadlocks = 0
  await eight(pool, async (connection, n) => {
    for (let round = 0; round < rounds; round += 1) {
      const rows = shuffled(phones)
        .slice(0, 50)
        .map((address) => ({
          tenant_id,
          address,
          direction: n % 4 ? 'inbound' : 'outbound',
          external_message_id: newId(),
        }))
      const refused = await refusal(
        connection`insert into pigeonpost.messages ${connection(rows as never)}`,
      )
      if (refused?.code === '40P01') deadlocks += 1
      else if (refused) throw new Error(refused.message)
      if (n === 0) await connection`select pigeonpost.fold()`
    }
  })
  return { deadlocks, stored: (await countRows(pool, 'messages', tenant_id)) - 200 }
}

t.test('batches over the same conversations do not deadlock', async (t) => {
  t.strictSame(await batches(sql, 8), { deadlocks: 0, stored: 8 * 8 * 50 })
  t.test('as they would if an insert updated a row that another insert updates', async (t) => {
    const clone = await coreDatabase(t)
    await clone.sql.unsafe(`
      create function pigeonpost.count_message() returns trigger language plpgsql as $$ begin
        update pigeonpost.conversations set total_messages = total_messages + 1 where tenant_id = new.tenant_id and id = new.conversation_id;
        return null;
      end $$;
      create trigger "750_count" after insert on pigeonpost.messages for each row execute function pigeonpost.count_message()`)
    const quick = clone.connect({ max: 8, settings: { deadlock_timeout: '20ms' } })
    // Until two of them meet.
    const seen = await waitFor(async () => (await batches(quick, 1)).deadlocks, {
      what: 'a deadlock',
    })
    t.ok(seen > 0, `${seen} of 8`)
  })
})

t.test('two who are first at once meet at a key, whichever of them goes on', async (t) => {
  const lid = '5@lid'
  const firsts: Record<string, { row: Row; expected: Row }> = {
    'a new lead': { row: { lead_id: 7 }, expected: { customers: 1, conversations: 1, threads: 1 } },
    'a new address': {
      row: { address: newPhone() },
      expected: { customers: 1, conversations: 1, threads: 1 },
    },
    'a lead with an address': {
      row: { lead_id: 7, address: newPhone() },
      expected: { customers: 1, conversations: 1, threads: 1 },
    },
    'two addresses of one': {
      row: { address: newPhone(), alternate_address: lid },
      expected: { customers: 1, conversations: 1, threads: 1 },
    },
    'a group': {
      row: { address: newPhone(), conversation_external_id: '1@g.us' },
      expected: { customers: 1, conversations: 1, threads: 1, participants: 1 },
    },
    'a group without senders': {
      row: { conversation_external_id: '1@g.us' },
      expected: { customers: 0, conversations: 1, threads: 1, participants: 0 },
    },
    'the same message': {
      row: { address: newPhone(), external_message_id: 'same' },
      expected: { customers: 1, conversations: 1, threads: 1, messages: 1 },
    },
  }
  for (const [what, { row, expected }] of Object.entries(firsts)) {
    for (const end of ['commit', 'rollback'] as const) {
      const tenant_id = newTenant()
      const waited = await sessions(sql, 2, async (one, two) => {
        await one`begin`
        await deliver(one as never, { tenant_id, ...row })
        const second = await start(two, deliver(two as never, { tenant_id, ...row }))
        await one.unsafe(end)
        await second.end
        return second.waited
      })
      t.ok(waited, `${what}: the second waits`)
      const found = await counts(tenant_id)
      const messages = end === 'rollback' || expected['messages'] === 1 ? 1 : 2
      t.match(found, { ...expected, accounts: 1, active: 1, messages }, `${what}, ${end}`)
    }
  }
})

t.test('a participant who comes twice at once is one', async (t) => {
  const tenant_id = newTenant()
  await store(sql, { tenant_id, conversation_external_id: '1@g.us' })
  const address = newPhone()
  await store(sql, { tenant_id, address })
  await eight(sql, async (connection) => {
    for (let i = 0; i < 5; i += 1)
      await store(connection, { tenant_id, address, conversation_external_id: '1@g.us' })
  })
  const events =
    await sql`select from pigeonpost.event_log where tenant_id = ${tenant_id} and type = 'conversation.participant.added'`
  t.equal(events.length, 1)
  const [group] = await sql`
    select count(*) as count from pigeonpost.conversation_participants p join pigeonpost.conversations c on c.tenant_id = p.tenant_id and c.id = p.conversation_id
    where p.tenant_id = ${tenant_id} and c.type = 'group'`
  t.equal(group?.['count'], 1)
})

t.test('conversations that are built and emptied by 8 at once keep two', async (t) => {
  const tenant = newTenant()
  const people = (
    await sql<{ id: string }[]>`
    insert into pigeonpost.customers (tenant_id) select ${tenant}::integer from generate_series(1, 6) returning id`
  ).map(({ id }) => id)
  const built: string[] = []
  const tally: Record<string, number> = {}
  await eight(sql, async (connection, n) => {
    for (let i = 0; i < 60; i += 1) {
      const at = built[Math.floor(Math.random() * built.length)]
      const person = people[Math.floor(Math.random() * people.length)] ?? ''
      const refused = await refusal(
        (async () => {
          if (i % 6 === 0 || !at) {
            const [made] = await connection<{ id: string }[]>`
              with c as (insert into pigeonpost.conversations (tenant_id, type) values (${tenant}, 'multi') returning id)
              insert into pigeonpost.conversation_participants (tenant_id, conversation_id, customer_id)
              select ${tenant}, c.id, p from c, unnest(${people.slice(0, 2 + (n % 3))}::uuid[]) p returning conversation_id as id`
            built.push(made?.id ?? '')
          } else if (i % 3 === 0) {
            await connection`insert into pigeonpost.conversation_participants (tenant_id, conversation_id, customer_id) values (${tenant}, ${at}, ${person})
              on conflict (tenant_id, conversation_id, customer_id) do update set left_at = null`
          } else if (i % 3 === 1) {
            await connection`update pigeonpost.conversation_participants set left_at = now() where tenant_id = ${tenant} and conversation_id = ${at} and customer_id = ${person}`
          } else
            await connection`delete from pigeonpost.conversation_participants where tenant_id = ${tenant} and conversation_id = ${at} and customer_id = ${person}`
        })(),
      )
      const outcome = refused ? (refused.constraint ?? refused.code) : 'done'
      tally[outcome] = (tally[outcome] ?? 0) + 1
    }
  })
  t.match(tally, { done: Number, multi_has_two_participants: Number })
  t.strictSame(
    Object.keys(tally).toSorted(),
    ['done', 'multi_has_two_participants'],
    JSON.stringify(tally),
  )
  const [least] = await sql`
    select min(n) as least from (
      select (select count(*) from pigeonpost.conversation_participants p where p.tenant_id = c.tenant_id and p.conversation_id = c.id and p.left_at is null) as n
      from pigeonpost.conversations c where c.tenant_id = ${tenant}) x`
  t.equal(least?.['least'], 2)
})
