import t from 'tap'
import type { Sql } from '../../db/connect.ts'
import { testDatabase } from '../support/database.ts'
import { receive } from '../support/messages.ts'
import { violation, without } from '../support/rules.ts'

type Row = Record<string, unknown>

const core = await testDatabase(t)
const { sql } = core
/** As if a relay notified for all. */
const relay = core.connect({ max: 1 })
const holdNotifyLock = () =>
  relay`select pg_advisory_lock(pigeonpost_private.notify_lock_class(), 0)`
const freeNotifyLock = () =>
  relay`select pg_advisory_unlock(pigeonpost_private.notify_lock_class(), 0)`
await holdNotifyLock()

/** How a message stands in the log: its row's word, the rows of events that stand for it, and what a reader reads. */
async function inLog(tenant: number, id: string) {
  const [message] = await sql<{ number: number; is_own_event: boolean | null; rows: number[] }[]>`
    select m.number, m.is_own_event, array(
      select e.id from pigeonpost.events e
      where e.tenant_id = m.tenant_id and e.message_id = m.id and e.type like 'message.%.created') as rows
    from pigeonpost.messages m where m.tenant_id = ${tenant} and m.external_message_id = ${id}`
  const read = await sql<{ id: number }[]>`
    select e.id from pigeonpost.read_events(null, null, ${tenant}) e
    where e.type like 'message.%.created' and e.payload ->> 'external_message_id' = ${id}`
  return { ...message, read: read.map((row) => row.id) }
}

t.test('a usual message writes no row of events, and is read once, at its number', async (t) => {
  await receive(sql, { tenant: 1, id: 'first' })
  const bridge = await core.login(['pigeonpost_bridge'], [1])
  const app = core.connect({
    max: 1,
    settings: { 'pigeonpost.tenant': '1', role: 'pigeonpost_app' },
  })
  for (const [who, on] of Object.entries({ owner: sql, bridge, app })) {
    const stored = await receive(on, { tenant: 1, id: who })
    const { number, ...rest } = await inLog(1, who)
    t.same(rest, { is_own_event: true, rows: [], read: [stored?.number] }, who)
    t.equal(number, stored?.number)
  }
  const [event] = await sql`
    select id, event_id, type, payload from pigeonpost.read_events(null, null, 1)
    where payload ->> 'external_message_id' = 'owner'`
  const [message] = await sql`
    select id, number, conversation_id, thread_id, customer_id, account_id from pigeonpost.messages
    where external_message_id = 'owner'`
  const { id, number, ...ids } = message ?? {}
  t.match(event, {
    id: number,
    event_id: id,
    type: 'message.inbound.created',
    payload: { ...ids, event_id: id, message_id: id, direction: 'inbound', body: 'owner' },
  })
  t.equal(await receive(sql, { tenant: 1, id: 'owner' }), null)
  t.match(await inLog(1, 'owner'), { rows: [], read: [number] }, 'a second copy is no event')
  await without(
    sql,
    'pigeonpost_private.tg_messages__resolve',
    ['then true end', 'and false then true end'],
    async () => {
      await receive(sql, { tenant: 1, id: 'long' })
      t.match(await inLog(1, 'long'), { is_own_event: null, rows: [Number] }, 'else it writes one')
    },
  )
})

t.test('whatever is not usual has its row in events', async (t) => {
  await receive(sql, { tenant: 2, id: 'first' })
  await sql`select pigeonpost.apply_update(2, 'whatsapp', 'receipt', '{"kind": "receipt", "status": "read"}')`
  const cases: Record<string, Row> = {
    'of nobody that is known': { address: '+27831110001' },
    'with a file': { media_url: 'https://files.example/a' },
    'with files': { metadata: { media: [{}] } },
    'of another type': { content_type: 'location' },
    'without a text': { body: null },
    'with a long text': { body: 'x'.repeat(20_000) },
    'read already': { status: 'read' },
    'with what is to be cleaned': { body: 'a\u0001b' },
    'in a group': { conversation_external_id: '1@g.us' },
    outbound: { direction: 'outbound' },
    system: { direction: 'system' },
    receipt: {},
  }
  for (const [id, more] of Object.entries(cases)) {
    await receive(sql, { tenant: 2, id, more })
    const { number, is_own_event, rows, read } = await inLog(2, id)
    t.notOk(is_own_event, id)
    t.equal(rows?.length, 1, id)
    t.same(read, rows, id)
    t.ok(Number(rows?.[0]) > Number(number), `${id}: under an id of its own`)
  }
  await sql`update pigeonpost.threads set status = 'archived' where tenant_id = 2`
  await receive(sql, { tenant: 2, id: 'first of a thread' })
  t.match(await inLog(2, 'first of a thread'), { is_own_event: null, rows: [Number] })
  await receive(sql, { tenant: 2, id: 'second' })
  t.match(await inLog(2, 'second'), { is_own_event: true, rows: [] })

  await sql`select pigeonpost.apply_update(2, 'whatsapp', 'lost', '{"kind": "receipt", "status": "read"}')`
  await without(
    sql,
    'pigeonpost_private.tg_messages__resolve',
    [/and not exists \(select 1 from pigeonpost.parked_updates[\s\S]*?\)\s+and/, 'and'],
    async () => {
      await receive(sql, { tenant: 2, id: 'lost' })
      t.same(
        await sql`select status from pigeonpost.messages where external_message_id = 'lost'`,
        [{ status: 'delivered' }],
        'else nobody applies what was parked',
      )
    },
  )
  t.same(await sql`select status from pigeonpost.messages where external_message_id = 'receipt'`, [
    { status: 'read' },
  ])
})

t.test('where nobody else notifies, the usual message has its row and notifies', async (t) => {
  await receive(sql, { tenant: 3, id: 'first' })
  const heard: { id: number }[] = []
  const listening = await sql.listen(
    'pigeonpost_events',
    (text) => void heard.push(JSON.parse(text)),
  )
  await freeNotifyLock()
  await receive(sql, { tenant: 3, id: 'by itself' })
  await holdNotifyLock()
  t.match(await inLog(3, 'by itself'), { is_own_event: null, rows: [Number] })
  await receive(sql, { tenant: 3, id: 'by the relay' })
  t.match(await inLog(3, 'by the relay'), { is_own_event: true })
  await listening.unlisten()
  t.same(
    heard.map(({ id }) => id),
    (await inLog(3, 'by itself')).rows,
  )
})

t.test('a number is drawn and never given, and nobody says what is its own event', async (t) => {
  await receive(sql, { tenant: 4, id: 'first' })
  const bridge = await core.login(['pigeonpost_bridge'], [4])
  const app = core.connect({
    max: 1,
    settings: { 'pigeonpost.tenant': '4', role: 'pigeonpost_app' },
  })
  for (const [who, on] of Object.entries({ owner: sql, bridge, app })) {
    for (const more of [
      {},
      { body: null },
      { direction: 'outbound' },
      { address: '+27831119999' },
    ]) {
      t.same(
        await violation(
          receive(on, { tenant: 4, id: `${who} number`, more: { ...more, number: 1e9 } }),
        ),
        { code: 'PPV01', constraint: 'messages_number_is_drawn', column: 'number' },
        `${who} ${JSON.stringify(more)}`,
      )
    }
    for (const word of [true, false]) {
      const id = `${who} ${word}`
      await receive(on, { tenant: 4, id, more: { is_own_event: word } })
      const { is_own_event, rows, read } = await inLog(4, id)
      t.same([is_own_event, rows?.length, read], [null, 1, rows], `${id}: its row stands for it`)
    }
    const group = { conversation_external_id: '1@g.us', is_own_event: true }
    await receive(on, { tenant: 4, id: `${who} group`, more: group })
    t.match(await inLog(4, `${who} group`), { is_own_event: null, rows: [Number] })
  }
  const before = await inLog(4, 'first')
  for (const change of ['number = 1', 'is_own_event = true']) {
    for (const on of [bridge, app]) {
      t.match(await violation(on.unsafe(`update pigeonpost.messages set ${change}`)), {
        code: '42501',
      })
    }
  }
  t.same(await inLog(4, 'first'), before)
})

t.test('a transition is written once, and only by the change of a message', async (t) => {
  const message = await receive(sql, { tenant: 5, id: 'in' })
  const receipt = (on: Sql, id: string, what: Row) =>
    on`select pigeonpost.apply_update(5, 'whatsapp', ${id}, ${JSON.stringify({ kind: 'receipt', ...what })}::text::jsonb)`
  await sql`update pigeonpost.messages set status = 'read' where id = ${message?.id ?? ''}`
  await receive(sql, { tenant: 5, id: 'out', more: { direction: 'outbound' } })
  await receipt(sql, 'out', { status: 'delivered' })
  await receipt(sql, 'early', { status: 'read' })
  await receive(sql, { tenant: 5, id: 'early' })
  const group = { conversation_external_id: '1@g.us', direction: 'outbound' }
  await receive(sql, { tenant: 5, id: 'group', more: group })
  await receipt(sql, 'group', { status: 'delivered', recipient: '+27831110001' })
  await receipt(sql, 'group', { status: 'delivered', recipient: '+27831110002' })

  t.same(await sql`select from pigeonpost.events where type = 'message.status'`, [])
  const written = await sql`
    select s.number as id, s.id as event_id, s.status, s.previous_status as before, m.external_message_id as of
    from pigeonpost.message_statuses s join pigeonpost.messages m on m.tenant_id = s.tenant_id and m.id = s.message_id
    where s.tenant_id = 5 and s.previous_status is not null order by s.number`
  t.match(
    written.map(({ of, before, status }) => [of, before, status].join(' ')),
    ['in delivered read', 'out sent delivered', 'early delivered read', 'group sent delivered'],
    'and none for who else of a group has it',
  )
  t.equal((await sql`select from pigeonpost.message_statuses where tenant_id = 5`).length, 6)
  t.same(
    await sql`
      select id, event_id, payload ->> 'status' as status, payload ->> 'previous_status' as before,
        payload ->> 'external_message_id' as of
      from pigeonpost.read_events(null, null, 5) where type = 'message.status'`,
    written,
  )
  const bridge = await core.login(['pigeonpost_bridge'], [5])
  const forge = { tenant_id: 5, message_id: message?.id, status: 'read' }
  for (const column of [{ previous_status: 'sent' }, { number: 1 }, { content_type: 'image' }]) {
    t.match(
      await violation(
        bridge`insert into pigeonpost.message_statuses ${bridge({ ...forge, ...column })}`,
      ),
      { code: '42501' },
    )
  }
})
