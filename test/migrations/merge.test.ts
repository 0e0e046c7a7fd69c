import t from 'tap'
import { asTenant } from '../../db/tenant.ts'
import { testDatabase } from '../support/database.ts'
import { receive } from '../support/messages.ts'
import { violation, without } from '../support/rules.ts'
import { someoneWaits, waitFor } from '../support/wait.ts'

const core = await testDatabase(t)
const { sql } = core
let tenants = 0

type Stored = NonNullable<Awaited<ReturnType<typeof receive>>>

/** A tenant with two customers, each with a direct conversation of one message. */
async function pair(): Promise<{
  tenant: number
  a: string
  b: string
  first: Stored
  second: Stored
}> {
  const tenant = ++tenants
  const first = await receive(sql, { tenant, id: 'a1', address: '+27831110001' })
  const second = await receive(sql, { tenant, id: 'b1', address: '+27831110002' })
  if (!first || !second) throw new Error('not stored')
  return { tenant, first, second, a: first.customer_id ?? '', b: second.customer_id ?? '' }
}
const merge = async (tenant: number, winner: string, loser: string): Promise<string> =>
  (
    await sql<
      { id: string }[]
    >`select pigeonpost.merge_customers(${tenant}, ${winner}, ${loser}) as id`
  )[0]?.id ?? ''
const activeThreads = async (tenant: number) =>
  sql`select conversation_id, id from pigeonpost.threads where tenant_id = ${tenant} and status = 'active'`

t.test('a merge moves identities, conversations, threads and messages to the winner', async (t) => {
  const { tenant, a, b, first, second } = await pair()
  const more = await receive(sql, {
    tenant,
    id: 'sms',
    channel: 'sms',
    more: { customer_id: b, address: null },
  })
  await sql`update pigeonpost.customers set metadata = '{"x": 1, "who": "b"}', name = 'B' where tenant_id = ${tenant} and id = ${b}`
  await sql`update pigeonpost.customers set metadata = '{"who": "a"}' where tenant_id = ${tenant} and id = ${a}`
  t.equal(await merge(tenant, a, b), a)

  t.same(
    await sql`select channel, address, customer_id = ${a} as of_winner from pigeonpost.customer_identities where tenant_id = ${tenant} order by 1, 2`,
    [
      { channel: 'whatsapp', address: '+27831110001', of_winner: true },
      { channel: 'whatsapp', address: '+27831110002', of_winner: true },
    ],
  )
  t.match(
    await sql`select name, metadata, merged_into from pigeonpost.customers where tenant_id = ${tenant} order by id = ${b}`,
    [{ name: 'B', metadata: { x: 1, who: 'a' }, merged_into: null }, { merged_into: a }],
  )
  t.same(
    await sql`select id, customer_id, merged_into from pigeonpost.conversations where tenant_id = ${tenant} order by number`,
    [
      { id: first.conversation_id, customer_id: a, merged_into: null },
      { id: second.conversation_id, customer_id: b, merged_into: first.conversation_id },
      { id: more?.conversation_id, customer_id: a, merged_into: null },
    ],
    'one account, one conversation; what the winner had none of moves as it is',
  )
  t.same(
    await sql`select external_message_id as id, conversation_id, customer_id, sender_customer_id from pigeonpost.messages where tenant_id = ${tenant} order by number`,
    [
      { id: 'a1', conversation_id: first.conversation_id, customer_id: a, sender_customer_id: a },
      { id: 'b1', conversation_id: first.conversation_id, customer_id: a, sender_customer_id: a },
      { id: 'sms', conversation_id: more?.conversation_id, customer_id: a, sender_customer_id: a },
    ],
  )
  t.same(
    await sql`select id, conversation_id, customer_id, status from pigeonpost.threads where tenant_id = ${tenant} order by number`,
    [
      {
        id: first.thread_id,
        conversation_id: first.conversation_id,
        customer_id: a,
        status: 'active',
      },
      {
        id: second.thread_id,
        conversation_id: first.conversation_id,
        customer_id: a,
        status: 'archived',
      },
      {
        id: more?.thread_id,
        conversation_id: more?.conversation_id,
        customer_id: a,
        status: 'active',
      },
    ],
  )
  t.same(
    await sql`select conversation_id, count(*) from pigeonpost.conversation_participants where tenant_id = ${tenant} group by 1 order by 1`,
    [first.conversation_id, more?.conversation_id ?? '']
      .toSorted((a, b) => (a < b ? -1 : 1))
      .map((id) => ({ conversation_id: id, count: 2 })),
  )
  const events =
    await sql`select payload from pigeonpost.read_events(0, null, ${tenant}) where type = 'customer.merged'`
  t.match(events, [
    { payload: { customer_id: a, merged_customer_id: b, joined_conversations: { length: 1 } } },
  ])
})

t.test('second copies go, and what hung on them hangs on the copy that stays', async (t) => {
  const { tenant, a, b, first, second } = await pair()
  const one = await receive(sql, { tenant, id: 'both', address: '+27831110001', body: 'hello' })
  const two = await receive(sql, { tenant, id: 'both', address: '+27831110002', body: 'hello' })
  await sql`update pigeonpost.messages set body = 'hello you' where tenant_id = ${tenant} and id = ${one?.id ?? ''}`
  await sql`select pigeonpost.apply_update_to(${tenant}, ${two?.id ?? ''}, pigeonpost.normalise_update('whatsapp', u)) from jsonb_array_elements(${sql.json(
    [
      { kind: 'edit', body: 'hello there', at: '2030-01-01T00:00:00Z' },
      { kind: 'receipt', status: 'read', at: '2025-01-01T10:00:00Z', recipient: '+1' },
      { kind: 'reaction', sender: '+27831110002', emoji: '👍' },
    ],
  )}) u`
  await sql`insert into pigeonpost.messages (tenant_id, direction, channel, address, body, reply_to_id)
    values (${tenant}, 'outbound', 'whatsapp', '+27831110002', 'answer', ${two?.id ?? ''})`
  await sql`insert into pigeonpost.delivery_attempts (tenant_id, attempt_id, attempt, message_id, outcome) values (${tenant}, ${two?.id ?? ''}, 1, ${two?.id ?? ''}, 'sent')`
  await merge(tenant, a, b)

  t.match(
    await sql`select id, body, body_version, status, read_at from pigeonpost.messages where tenant_id = ${tenant} and external_message_id = 'both'`,
    [
      {
        id: one?.id,
        body: 'hello there',
        body_version: 3,
        status: 'read',
        read_at: new Date('2025-01-01T10:00:00Z'),
      },
    ],
  )
  const of = async (table: string) =>
    (
      await sql`select count(*) from ${sql(`pigeonpost.${table}`)} where tenant_id = ${tenant} and message_id = ${one?.id ?? ''}`
    )[0]?.['count']
  t.same(
    await sql`select body_version, previous_body, body, conversation_id from pigeonpost.message_history where tenant_id = ${tenant} order by body_version`,
    [
      {
        body_version: 2,
        previous_body: 'hello',
        body: 'hello you',
        conversation_id: first.conversation_id,
      },
      {
        body_version: 3,
        previous_body: 'hello',
        body: 'hello there',
        conversation_id: first.conversation_id,
      },
    ],
  )
  t.ok((await of('message_statuses')) >= 2)
  t.same(
    await sql`select recipient from pigeonpost.message_statuses where tenant_id = ${tenant} and recipient is not null and message_id = ${one?.id ?? ''}`,
    [{ recipient: '+1' }],
  )
  t.equal(await of('message_reactions'), 1)
  t.equal(await of('delivery_attempts'), 1)
  t.same(
    await sql`select reply_to_id from pigeonpost.messages where tenant_id = ${tenant} and body = 'answer'`,
    [{ reply_to_id: one?.id }],
  )
  const events = await sql<
    { type: string; payload: Record<string, unknown> }[]
  >`select type, payload from pigeonpost.read_events(0, null, ${tenant})`
  t.same(
    events
      .filter(({ payload }) => payload['message_id'] === one?.id && 'body' in payload)
      .map(({ type, payload }) => [type, payload['body']]),
    [
      ['message.inbound.created', 'hello'],
      ['message.edited', 'hello you'],
    ],
    'events of the copy that stays show the versions that they spoke of',
  )
  t.match(events.find(({ type }) => type === 'customer.merged')?.payload, {
    joined_conversations: [
      {
        from: second.conversation_id,
        into: first.conversation_id,
        messages: [{ from: two?.id, into: one?.id }],
      },
    ],
  })
  t.match(
    events.filter(({ payload }) => payload['message_id'] === two?.id && 'body' in payload),
    [{ payload: { redacted: 'erased' } }, {}, {}],
  )
})

t.test('a copy that was revoked is revoked', async (t) => {
  const { tenant, a, b } = await pair()
  await receive(sql, { tenant, id: 'both', address: '+27831110001' })
  const two = await receive(sql, { tenant, id: 'both', address: '+27831110002' })
  await sql`update pigeonpost.messages set revoked_at = now() where tenant_id = ${tenant} and id = ${two?.id ?? ''}`
  await merge(tenant, a, b)
  t.match(
    await sql`select body, revoked_at is not null as revoked from pigeonpost.messages where tenant_id = ${tenant} and external_message_id = 'both'`,
    [{ body: null, revoked: true }],
  )
})

t.test('one active thread stays, whatever the two were in', async (t) => {
  for (const winner of ['active', 'archived', 'closed', 'pending'] as const) {
    for (const loser of ['active', 'archived', 'closed'] as const) {
      const { tenant, a, b, first, second } = await pair()
      for (const [state, message] of [
        [winner, first],
        [loser, second],
      ] as const) {
        if (state === 'archived')
          await sql`select pigeonpost.archive_thread(${tenant}, ${message.thread_id})`
        else if (state !== 'active')
          await sql`update pigeonpost.conversations set status = ${state} where tenant_id = ${tenant} and id = ${message.conversation_id}`
      }
      await merge(tenant, a, b)
      const kept =
        winner === 'active' || winner === 'pending'
          ? first.thread_id
          : loser === 'active'
            ? second.thread_id
            : null
      t.same(
        await activeThreads(tenant),
        kept ? [{ conversation_id: first.conversation_id, id: kept }] : [],
        `winner ${winner}, loser ${loser}`,
      )
      const [conversation] =
        await sql`select status from pigeonpost.conversations where tenant_id = ${tenant} and merged_into is null`
      const status =
        winner === 'closed'
          ? loser === 'active'
            ? 'open'
            : 'closed'
          : winner === 'pending'
            ? 'pending'
            : 'open'
      t.equal(conversation?.['status'], status)
      await receive(sql, { tenant, id: 'next', address: '+27831110002' })
      const [after, ...others] = await activeThreads(tenant)
      t.equal(others.length, 0)
      if (kept) t.equal(after?.['id'], kept)
    }
  }
})

t.test('in groups and multi conversations two participants become one', async (t) => {
  const { tenant, a, b } = await pair()
  const third = await receive(sql, { tenant, id: 'c1', address: '+27831110003' })
  const [group] =
    await sql`insert into pigeonpost.conversations (tenant_id, type, channel, group_name) values (${tenant}, 'group', 'whatsapp', 'G') returning id`
  await sql`insert into pigeonpost.conversation_participants (tenant_id, conversation_id, customer_id, role, left_at) values
    (${tenant}, ${group?.['id']}, ${a}, 'member', now()), (${tenant}, ${group?.['id']}, ${b}, 'admin', null)`
  await sql.begin(async (tx) => {
    const [multi] =
      await tx`insert into pigeonpost.conversations (tenant_id, type, channel) values (${tenant}, 'multi', 'whatsapp') returning id`
    await tx`insert into pigeonpost.conversation_participants (tenant_id, conversation_id, customer_id)
      values (${tenant}, ${multi?.['id']}, ${b}), (${tenant}, ${multi?.['id']}, ${third?.customer_id ?? ''})`
  })
  await merge(tenant, a, b)
  t.match(
    await sql`select c.type, p.customer_id, p.role, p.left_at from pigeonpost.conversation_participants p
      join pigeonpost.conversations c on c.tenant_id = p.tenant_id and c.id = p.conversation_id
      where p.tenant_id = ${tenant} and c.type <> 'direct' order by 1, p.customer_id = ${third?.customer_id ?? ''}`,
    [
      { type: 'group', customer_id: a, role: 'admin', left_at: null },
      { type: 'multi', customer_id: a },
      { type: 'multi', customer_id: third?.customer_id },
    ],
    'there are they, since one of the two was',
  )
})

t.test('merging twice changes nothing, and a chain ends at its last', async (t) => {
  const { tenant, a, b } = await pair()
  const third = await receive(sql, { tenant, id: 'c1', address: '+27831110003' })
  const c = third?.customer_id ?? ''
  await merge(tenant, b, a)
  const count = async () =>
    (await sql`select count(*) from pigeonpost.event_log where tenant_id = ${tenant}`)[0]?.['count']
  const before = await count()
  t.equal(await merge(tenant, b, a), b)
  t.equal(await merge(tenant, b, b), b)
  t.equal(await count(), before)
  await merge(tenant, c, b)
  t.equal(await merge(tenant, c, a), c, 'a is in c, by way of b')
  t.equal(await merge(tenant, b, a), c, 'and so is b')
  t.same(
    await sql`select pigeonpost.current_customer(${tenant}, id) as id from pigeonpost.customers where tenant_id = ${tenant}`,
    [{ id: c }, { id: c }, { id: c }],
  )
  t.same(
    await sql`select distinct conversation_id, customer_id from pigeonpost.messages where tenant_id = ${tenant}`,
    [{ conversation_id: third?.conversation_id, customer_id: c }],
  )
  t.same(
    await sql`select count(*) from pigeonpost.conversations where tenant_id = ${tenant} and merged_into = ${third?.conversation_id ?? ''}`,
    [{ count: 2 }],
    'no tombstone points at another',
  )
  t.same(await activeThreads(tenant), [
    { conversation_id: third?.conversation_id, id: third?.thread_id },
  ])
  const fourth = await receive(sql, { tenant, id: 'd1', address: '+27831110004' })
  t.match(await violation(merge(tenant, a, fourth?.customer_id ?? '')), {
    code: 'PPC01',
    constraint: 'merged_customers_are_alive',
  })
  t.match(await violation(merge(tenant, fourth?.customer_id ?? '', a)), {
    code: 'PPC01',
    constraint: 'merged_customers_are_alive',
  })
  t.match(await violation(merge(tenant + 1, a, c)), {
    code: 'PPN01',
    constraint: 'merged_customers_exist',
  })
  t.match(
    await violation(
      sql`update pigeonpost.customers set merged_into = null where tenant_id = ${tenant} and id = ${a}`,
    ),
    { code: 'PPC01' },
  )
})

t.test('the application merges in its tenant, a bridge not at all', async (t) => {
  const { tenant, a, b } = await pair()
  const app = await core.login(['pigeonpost_app'])
  const bridge = await core.login(['pigeonpost_bridge'], [tenant])
  t.match(await violation(bridge`select pigeonpost.merge_customers(${tenant}, ${a}, ${b})`), {
    code: '42501',
  })
  t.match(
    await violation(
      asTenant(
        app,
        tenant + 1,
        async (tx) => tx`select pigeonpost.merge_customers(${tenant}, ${a}, ${b})`,
      ),
    ),
    { code: 'PPN01' },
  )
  await asTenant(
    app,
    tenant,
    async (tx) => tx`select pigeonpost.merge_customers(${tenant}, ${a}, ${b})`,
  )
  t.equal((await activeThreads(tenant)).length, 1)
})

t.test('a message under two addresses links them, and merges who was known by both', async (t) => {
  const tenant = ++tenants
  const say = async (id: string, address: string, alternate?: string, more = {}) =>
    receive(sql, {
      tenant,
      id,
      address,
      more: { ...(alternate && { alternate_address: alternate }), ...more },
    })
  const one = await say('1', '+27831110001', '111@lid')
  const two = await say('2', '111@lid')
  t.equal(two?.customer_id, one?.customer_id, 'linked from the first')
  const three = await say('3', '222@lid')
  await sql`insert into pigeonpost.messages (tenant_id, direction, channel, lead_id, external_message_id) values (${tenant}, 'inbound', 'sms', 77, 's')`
  const [lead] = await sql<
    { id: string }[]
  >`select id from pigeonpost.customers where tenant_id = ${tenant} and lead_id = 77`
  await sql`insert into pigeonpost.customer_identities (tenant_id, channel, address, customer_id) values (${tenant}, 'whatsapp', '+27831110003', ${lead?.id ?? ''})`
  await say('4', '222@lid', '27831110003@s.whatsapp.net')
  t.same(
    await sql`select pigeonpost.current_customer(${tenant}, ${three?.customer_id ?? ''}) as id`,
    [{ id: lead?.id }],
    "the CRM's own wins over the older",
  )
  const five = await say('5', '222@lid', '+27831110001')
  t.equal(five?.customer_id, lead?.id)
  t.same(
    await sql`select count(*) from pigeonpost.customers where tenant_id = ${tenant} and merged_into is null`,
    [{ count: 1 }],
  )
  t.same(
    await sql`select count(*) from pigeonpost.threads where tenant_id = ${tenant} and status = 'active' and channel = 'whatsapp'`,
    [{ count: 1 }],
  )
})

t.test(
  'who holds the loser’s id, lead id, address or conversation arrives at the winner',
  async (t) => {
    const { tenant, a, b, first, second } = await pair()
    const [lead] = await sql<
      { lead_id: number }[]
    >`select lead_id from pigeonpost.customers where tenant_id = ${tenant} and id = ${b}`
    await merge(tenant, a, b)
    for (const [id, by] of [
      ['by customer', { customer_id: b }],
      ['by lead', { lead_id: lead?.lead_id }],
      ['by address', { address: '+27831110002' }],
      ['by conversation', { conversation_id: second.conversation_id }],
    ] as const) {
      const [stored] =
        await sql`insert into pigeonpost.messages ${sql({ tenant_id: tenant, direction: 'inbound', channel: 'whatsapp', external_message_id: id, ...by } as never)}
      returning conversation_id, thread_id, customer_id`
      t.same(
        stored,
        { conversation_id: first.conversation_id, thread_id: first.thread_id, customer_id: a },
        id,
      )
    }
  },
)

t.test('merges race inserts to loser and winner, folds and one another', async (t) => {
  const tenant = ++tenants
  const pairs = 120
  const address = (index: number, side: number): string =>
    `+2783${String(side)}${String(index).padStart(6, '0')}`
  const ids: [string, string][] = []
  for (let index = 0; index < pairs; index++) {
    const [one, two] = await Promise.all(
      [0, 1].map(async (side) =>
        receive(sql, { tenant, id: `${index}-first-${side}`, address: address(index, side) }),
      ),
    )
    ids.push([one?.customer_id ?? '', two?.customer_id ?? ''])
  }
  const sent: string[] = []
  const failures = new Set<string>()
  const note = (error: unknown): void =>
    void failures.add(String((error as { code?: string }).code ?? error))
  const progress = { merged: 0, working: true }
  const writers = Array.from({ length: 5 }, async (_, writer) => {
    const own = core.connect({ max: 1 })
    for (let round = 0; progress.merged < pairs; round++) {
      // Near where the merges are.
      const index = Math.min(pairs - 1, progress.merged + ((round + writer) % 4))
      const side = (round + writer) % 2
      const id = round % 3 === 0 ? `${index}-shared-${round % 4}` : `${writer}-${round}`
      const by =
        round % 5 === 4
          ? { more: { customer_id: ids[index]?.[side] ?? '', address: null } }
          : { address: address(index, side) }
      await receive(own, { tenant, id: `${index}-${id}`, ...by }).then(
        () => sent.push(`${index}-${id}`),
        note,
      )
    }
  })
  const mergers = [0, 1].map(async (lane) => {
    const own = core.connect({ max: 1 })
    for (let index = lane; index < pairs; index += 2) {
      const [a, b] = ids[index] ?? ['', '']
      if (index % 3 === 2) {
        // By a message that carries both.
        await receive(own, {
          tenant,
          id: `${index}-link`,
          address: address(index, 0),
          more: { alternate_address: address(index, 1) },
        }).then(() => sent.push(`${index}-link`), note)
      } else {
        await own`select pigeonpost.merge_customers(${tenant}, ${index % 3 ? a : b}, ${index % 3 ? b : a})`.catch(
          note,
        )
      }
      progress.merged++
    }
  })
  const folds = (async () => {
    const own = core.connect({ max: 1 })
    while (progress.working) await own`select pigeonpost.fold(50)`.catch(note)
  })()
  await Promise.all([...writers, ...mergers])
  progress.working = false
  await folds
  t.same([...failures], [], 'nobody failed, by deadlock or otherwise')
  t.ok(sent.length > pairs, `${sent.length} messages`)

  const stored = await sql<
    { id: string; count: number }[]
  >`select external_message_id as id, count(*) from pigeonpost.messages where tenant_id = ${tenant} group by 1`
  const counts = new Map(stored.map((row) => [row.id, row.count]))
  t.same(
    [...new Set(sent)].filter((id) => counts.get(id) !== 1),
    [],
    'each message is there, once',
  )
  t.same(
    await sql`select count(*) from pigeonpost.customers where tenant_id = ${tenant} and merged_into is null`,
    [{ count: pairs }],
  )
  t.same(
    await sql`select count(*) from pigeonpost.messages m join pigeonpost.conversations c on c.tenant_id = m.tenant_id and c.id = m.conversation_id
      left join pigeonpost.customers w on w.tenant_id = m.tenant_id and w.id = m.customer_id
      join pigeonpost.threads h on h.tenant_id = m.tenant_id and h.id = m.thread_id
      where m.tenant_id = ${tenant} and (c.merged_into is not null or w.id is null or w.merged_into is not null or h.conversation_id <> c.id
        or h.customer_id <> c.customer_id or m.customer_id <> c.customer_id or m.sender_customer_id <> c.customer_id)`,
    [{ count: 0 }],
    'none lies in a tombstone, or with the wrong customer',
  )
  t.same(
    await sql`select count(distinct c.id) as conversations, count(h.id) as active from pigeonpost.conversations c
      left join pigeonpost.threads h on h.tenant_id = c.tenant_id and h.conversation_id = c.id and h.status = 'active'
      where c.tenant_id = ${tenant} and c.merged_into is null`,
    [{ conversations: pairs, active: pairs }],
    'one active thread each',
  )
  t.same(
    await sql`select count(*) from pigeonpost.threads h join pigeonpost.conversations c on c.tenant_id = h.tenant_id and c.id = h.conversation_id
    where h.tenant_id = ${tenant} and h.status = 'active' and c.thread_id <> h.id`,
    [{ count: 0 }],
    'and it is the one that is pointed at',
  )
  while ((await sql`select pigeonpost.fold() as n`)[0]?.['n']);
  t.same(
    await sql`select c.id, c.total_messages, x.total_messages as exact, c.unread_count, x.unread_count as exact_unread
      from pigeonpost.conversations c cross join lateral pigeonpost.conversation_counters(c.tenant_id, c.id) x
      where c.tenant_id = ${tenant} and (c.total_messages, c.unread_count, c.last_message_at) is distinct from (x.total_messages, x.unread_count, x.last_message_at)`,
    [],
    'folded while they merged, the counters are exact',
  )
  t.same(
    await sql`select c.id from pigeonpost.customers c cross join lateral pigeonpost.customer_counters(c.tenant_id, c.id) x
      where c.tenant_id = ${tenant} and (c.total_messages, c.unread_count, c.last_message_at) is distinct from (x.total_messages, x.unread_count, x.last_message_at)`,
    [],
  )
})

t.test('an insert that waits for a merge follows the tombstone', async (t) => {
  const race = async (): Promise<boolean> => {
    const { tenant, a, b, first } = await pair()
    const [one, two] = [core.connect({ max: 1 }), core.connect({ max: 1 })]
    await one`begin`
    await one`select pigeonpost.merge_customers(${tenant}, ${a}, ${b})`
    const late = receive(two, { tenant, id: 'late', more: { address: null, customer_id: b } })
    late.catch(() => {})
    await waitFor(async () => someoneWaits(sql), { what: 'the insert to wait' })
    await one`commit`
    return (await late)?.conversation_id === first.conversation_id
  }
  t.ok(await race())
  await without(
    sql,
    'pigeonpost_private.living_customer',
    [
      'while v_merged_into is not null loop',
      'v_id := p_id; v_merged_into := null; while v_merged_into is not null loop',
    ],
    async () => {
      t.notOk(await race().catch(() => false), 'and otherwise opens a conversation with nobody')
    },
  )
})

t.test(
  'a merge waits for inserts that are under way, and takes what they bring along',
  async (t) => {
    const { tenant, a, b, first, second } = await pair()
    const [one, two] = [core.connect({ max: 1 }), core.connect({ max: 1 })]
    await receive(sql, { tenant, id: 'both', address: '+27831110001' })
    await one`begin`
    await receive(one, { tenant, id: 'both', address: '+27831110002' })
    const merging = two`select pigeonpost.merge_customers(${tenant}, ${a}, ${b})`
    merging.catch(() => {})
    await waitFor(async () => someoneWaits(sql), { what: 'the merge to wait for the conversation' })
    await one`commit`
    await merging
    t.same(
      await sql`select count(*) from pigeonpost.messages where tenant_id = ${tenant} and external_message_id = 'both'`,
      [{ count: 1 }],
      'the copy that came last is one as well',
    )
    t.same(await activeThreads(tenant), [
      { conversation_id: first.conversation_id, id: first.thread_id },
    ])
    t.not(first.conversation_id, second.conversation_id)

    const other = await pair()
    await one`begin`
    // A conversation that the merge cannot see yet.
    await receive(one, {
      tenant: other.tenant,
      id: 'sms',
      channel: 'sms',
      more: { customer_id: other.b, address: null },
    })
    const waiting = two`select pigeonpost.merge_customers(${other.tenant}, ${other.a}, ${other.b})`
    waiting.catch(() => {})
    await waitFor(async () => someoneWaits(sql), { what: 'the merge to wait for the customer' })
    await one`commit`
    await waiting
    t.same(
      await sql`select count(*) from pigeonpost.conversations where tenant_id = ${other.tenant} and customer_id = ${other.b} and merged_into is null`,
      [{ count: 0 }],
      'none is left with who is no more',
    )
  },
)

t.test('a conversation that is opened while a merge is under way is the winner’s', async (t) => {
  const { tenant, a, b } = await pair()
  const [account] = await sql<
    { id: string }[]
  >`insert into pigeonpost.accounts (tenant_id, channel, address) values (${tenant}, 'whatsapp', '+15550002000') returning id`
  const [one, two] = [core.connect({ max: 1 }), core.connect({ max: 1 })]
  await one`begin`
  await one`select pigeonpost.merge_customers(${tenant}, ${a}, ${b})`
  // Its address is still the loser's when this looks.
  const late = receive(two, {
    tenant,
    id: 'late',
    address: '+27831110002',
    more: { account_id: account?.id },
  })
  late.catch(() => {})
  await waitFor(async () => someoneWaits(sql), { what: 'the insert to wait' })
  await one`commit`
  t.equal((await late)?.customer_id, a)
})
