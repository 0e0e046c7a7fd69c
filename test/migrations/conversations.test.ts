import type postgres from 'postgres'
import t from 'tap'
import { waitFor } from '../support/wait.ts'
import type { Db, Sql } from '../../db/connect.ts'
import { testDatabase } from '../support/database.ts'
import { countRows, deliver, newId, newPhone, newTenant, store } from '../support/messages.ts'
import { isRefused, refusal, type Refused, refuses, rule } from '../support/rules.ts'

const { sql } = await testDatabase(t)

t.test('a direct conversation has two sides: a third is refused, and both stay', async (t) => {
  const tenant = newTenant()
  const { conversation_id: id, customer_id } = await store(sql, {
    tenant_id: tenant,
    address: newPhone(),
  })
  const third = await customer(sql, tenant)
  await rule(
    t,
    sql,
    'a third is refused',
    'drop trigger "100_normalise" on pigeonpost.conversation_participants',
    (tx) => isRefused(tx, (tx) => join(tx, tenant, id, third), 'direct_is_full'),
  )
  const removals: Record<string, (tx: Db) => Promise<unknown>> = {
    deleted: (tx) =>
      tx`delete from pigeonpost.conversation_participants where tenant_id = ${tenant} and customer_id = ${customer_id}`,
    'our own deleted': (tx) =>
      tx`delete from pigeonpost.conversation_participants where tenant_id = ${tenant} and account_id is not null`,
    left: (tx) =>
      tx`update pigeonpost.conversation_participants set left_at = now() where tenant_id = ${tenant} and customer_id = ${customer_id}`,
  }
  for (const [how, removal] of Object.entries(removals)) {
    await rule(
      t,
      sql,
      how,
      'drop trigger "200_keep_direct" on pigeonpost.conversation_participants',
      (tx) => isRefused(tx, removal, 'direct_keeps_both'),
    )
  }
  await sql`update pigeonpost.conversation_participants set role = 'owner', metadata = '{"a": 1}' where tenant_id = ${tenant}`
  await sql`delete from pigeonpost.conversations where tenant_id = ${tenant}`
  t.equal(
    await countRows(sql, 'conversation_participants', tenant),
    0,
    'they go with their conversation',
  )
})

t.test('a customer and an account have one direct conversation', async (t) => {
  const tenant = newTenant()
  const { account_id, customer_id } = await store(sql, { tenant_id: tenant, address: newPhone() })
  await rule(
    t,
    sql,
    'a second is refused',
    'drop index pigeonpost.conversations_one_direct',
    (tx) =>
      isRefused(
        tx,
        (tx) =>
          tx`insert into pigeonpost.conversations (tenant_id, account_id, customer_id) values (${tenant}, ${account_id}, ${customer_id})`,
      ),
  )
})

t.test('a direct conversation that is opened by hand is found by the next message', async (t) => {
  const tenant = newTenant()
  const address = newPhone()
  const id = await customer(sql, tenant, address)
  const [conversation] =
    await sql`insert into pigeonpost.conversations (tenant_id, customer_id) values (${tenant}, ${id}) returning *`
  t.match(conversation, { type: 'direct', status: 'open', channel: 'whatsapp', address })
  t.equal(await countRows(sql, 'conversation_participants', tenant), 2)
  t.equal(await countRows(sql, 'threads', tenant), 0, 'the first message opens its thread')
  const message = await store(sql, { tenant_id: tenant, address })
  t.equal(message.conversation_id, conversation?.['id'])
  t.equal(message.thread_id, conversation?.['thread_id'])
})

t.test(
  'a conversation with a customer who was merged is with whom they were merged into',
  async (t) => {
    const tenant = newTenant()
    const [winner, loser] = [await customer(sql, tenant), await customer(sql, tenant)]
    await sql`select pigeonpost.merge_customers(${tenant}, ${winner}, ${loser})`
    const [conversation] =
      await sql`insert into pigeonpost.conversations (tenant_id, customer_id) values (${tenant}, ${loser}) returning customer_id`
    t.equal(conversation?.['customer_id'], winner)
  },
)

t.test(
  'a multi conversation has two or more, looked at when the transaction commits',
  async (t) => {
    const tenant = newTenant()
    const people = await customers(sql, tenant, 4)
    const [a = '', b = '', c = '', d = ''] = people
    const without = `
    drop trigger "650_check_multi" on pigeonpost.conversations;
    drop trigger "650_check_multi" on pigeonpost.conversation_participants`
    for (const some of [[], [a]]) {
      await rule(t, sql, `${some.length} is too few`, without, (tx) =>
        isRefused(tx, async (tx) => build(tx, tenant, some), 'multi_has_two_participants'),
      )
    }
    await refuses(
      t,
      sql.begin(async (tx) => void (await build(tx as Db, tenant, [a]))),
      { code: 'PPC01', constraint: 'multi_has_two_participants', hint: /at least two/ },
      'refused by the commit itself',
    )
    const id = await sql.begin(async (tx) => build(tx as Db, tenant, [a, b]))
    await rule(t, sql, 'nor does it fall below', without, (tx) =>
      isRefused(tx, (tx) => leave(tx, tenant, id, a), 'multi_has_two_participants'),
    )
    await sql.begin(async (tx) => {
      await leave(tx as Db, tenant, id, a)
      await leave(tx as Db, tenant, id, b)
      await join(tx as Db, tenant, id, c)
      await join(tx as Db, tenant, id, d)
    })
    await sql.begin(async (tx) => {
      await tx`delete from pigeonpost.conversation_participants where tenant_id = ${tenant} and conversation_id = ${id}`
      await join(tx as Db, tenant, id, a)
      const [account] =
        await tx`select account_id from pigeonpost.conversations where tenant_id = ${tenant} and id = ${id}`
      await tx`insert into pigeonpost.conversation_participants (tenant_id, conversation_id, account_id) values (${tenant}, ${id}, ${account?.['account_id']})`
    })
    t.equal(await present(tenant, id), 2, 'an account of ours counts')
    await sql`delete from pigeonpost.conversations where tenant_id = ${tenant} and id = ${id}`
    t.equal(await countRows(sql, 'conversation_participants', tenant), 0, 'it may go as a whole')
  },
)

t.test(
  'two of a multi conversation who turn out to be one leave one, and the merge goes through',
  async (t) => {
    const tenant = newTenant()
    const address = newPhone()
    await store(sql, { tenant_id: tenant, address })
    await store(sql, { tenant_id: tenant, address: '77@lid' })
    const people = await sql<
      { id: string }[]
    >`select id from pigeonpost.customers where tenant_id = ${tenant}`
    const id = await sql.begin(async (tx) =>
      build(
        tx as Db,
        tenant,
        people.map((row) => row.id),
      ),
    )
    await store(sql, { tenant_id: tenant, address, alternate_address: '77@lid' })
    t.equal(await present(tenant, id), 1)
  },
)

/**
 * A conversation of three; two leave at once, each in a transaction that sees the other still there.
 *
 * @param options.overlap the second check runs while the first transaction has checked and not committed
 */
async function leaveAtOnce(
  pool: Sql,
  options: { isolation?: string; overlap?: boolean } = {},
): Promise<{ refused: string[]; left: number }> {
  const tenant = newTenant()
  const [a = '', b = '', c = ''] = await customers(pool, tenant, 3)
  const id = await pool.begin(async (tx) => build(tx as Db, tenant, [a, b, c]))
  const [one, two] = await Promise.all([pool.reserve(), pool.reserve()])
  const refused: string[] = []
  const note = (end: Refused | null): void => {
    if (end) refused.push(end.constraint ?? end.code)
  }
  try {
    const [own] = await two<{ pid: number }[]>`select pg_backend_pid() as pid`
    for (const [connection, who] of [
      [one, a],
      [two, b],
    ] as const) {
      await connection.unsafe(`begin isolation level ${options.isolation ?? 'read committed'}`)
      await leave(connection, tenant, id, who)
    }
    if (options.overlap) {
      await one`set constraints all immediate`
      let done = false
      const check = (async () => {
        note(await refusal(two`set constraints all immediate`))
        done = true
      })()
      await waitFor(async () => done || (await isWaiting(pool, own?.pid ?? 0)), {
        what: 'the second check',
        every: 2,
      })
      await one`commit`
      await check
      note(await refusal(two`commit`))
    } else {
      for (const end of await Promise.all([refusal(one`commit`), refusal(two`commit`)])) note(end)
    }
  } finally {
    one.release()
    two.release()
  }
  return { refused, left: await present(tenant, id, pool) }
}

t.test('of two who leave a conversation of three at once, one stays', async (t) => {
  const right = { refused: ['multi_has_two_participants'], left: 2 }
  const results: object[] = []
  const worker = async (): Promise<void> => {
    for (let i = 0; i < 37; i += 1) results.push(await leaveAtOnce(sql))
  }
  await Promise.all(Array.from({ length: 4 }, worker))
  t.equal(results.length, 148)
  t.strictSame(
    [...new Set(results.map((result) => JSON.stringify(result)))],
    [JSON.stringify(right)],
  )
  t.strictSame(await leaveAtOnce(sql, { overlap: true }), right)
  for (const isolation of ['repeatable read', 'serializable']) {
    const result = await leaveAtOnce(sql, { isolation, overlap: true })
    t.strictSame(result, { refused: ['40001'], left: 2 }, isolation)
  }

  t.test('not so without the lock, nor, in a snapshot, with nothing but the lock', async (t) => {
    const { sql: clone } = await testDatabase(t)
    const check = 'pigeonpost_private.tg__check_multi()'
    const wrong = { refused: [], left: 1 }
    await replaceIn(clone, check, "= 'read committed'", 'is not null')
    t.strictSame(await leaveAtOnce(clone, { isolation: 'repeatable read', overlap: true }), wrong)
    await replaceIn(clone, check, ' for no key update', '')
    t.strictSame(await leaveAtOnce(clone, { overlap: true }), wrong)
  })
})

t.test(
  'the first message of a group makes it, with a name, and its sender a participant',
  async (t) => {
    const tenant = newTenant()
    const [ann, bob] = [newPhone(), newPhone()]
    const say = (address: string, row: object = {}): ReturnType<typeof store> =>
      store(sql, { tenant_id: tenant, address, conversation_external_id: '1@g.us', ...row })
    const first = await say(ann, { metadata: { group_name: 'Friends', sender_name: 'Ann' } })
    const [group] = await sql`select * from pigeonpost.conversations where tenant_id = ${tenant}`
    t.match(group, {
      type: 'group',
      group_name: 'Friends',
      external_id: '1@g.us',
      customer_id: null,
      status: 'open',
    })
    t.match(first, { customer_id: null, address: ann, conversation_id: group?.['id'] })
    t.ok(first.sender_customer_id)
    await say(bob, { metadata: { group_name: 'Renamed' } })
    await say(bob)
    t.strictSame(
      (
        await sql`
      select c.external_id as who, p.role from pigeonpost.conversation_participants p
      join pigeonpost.customers c on c.tenant_id = p.tenant_id and c.id = p.customer_id where p.tenant_id = ${tenant} order by p.joined_at`
      ).map((row) => ({ ...row })),
      [
        { who: ann, role: 'member' },
        { who: bob, role: 'member' },
      ],
    )
    const answer = await store(sql, {
      tenant_id: tenant,
      direction: 'outbound',
      conversation_external_id: '1@g.us',
    })
    t.match(answer, {
      conversation_id: group?.['id'],
      address: '1@g.us',
      customer_id: null,
      sender_customer_id: null,
    })
    const unnamed = await store(sql, {
      tenant_id: tenant,
      address: ann,
      conversation_external_id: '2@g.us',
    })
    const [second] =
      await sql`select group_name from pigeonpost.conversations where tenant_id = ${tenant} and id = ${unnamed.conversation_id}`
    t.equal(second?.['group_name'], '2@g.us', 'its id where nobody told a name')
    t.equal(await countRows(sql, 'threads', tenant), 2)
  },
)

t.test('a group message may name its sender in any way', async (t) => {
  const tenant = newTenant()
  const address = newPhone()
  const { customer_id } = await store(sql, { tenant_id: tenant, lead_id: 5001, address })
  for (const who of [
    { address },
    { lead_id: 5001 },
    { customer_id },
    { sender_customer_id: customer_id },
  ]) {
    const message = await store(sql, {
      tenant_id: tenant,
      conversation_external_id: '1@g.us',
      ...who,
    })
    t.match(
      message,
      { customer_id: null, sender_customer_id: customer_id },
      Object.keys(who).join(),
    )
  }
  const silent = await store(sql, { tenant_id: tenant, conversation_external_id: '1@g.us' })
  t.equal(silent.sender_customer_id, null, 'or not at all')
})

t.test(
  'who left comes back with a new message, not with a second copy of an old one',
  async (t) => {
    const tenant = newTenant()
    const row = {
      tenant_id: tenant,
      address: newPhone(),
      conversation_external_id: '1@g.us',
      external_message_id: newId(),
    }
    const { conversation_id: id, sender_customer_id: who } = await store(sql, row)
    await leave(sql, tenant, id, who ?? '')
    t.equal(await present(tenant, id), 0)
    t.equal(await deliver(sql, row), undefined)
    t.equal(await present(tenant, id), 0)
    await store(sql, { ...row, external_message_id: newId() })
    t.equal(await present(tenant, id), 1)
    t.equal(await countRows(sql, 'conversation_participants', tenant), 1, 'as the same row')
    const events = await sql`
    select type, customer_id, payload ->> 'role' as role from pigeonpost.event_log
    where tenant_id = ${tenant} and type like 'conversation.participant.%' order by id`
    t.strictSame(
      events.map(({ type, customer_id, role }) => [type, customer_id, role] as unknown[]),
      ['added', 'removed', 'added']
        .map((what) => [`conversation.participant.${what}`, who, 'member'])
        .slice(-events.length),
    )
  },
)

t.test('closing archives the thread; pending stays pending', async (t) => {
  const tenant = newTenant()
  const address = newPhone()
  const set = (status: string): Promise<unknown> =>
    sql`update pigeonpost.conversations set status = ${status} where tenant_id = ${tenant}`
  const first = await store(sql, { tenant_id: tenant, address })
  await set('pending')
  for (const direction of ['inbound', 'outbound', 'system']) {
    const message = await store(sql, { tenant_id: tenant, address, direction })
    t.equal(message.thread_id, first.thread_id)
    t.equal(await status(tenant), 'pending', direction)
  }
  await set('closed')
  await set('closed')
  const [thread] =
    await sql`select status, archived_at from pigeonpost.threads where tenant_id = ${tenant}`
  t.equal(thread?.['status'], 'archived')
  t.type(thread?.['archived_at'], Date)
  await set('open')
  await set('closed')
  t.equal(await countRows(sql, 'threads', tenant), 1, 'a sitting without a message is none')
  await store(sql, { tenant_id: tenant, address })
  t.equal(await status(tenant), 'open')
  const events = await sql`
    select type, thread_id from pigeonpost.event_log
    where tenant_id = ${tenant} and type ~ '^(conversation|thread)[.]' order by id`
  t.strictSame(
    events.map(({ type }) => type as string),
    [
      'conversation.opened',
      'thread.opened',
      'thread.archived',
      'conversation.closed',
      'conversation.opened',
      'conversation.closed',
      'thread.opened',
      'conversation.opened',
    ],
  )
  t.equal(events[3]?.['thread_id'], first.thread_id, 'it tells which sitting ended')
})

t.test('closing in a snapshot older than the thread fails and may be tried again', async (t) => {
  const closeOld = async (pool: Sql, tenant: number): Promise<string | null> => {
    const address = newPhone()
    const id = await customer(pool, tenant, address)
    await pool`insert into pigeonpost.conversations (tenant_id, customer_id) values (${tenant}, ${id})`
    const refused = await refusal(
      pool.begin('isolation level repeatable read', async (tx) => {
        await tx`select count(*) from pigeonpost.threads`
        await store(pool, { tenant_id: tenant, address })
        await tx`update pigeonpost.conversations set status = 'closed' where tenant_id = ${tenant}`
      }),
    )
    if (!refused) return 'closed'
    await pool`update pigeonpost.conversations set status = 'closed' where tenant_id = ${tenant}`
    await store(pool, { tenant_id: tenant, address })
    return refused.code
  }
  const tenant = newTenant()
  t.equal(await closeOld(sql, tenant), '40001')
  t.equal(await countRows(sql, 'threads', tenant), 2)

  t.test('or its thread would stay active', async (t) => {
    const { sql: clone } = await testDatabase(t)
    await replaceIn(
      clone,
      'pigeonpost_private.tg_conversations__archive_thread()',
      'not found and',
      'false and',
    )
    const tenant = newTenant()
    t.equal(await closeOld(clone, tenant), 'closed')
    const [thread] = await clone`select status from pigeonpost.threads where tenant_id = ${tenant}`
    t.equal(thread?.['status'], 'active')
    await store(clone, { tenant_id: tenant, lead_id: 1 })
  })
  await sql.begin('isolation level serializable', async (tx) => {
    await tx`update pigeonpost.conversations set status = 'closed' where tenant_id = ${tenant}`
  })
  const empty = newTenant()
  await sql`insert into pigeonpost.conversations (tenant_id, customer_id) values (${empty}, ${await customer(sql, empty)})`
  await sql.begin('isolation level repeatable read', async (tx) => {
    await tx`update pigeonpost.conversations set status = 'closed' where tenant_id = ${empty}`
  })
  t.equal(await countRows(sql, 'threads', empty), 0, 'where there is no thread, none is left')
})

t.test('4,000 participants come and go in a transaction each', async (t) => {
  const tenant = newTenant()
  const people = await customers(sql, tenant, 4000)
  const id = await sql.begin(async (tx) => build(tx as Db, tenant, people.slice(0, 2)))
  /** How many members it reads, the checks at its end included. */
  const reads = async (
    work: (tx: postgres.TransactionSql<{ bigint: number }>) => Promise<unknown>,
  ): Promise<number> =>
    sql.begin(async (tx) => {
      await work(tx)
      await tx`set constraints all immediate`
      const [row] = await tx<{ read: number }[]>`
        select (seq_tup_read + idx_tup_fetch)::float8 as read from pg_stat_xact_all_tables
        where relid = 'pigeonpost.conversation_participants'::regclass`
      return row?.read ?? 0
    })
  const add = async (some: string[]) =>
    reads(
      (
        tx,
      ) => tx`insert into pigeonpost.conversation_participants (tenant_id, conversation_id, customer_id)
        select ${tenant}, ${id}, unnest(${some}::uuid[])`,
    )
  const remove = async (some: string[]) =>
    reads(
      (tx) => tx`update pigeonpost.conversation_participants set left_at = now()
        where tenant_id = ${tenant} and conversation_id = ${id} and customer_id = any (${some}::uuid[])`,
    )
  const [few, many] = [people.slice(2, 402), people.slice(402)]
  const added = { few: await add(few), many: await add(many) }
  t.equal(await present(tenant, id), 4000)
  const removed = { few: await remove(few), many: await remove(many) }
  t.equal(await present(tenant, id), 2)
  // A check of all members per member would read 14 million; one per transaction reads none, or each a few times.
  for (const [what, { few, many }] of Object.entries({ added, removed })) {
    t.ok(many <= 20 * Math.max(few, 4000), `${what}: ${few}, then ${many} are read`)
  }
})

async function customer(runner: Db, tenant: number, address?: string): Promise<string> {
  const [row] = await runner<{ id: string }[]>`
    insert into pigeonpost.customers (tenant_id, external_type, external_id)
    values (${tenant}, ${address ? 'whatsapp' : null}, ${address ?? null}) returning id`
  return row?.id ?? ''
}

async function customers(runner: Db, tenant: number, count: number): Promise<string[]> {
  const rows = await runner<{ id: string }[]>`
    insert into pigeonpost.customers (tenant_id) select ${tenant}::integer from generate_series(1, ${count}) returning id`
  return rows.map(({ id }) => id)
}

async function build(runner: Db, tenant: number, people: string[]): Promise<string> {
  const [row] = await runner<{ id: string }[]>`
    insert into pigeonpost.conversations (tenant_id, type) values (${tenant}, 'multi') returning id`
  const id = row?.id ?? ''
  for (const person of people) await join(runner, tenant, id, person)
  return id
}

async function join(runner: Db, tenant: number, id: string, person: string): Promise<unknown> {
  return runner`
    insert into pigeonpost.conversation_participants (tenant_id, conversation_id, customer_id) values (${tenant}, ${id}, ${person})`
}

async function leave(runner: Db, tenant: number, id: string, person: string): Promise<unknown> {
  return runner`
    update pigeonpost.conversation_participants set left_at = now()
    where tenant_id = ${tenant} and conversation_id = ${id} and customer_id = ${person}`
}

async function present(tenant: number, id: string, runner: Db = sql): Promise<number> {
  const [row] = await runner<{ count: number }[]>`
    select count(*) from pigeonpost.conversation_participants
    where tenant_id = ${tenant} and conversation_id = ${id} and left_at is null`
  return row?.count ?? 0
}

/** Whether a backend waits for a lock. */
async function isWaiting(runner: Db, pid: number): Promise<boolean> {
  const rows =
    await runner`select from pg_stat_activity where pid = ${pid} and wait_event_type = 'Lock'`
  return rows.length > 0
}

async function status(tenant: number): Promise<unknown> {
  return (await sql`select status from pigeonpost.conversations where tenant_id = ${tenant}`)[0]?.[
    'status'
  ]
}

/** Changes a function's text: the rule that stands there is gone. */
async function replaceIn(runner: Db, name: string, what: string, by: string): Promise<void> {
  const [row] = await runner<
    { text: string }[]
  >`select pg_get_functiondef(${name}::regprocedure) as text`
  const text = row?.text ?? ''
  if (!text.includes(what)) throw new Error(`${name} holds no "${what}"`)
  await runner.unsafe(text.replaceAll(what, by))
}
