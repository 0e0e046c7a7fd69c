import t from 'tap'
import type { Sql, Transaction } from '../../db/connect.ts'
import { asTenant } from '../../db/tenant.ts'
import { testDatabase } from '../support/database.ts'
import { receive } from '../support/messages.ts'
import { seeded } from '../support/random.ts'
import { violation } from '../support/rules.ts'

const core = await testDatabase(t)
const { sql } = core

type Row = Record<string, unknown>
type Answer = {
  ordinal: number
  outcome: string
  id: string | null
  number: number | null
  code: string | null
  constraint_name: string | null
  field: string | null
  message: string | null
  hint: string | null
}

const ingest = async (on: Sql, rows: unknown): Promise<Answer[]> => [
  ...(await on<Answer[]>`select * from pigeonpost.ingest(${JSON.stringify(rows)}::text::jsonb)`),
]
const plain = (tenant: number, id: string, more: Row = {}): Row => ({
  tenant_id: tenant,
  direction: 'inbound',
  address: '+27831234567',
  external_message_id: id,
  body: id,
  ...more,
})

/** The canonical insert of one row, and what became of it. */
async function insertOne(tx: Transaction, row: Row): Promise<Row> {
  const columns = Object.keys(row).join(', ')
  try {
    const stored = await tx.savepoint((inner) =>
      inner.unsafe(
        `insert into pigeonpost.messages (${columns}) select ${columns} from jsonb_populate_record(null::pigeonpost.messages, $1::text::jsonb)
       on conflict (tenant_id, external_message_id, conversation_id) do nothing returning id`,
        [JSON.stringify(row)],
      ),
    )
    return { outcome: stored.length > 0 ? 'stored' : 'duplicate' }
  } catch (error) {
    const { code, constraint_name: constraint } = error as {
      code: string
      constraint_name?: string
    }
    return { outcome: 'refused', code, constraint: constraint ?? null }
  }
}

/** Everything of a tenant, by what it is rather than by ids, numbers and the time of the test. */
async function contents(tenant: number): Promise<Record<string, unknown[]>> {
  const drop = `array['id', 'number', 'tenant_id', 'message_id', 'conversation_id', 'thread_id', 'customer_id', 'sender_customer_id', 'account_id',
    'lead_id', 'merged_into', 'created_at', 'updated_at', 'event_id', 'joined_at', 'archived_at', 'occurred_at', 'edited_at', 'delivered_at',
    'sent_at', 'timestamp', 'reply_to_id', 'is_own_event', 'revoked_at', 'left_at', 'reacted_at', 'next_attempt_at', 'last_message_at']`
  const [row] = await sql.unsafe<{ all: Record<string, unknown[]> }[]>(
    `
    with who as (
      select c.id, coalesce((select string_agg(i.channel || ' ' || i.address, ', ' order by i.channel, i.address)
        from pigeonpost.customer_identities i where i.tenant_id = c.tenant_id and i.customer_id = c.id), 'lead ' || c.lead_id) as name
      from pigeonpost.customers c where c.tenant_id = $1
    ), chat as (
      select c.id, concat_ws(' ', c.type, c.channel, coalesce(c.external_id, c.address), w.name) as name
      from pigeonpost.conversations c left join who w on w.id = c.customer_id where c.tenant_id = $1
    ), sitting as (
      select t.id, chat.name || ' #' || row_number() over (partition by t.conversation_id order by t.number) as name
      from pigeonpost.threads t join chat on chat.id = t.conversation_id where t.tenant_id = $1
    ), text as (
      select m.id, concat_ws(' ', m.direction, coalesce(m.external_message_id, m.body), chat.name) as name
      from pigeonpost.messages m join chat on chat.id = m.conversation_id where m.tenant_id = $1
    ), rows as (
      select 'messages' as name, to_jsonb(m) - ${drop} || jsonb_build_object('name', text.name, 'thread', sitting.name, 'customer', w.name,
        'sender', s.name, 'sent', case when m.sent_at < m.created_at - interval '1 day' then m.sent_at::text else (m.sent_at is not null)::text end,
        'occurred', m.occurred_at = coalesce(m.sent_at, m.created_at), 'delivered', m.delivered_at is not null, 'revoked', m.revoked_at is not null) as row
      from pigeonpost.messages m join text on text.id = m.id join sitting on sitting.id = m.thread_id
      left join who w on w.id = m.customer_id left join who s on s.id = m.sender_customer_id where m.tenant_id = $1
      union all
      select 'customers', to_jsonb(c) - ${drop} || jsonb_build_object('who', who.name, 'merged', c.merged_into is not null, 'last', c.last_message_at::date)
      from pigeonpost.customers c join who on who.id = c.id
      union all
      select 'conversations', to_jsonb(c) - ${drop} || jsonb_build_object('name', chat.name, 'merged', c.merged_into is not null, 'last', c.last_message_at::date)
      from pigeonpost.conversations c join chat on chat.id = c.id
      union all
      select 'threads', to_jsonb(t) - ${drop} || jsonb_build_object('name', sitting.name) from pigeonpost.threads t join sitting on sitting.id = t.id
      union all
      select 'participants', to_jsonb(p) - ${drop} || jsonb_build_object('chat', chat.name, 'who', who.name, 'is_there', p.left_at is null)
      from pigeonpost.conversation_participants p join chat on chat.id = p.conversation_id left join who on who.id = p.customer_id
      union all
      select 'statuses', to_jsonb(s) - ${drop} || jsonb_build_object('of', text.name) from pigeonpost.message_statuses s join text on text.id = s.message_id
      union all
      select 'history', to_jsonb(h) - ${drop} || jsonb_build_object('of', text.name) from pigeonpost.message_history h join text on text.id = h.message_id
      union all
      select 'reactions', to_jsonb(r) - ${drop} || jsonb_build_object('of', text.name) from pigeonpost.message_reactions r join text on text.id = r.message_id
      union all
      select 'parked', to_jsonb(p) - ${drop} from pigeonpost.parked_updates p where p.tenant_id = $1
      union all
      select 'events', (to_jsonb(e) - ${drop} - 'payload') || (pigeonpost.event_payload(e.tenant_id, e.event_id, e.type, e.message_id, e.conversation_id, e.thread_id, e.customer_id,
        e.account_id, e.payload, e.created_at) - ${drop} - 'participants' - 'merged_customer_id' - 'joined_conversations')
        || jsonb_build_object('chat', chat.name, 'of', text.name, 'thread', sitting.name, 'who', who.name)
      from pigeonpost.event_log e left join chat on chat.id = e.conversation_id left join text on text.id = e.message_id
      left join sitting on sitting.id = e.thread_id left join who on who.id = e.customer_id where e.tenant_id = $1
    )
    select jsonb_object_agg(name, rows) as all from (select name, jsonb_agg(row order by row::text) as rows from rows group by name) x`,
    [tenant],
  )
  return row?.all ?? {}
}

t.test('a batch leaves the same rows and events as its rows one by one', async (t) => {
  for (const seed of [1, 2, 3]) {
    const [together, apart] = [seed * 10, seed * 10 + 1]
    const random = seeded(seed)
    const pick = <T>(from: T[]): T => from[Math.floor(random() * from.length)] as T
    const n = (most: number): number => Math.floor(random() * most)
    const known = () => `+2783111${String(n(8)).padStart(4, '0')}`
    const inbound = (): Row => ({
      direction: 'inbound',
      address: known(),
      external_message_id: `m${n(120)}`,
      body: pick(['hello', 'two\r\nlines', 'bell\u0007', '', null]),
      ...(random() < 0.3 && { sent_at: new Date(Date.UTC(2025, 0, 1 + n(300))).toISOString() }),
      ...(random() < 0.2 && { status: pick(['read', 'failed', 'queued', 'nonsense']) }),
      ...(random() < 0.2 && {
        metadata: { sender_name: 'Ann' },
        raw: { a: [1] },
        is_from_bot: true,
      }),
      ...(random() < 0.2 && {
        content_type: pick(['image', 'file', 'smell', null]),
        media_url: 'https://x.test/1',
      }),
    })
    const kinds: (() => Row)[] = [
      inbound,
      inbound,
      inbound,
      () => ({
        ...inbound(),
        channel: pick(['sms', 'telegram', 'email']),
        address: pick(['ann@x.test', '+27839999999', '12345678', 'Ann <ANN@x.test>']),
      }),
      () => ({ ...inbound(), address: `2783111${String(n(8)).padStart(4, '0')}@s.whatsapp.net` }),
      () => ({ ...inbound(), conversation_external_id: `${n(2)}@g.us` }),
      () => ({ ...inbound(), address: undefined, lead_id: 1 + n(3) }),
      () => {
        const one = n(3)
        return { ...inbound(), address: `+2784000000${one}`, alternate_address: `${one}@lid` }
      },
      () => ({
        direction: 'outbound',
        address: known(),
        body: `out ${n(1e6)}`,
        priority: n(3),
        campaign_id: 'c',
      }),
      () => ({
        direction: 'outbound',
        address: known(),
        external_message_id: `o${n(20)}`,
        body: 'echo',
        status: pick(['sent', 'read', 'failed', null]),
      }),
      () => {
        // Of two with one key the first is stored; of a batch, the first of that address.
        const address = known()
        return {
          direction: 'outbound',
          address,
          body: `later ${n(1e6)}`,
          scheduled_for: '2100-01-01T00:00:00Z',
          idempotency_key: address,
        }
      },
      () => ({ direction: 'system', address: known(), body: `note ${n(1e6)}` }),
      () => ({ ...inbound(), channel: 'telegram', address: `9000${n(4)}` }),
      () => ({ ...inbound(), channel: 'telegram', conversation_external_id: `-10${n(2)}` }),
      () => ({
        ...inbound(),
        channel: 'email',
        address: pick(['ann@x.test', 'bob@x.test']),
        conversation_external_id: `root${n(3)}`,
      }),
      () => ({
        ...inbound(),
        conversation_external_id: `${n(2)}@g.us`,
        address: pick([known(), undefined]),
      }),
      () => ({
        direction: 'outbound',
        conversation_external_id: `${n(2)}@g.us`,
        body: `to all ${n(1e6)}`,
        ...(random() < 0.5 && { external_message_id: `go${n(20)}`, address: known() }),
      }),
      () => ({
        direction: 'outbound',
        channel: 'email',
        address: 'ann@x.test',
        conversation_external_id: `root${n(3)}`,
        body: `mail ${n(1e6)}`,
      }),
      () =>
        pick<Row>([
          { ...inbound(), direction: 'sideways' },
          { ...inbound(), sent_at: 'yesterday-ish' },
          { ...inbound(), address: '+0' },
          { ...inbound(), external_message_id: '' },
          { ...inbound(), account_id: '00000000-0000-7000-8000-000000000000' },
          { ...inbound(), customer_id: 'nobody' },
          { ...inbound(), metadata: [] },
        ]),
    ]
    for (let batch = 0; batch < 5; batch++) {
      const rows = Array.from({ length: 40 }, () => pick(kinds)())
      const answers = await ingest(
        sql,
        rows.map((row) => ({ tenant_id: together, ...row })),
      )
      const single: Row[] = []
      // In one transaction as well: who joins a group in the one that made it is told of with it.
      await sql.begin(async (tx) => {
        for (const row of rows) {
          const given: Row = Object.fromEntries(
            Object.entries({ tenant_id: apart, channel: 'whatsapp', ...row }).filter(
              ([, value]) => value !== undefined,
            ),
          )
          if (given['content_type'] === null) delete given['content_type']
          const otherwise: Row = {
            content_type: 'text',
            metadata: {},
            status: null,
            priority: 0,
            is_from_bot: false,
          }
          for (const [column, value] of Object.entries(otherwise)) given[column] ??= value
          single.push(
            await insertOne(tx as Transaction, {
              ...given,
              occurred_at: new Date(),
              attempts: 0,
              body_version: 1,
              created_at: new Date(),
            }),
          )
        }
      })
      t.same(
        answers.map(({ ordinal }) => ordinal),
        rows.map((_, index) => index + 1),
        'answered in order',
      )
      t.same(
        answers.map(({ outcome, code, constraint_name }) => ({
          outcome,
          ...(code && { code, constraint: constraint_name }),
        })),
        single,
      )
      for (const tenant of [together, apart]) {
        // What comes between batches.
        await sql`select pigeonpost.apply_update(${tenant}, 'whatsapp', ${`m${(batch * 37) % 120}`}, '{"kind": "receipt", "status": "read", "at": "2025-01-01T00:00:00Z"}')`
        await sql`select pigeonpost.apply_update(${tenant}, 'whatsapp', ${`m${(batch * 53) % 120}`}, '{"kind": "edit", "body": "edited", "at": "2025-01-01T00:00:00Z"}')`
        await sql`select pigeonpost.apply_update(${tenant}, 'whatsapp', ${`m${(batch * 71) % 120}`}, '{"kind": "reaction", "emoji": "x", "at": "2025-01-01T00:00:00Z"}')`
        await sql`update pigeonpost.conversations set status = 'closed' where tenant_id = ${tenant} and address = ${`+2783111000${batch}`}`
        await sql`update pigeonpost.threads t set status = 'archived' from pigeonpost.conversations c
          where c.tenant_id = t.tenant_id and c.id = t.conversation_id and c.tenant_id = ${tenant} and c.address = ${`+2783111000${batch + 1}`}`
      }
    }
    while ((await sql`select pigeonpost.fold() as n`)[0]?.['n']);
    const [one, two] = [await contents(together), await contents(apart)]
    t.same(Object.keys(one).toSorted(), Object.keys(two).toSorted())
    for (const name of Object.keys(two)) t.same(one[name], two[name], `${name}, seed ${seed}`)
    t.ok((one['events']?.length ?? 0) > 100)
  }
})

t.test('what needs no resolving is kept as it is given, alone and in a batch', async (t) => {
  const resolved = `{tenant_id, channel, direction, address, alternate_address, lead_id, customer_id, sender_customer_id,
    conversation_id, conversation_external_id, account_id, external_message_id, content_type, status, reply_to_id}`
  const columns = await sql<{ name: string; type: string }[]>`
    select a.attname as name, a.atttypid::regtype::text as type from pg_attribute a
    where a.attrelid = 'pigeonpost.messages'::regclass and not a.attisdropped
      and a.attname = any (pigeonpost_private.message_fields()) and a.attname <> all (${resolved}::text[])`
  t.ok(columns.length > 9)
  const values: Record<string, unknown> = {
    text: 'x',
    jsonb: { a: 1 },
    boolean: true,
    smallint: 7,
    integer: 7,
    bigint: 7,
    uuid: '01981111-1111-7111-8111-111111111111',
    'timestamp with time zone': '2100-01-01T00:00:00+00:00',
  }
  const given = Object.fromEntries(columns.map(({ name, type }) => [name, values[type]]))
  for (const [tenant, more] of [
    [950, 0],
    [951, 3],
  ] as const) {
    await ingest(sql, [plain(tenant, 'first')])
    const rest = Array.from({ length: more }, (_, n) => plain(tenant, `${n}`))
    const answers = await ingest(sql, [plain(tenant, 'all', given), ...rest])
    t.match(answers[0], { outcome: 'stored' })
    const [row] = await sql<{ row: Row }[]>`
      select to_jsonb(m) as row from pigeonpost.messages m where m.tenant_id = ${tenant} and m.external_message_id = 'all'`
    for (const { name } of columns) t.match(row?.row[name], given[name], `${name}, of ${more + 1}`)
  }
})

t.test('a message that says nothing has the defaults of the table', async (t) => {
  const wrong = await sql<{ name: string }[]>`
    select a.attname as name from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = 'pigeonpost.messages'::regclass and a.attnum > 0 and not a.attisdropped
      and a.attname not in ('id', 'created_at', 'updated_at')
      and to_jsonb(pigeonpost_private.message_defaults()) ->> a.attname
        is distinct from substring(pg_get_expr(d.adbin, d.adrelid) from '^''?(.*?)''?(?:::\\w+)?$')`
  t.same([...wrong], [])
})

t.test('one bad row does not sink the rest, and says what is wrong with it', async (t) => {
  await receive(sql, { tenant: 100, id: 'first' })
  const [account] =
    await sql`insert into pigeonpost.accounts (tenant_id, channel, address) values (100, 'sms', '+15550001000') returning id`
  const nobody = '00000000-0000-7000-8000-000000000000'
  const bad: [unknown, Partial<Record<keyof Answer, unknown>>][] = [
    [null, { code: 'PPV01', constraint_name: 'ingest_message_is_an_object' }],
    [5, { constraint_name: 'ingest_message_is_an_object' }],
    [[], { constraint_name: 'ingest_message_is_an_object' }],
    ['x', { constraint_name: 'ingest_message_is_an_object' }],
    [
      plain(100, 'x', { tenant_id: undefined }),
      { constraint_name: 'tenant_is_named', field: 'tenant_id' },
    ],
    [
      plain(100, 'x', { direction: 'sideways' }),
      { constraint_name: 'messages_direction_known', field: 'direction' },
    ],
    [plain(100, 'x', { direction: null }), { constraint_name: 'messages_direction_known' }],
    [
      plain(100, 'x', { content_type: 'smell' }),
      { constraint_name: 'messages_content_type_known', field: 'content_type' },
    ],
    [
      plain(100, 'x', { body: 'x'.repeat(1_048_577) }),
      { constraint_name: 'messages_body_at_most_1_mib', field: 'body' },
    ],
    [
      plain(100, 'x', { address: '  ' }),
      { constraint_name: 'messages_address_not_empty', field: 'address' },
    ],
    [plain(100, 'x', { address: '+0' }), { code: 'PPV01', field: 'address' }],
    [plain(100, 'x', { address: undefined }), { constraint_name: 'messages_names_a_counterpart' }],
    [
      plain(100, '', {}),
      { constraint_name: 'messages_inbound_has_external_id', field: 'external_message_id' },
    ],
    [
      plain(100, 'x', { metadata: [] }),
      { constraint_name: 'messages_metadata_is_an_object', field: 'metadata' },
    ],
    [
      plain(100, 'x', { colour: 'red' }),
      { constraint_name: 'ingest_field_known', field: 'colour' },
    ],
    [plain(100, 'x', { sent_at: 'yesterday-ish' }), { code: '22007' }],
    [plain(100, 'x', { sent_at: '2025-13-45T00:00:00Z' }), { code: '22008' }],
    [plain(100, 'x', { account_id: 'mine' }), { code: '22P02' }],
    [
      plain(100, 'x', { account_id: nobody }),
      { code: 'PPA01', constraint_name: 'messages_account_exists' },
    ],
    [
      plain(100, 'x', { account_id: account?.['id'] }),
      { code: 'PPA01', constraint_name: 'messages_account_serves_channel' },
    ],
    [
      plain(100, 'x', { customer_id: nobody }),
      { code: 'PPN01', constraint_name: 'messages_customer_exists' },
    ],
    [
      plain(100, 'x', { conversation_id: nobody }),
      { code: 'PPN01', constraint_name: 'messages_conversation_exists' },
    ],
    [plain(100, 'x', { priority: 99999 }), { code: '22003' }],
    [plain(100, 'x', { is_from_bot: 'perhaps' }), { code: '22P02' }],
  ]
  const before = (await sql`select count(*) from pigeonpost.messages where tenant_id = 100`)[0]?.[
    'count'
  ]
  const rows = bad.flatMap(([row], index) => [plain(100, `good ${index}`), row])
  const answers = await ingest(sql, rows)
  t.equal(answers.length, rows.length)
  for (const [index, [row, expected]] of bad.entries()) {
    t.match(answers[index * 2], { ordinal: index * 2 + 1, outcome: 'stored' })
    t.match(
      answers[index * 2 + 1],
      { ordinal: index * 2 + 2, outcome: 'refused', id: null, message: /./, ...expected },
      JSON.stringify(row).slice(0, 90),
    )
    if (answers[index * 2 + 1]?.code?.startsWith('PP'))
      t.match(answers[index * 2 + 1]?.hint, /.{10}/)
  }
  t.same(await sql`select count(*) from pigeonpost.messages where tenant_id = 100`, [
    { count: Number(before) + bad.length },
  ])
  t.same(await ingest(sql, []), [])
  for (const [whole, expected] of [
    [{}, { constraint: 'ingest_messages_are_an_array' }],
    [
      [plain(100, 'a'), plain(101, 'b')],
      { constraint: 'ingest_is_of_one_tenant', column: 'tenant_id' },
    ],
    [[{}], { constraint: 'tenant_is_named', column: 'tenant_id' }],
    [[{ tenant_id: 'x' }], { constraint: 'tenant_is_named', column: 'tenant_id' }],
    [[{ tenant_id: 1e12 }], { constraint: 'tenant_is_named', column: 'tenant_id' }],
  ] as const) {
    t.match(await violation(ingest(sql, whole)), { code: 'PPV01', ...expected })
  }
})

t.test('each answer names the row: the new one, or the one that was there', async (t) => {
  const first = await ingest(sql, [
    plain(102, 'a'),
    plain(102, 'b', { address: '+27831110002' }),
    plain(102, 'a', { body: 'again' }),
  ])
  t.match(first, [
    { outcome: 'stored' },
    { outcome: 'stored' },
    { outcome: 'duplicate', id: first[0]?.id, number: first[0]?.number },
  ])
  const second = await ingest(sql, [
    plain(102, 'c'),
    plain(102, 'a'),
    plain(102, 'c', { alternate_address: '1@lid' }),
  ])
  t.match(second, [
    { outcome: 'stored' },
    { outcome: 'duplicate', id: first[0]?.id },
    { outcome: 'duplicate', id: second[0]?.id },
  ])
  const third = await ingest(sql, [
    plain(102, 'd', { body: 'the first', alternate_address: '1@lid' }),
    plain(102, 'd', { body: 'the second' }),
  ])
  t.match(third, [{ outcome: 'stored' }, { outcome: 'duplicate', id: third[0]?.id }])
  t.match(
    await sql`select body from pigeonpost.messages where tenant_id = 102 and external_message_id = 'd'`,
    [{ body: 'the first' }],
  )
})

t.test(
  'a closed conversation opens again, an archived thread is followed by a new one, a parked update is applied',
  async (t) => {
    const one = await receive(sql, { tenant: 103, id: 'a' })
    const two = await receive(sql, { tenant: 103, id: 'b', address: '+27831110002' })
    await sql`update pigeonpost.conversations set status = 'closed' where tenant_id = 103 and id = ${one?.conversation_id ?? ''}`
    await sql`select pigeonpost.archive_thread(103, ${two?.thread_id ?? ''})`
    await sql`select pigeonpost.apply_update(103, 'whatsapp', 'c', '{"kind": "receipt", "status": "read"}')`
    t.match(await ingest(sql, [plain(103, 'a'), plain(103, 'b', { address: '+27831110002' })]), [
      { outcome: 'duplicate' },
      { outcome: 'duplicate' },
    ])
    t.same(
      await sql`select count(*) from pigeonpost.threads where tenant_id = 103 and status = 'active'`,
      [{ count: 0 }],
      'a redelivery opens nothing',
    )
    await ingest(sql, [plain(103, 'c'), plain(103, 'd', { address: '+27831110002' })])
    t.same(await sql`select status from pigeonpost.conversations where tenant_id = 103`, [
      { status: 'open' },
      { status: 'open' },
    ])
    t.same(
      await sql`select count(*) from pigeonpost.threads where tenant_id = 103 and status = 'active'`,
      [{ count: 2 }],
    )
    t.same(
      await sql`select status from pigeonpost.messages where tenant_id = 103 and external_message_id = 'c'`,
      [{ status: 'read' }],
    )
    t.same(await sql`select count(*) from pigeonpost.parked_updates where tenant_id = 103`, [
      { count: 0 },
    ])
  },
)

t.test(
  'batches at once over the same new addresses neither deadlock nor store twice',
  async (t) => {
    const batch = (writer: number): Row[] => {
      const random = seeded(writer)
      return Array.from({ length: 60 }, (_, index) => {
        const number = String(index % 40).padStart(4, '0')
        return plain(104, `m${index}`, {
          address: index % 2 ? `+2783111${number}` : `2783111${number}@s.whatsapp.net`,
        })
      })
        .map((row) => ({ row, at: random() }))
        .toSorted((a, b) => a.at - b.at)
        .map(({ row }) => row)
    }
    await receive(sql, { tenant: 104, id: 'first' })
    const results = await Promise.all(
      [1, 2, 3, 4, 5, 6].map(async (writer) => {
        const own = core.connect({ max: 1 })
        // Twice: to new addresses, and again.
        return [...(await ingest(own, batch(writer))), ...(await ingest(own, batch(writer + 10)))]
      }),
    )
    const outcomes = results.flat().map(({ outcome }) => outcome)
    t.equal(outcomes.filter((outcome) => outcome === 'stored').length, 60)
    t.equal(outcomes.filter((outcome) => outcome === 'duplicate').length, 6 * 120 - 60)
    t.same(await sql`select count(*) from pigeonpost.messages where tenant_id = 104`, [
      { count: 61 },
    ])
    t.same(await sql`select count(*) from pigeonpost.customers where tenant_id = 104`, [
      { count: 41 },
    ])
    t.same(
      await sql`select count(*) from pigeonpost.threads where tenant_id = 104 and status = 'active'`,
      [{ count: 41 }],
    )
  },
)

t.test(
  'a bridge ingests in its tenants, the application in the one that it has set, a reader nowhere',
  async (t) => {
    const bridge = await core.login(['pigeonpost_bridge'], [105])
    const reader = await core.login(['pigeonpost_reader'], [105])
    const app = await core.login(['pigeonpost_app'])
    t.match(
      await ingest(bridge, [
        plain(105, 'a'),
        plain(105, 'b', { direction: 'outbound', external_message_id: undefined }),
      ]),
      [{ outcome: 'stored' }, { outcome: 'stored' }],
    )
    t.match(
      await ingest(bridge, [plain(105, 'c')]),
      [{ outcome: 'stored' }],
      'a known address, the short way',
    )
    const refused = { code: 'PPT01', constraint: 'tenant_is_granted', column: 'tenant_id' }
    t.same(await violation(ingest(bridge, [plain(106, 'a')])), refused)
    t.same(
      await violation(
        bridge`insert into pigeonpost.ingest_batches (tenant_id, messages) values (106, '[]')`,
      ),
      refused,
    )
    // The batch is of the tenant that was checked, whatever its rows say.
    await bridge`insert into pigeonpost.ingest_batches (tenant_id, messages) values (105, ${bridge.json([plain(106, 'sneaky') as never])})`
    t.match(await violation(ingest(reader, [plain(105, 'x')])), { code: '42501' })
    t.match(
      await asTenant(
        app,
        105,
        async (tx) =>
          tx`select outcome from pigeonpost.ingest(${tx.json([plain(105, 'd') as never])})`,
      ),
      [{ outcome: 'stored' }],
    )
    t.same(
      await violation(
        asTenant(
          app,
          105,
          async (tx) =>
            tx`select outcome from pigeonpost.ingest(${tx.json([plain(106, 'd') as never])})`,
        ),
      ),
      refused,
    )
    t.same(
      await sql`select external_message_id from pigeonpost.messages where tenant_id in (105, 106) order by number`,
      [
        { external_message_id: 'a' },
        { external_message_id: null },
        { external_message_id: 'c' },
        { external_message_id: 'd' },
      ],
    )
  },
)

t.test('no role makes the row triggers stand back', async (t) => {
  const bridge = await core.login(['pigeonpost_bridge'], [107])
  const app = await core.login(['pigeonpost_app'], [107])
  for (const role of [bridge, app]) {
    for (const attempt of [
      'set role pigeonpost_ingest',
      'set role pigeonpost_owner',
      'set session authorization pigeonpost_ingest',
      'set session_replication_role = replica',
      'alter table pigeonpost.messages disable trigger all',
      'create function pg_temp.f() returns void language sql security definer as $$ select $$; alter function pg_temp.f() owner to pigeonpost_ingest',
      `select pigeonpost_private.store_message(107, '{}')`,
      `select pigeonpost_private.insert_batch(107, '[]', true)`,
      `select pigeonpost_private.open_conversations(107, '[]')`,
      `select pigeonpost_private.try_message(107, '{}')`,
      `select pigeonpost_private.complete_messages(107, '[]', '{}', null, null)`,
      'select pigeonpost_private.open_thread(107, null, null, null, null)',
      `select pigeonpost_private.append_event(107, 'message.inbound.created')`,
      'select pigeonpost_private.tg_ingest_batches__ingest()',
    ]) {
      t.match(
        await violation(role.unsafe(attempt)),
        { code: /^(42501|0A000|3F000|42883)$/ },
        attempt,
      )
    }
    await role`select set_config('pigeonpost.ingest', 'on', false), set_config('pigeonpost.notify', 'off', false), set_config('search_path', 'pg_temp', false)`
    const id = role === app ? 'by the app' : 'by the bridge'
    const stored = await receive(role, { tenant: 107, id })
    t.same(
      await sql`select exists (select from pigeonpost.threads t where t.tenant_id = 107 and t.id = ${stored?.thread_id ?? ''}) as thread,
        (select count(*) from pigeonpost.event_log e where e.tenant_id = 107 and e.message_id = ${stored?.id ?? ''}) as events`,
      [{ thread: true, events: 1 }],
      'its thread and its event are there',
    )
  }
})
