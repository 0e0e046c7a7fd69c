import t from 'tap'
import type { Sql } from '../../db/connect.ts'
import { testDatabase } from '../support/database.ts'
import { receive } from '../support/messages.ts'
import { violation } from '../support/rules.ts'

type Event = {
  id: number
  event_id: string
  tenant_id: number
  type: string
  payload: Record<string, unknown>
  created_at: Date
}

const read = async (sql: Sql, tenant: number | null, after = 0): Promise<Event[]> =>
  sql<Event[]>`select * from pigeonpost.read_events(${after}, null, ${tenant})`

/** The payload that documents 000 and 001 show, filled in, with what every event adds. */
const shape = (
  event: Event | undefined,
  rest: Record<string, unknown>,
): Record<string, unknown> => ({
  event_id: event?.event_id,
  timestamp: event?.created_at.toISOString(),
  ...rest,
})

t.test('events have the documents’ shapes', async (t) => {
  const core = await testDatabase(t)
  const { sql } = core

  await t.test('a first inbound message tells of all that it made, in order', async (t) => {
    const message = await receive(sql, { tenant: 1, id: 'm1', body: 'Hello' })
    const [account] = await sql`select id from pigeonpost.accounts where tenant_id = 1`
    const events = await read(sql, 1)
    t.same(
      events.map((event) => event.type),
      ['customer.created', 'conversation.opened', 'thread.opened', 'message.inbound.created'],
    )
    const ids = {
      conversation_id: message?.conversation_id,
      customer_id: message?.customer_id,
    }
    const [customer, conversation, thread, inbound] = events
    t.same(customer?.payload, shape(customer, { customer_id: ids.customer_id }))
    t.same(
      conversation?.payload,
      shape(conversation, {
        ...ids,
        account_id: account?.['id'],
        type: 'direct',
        channel: 'whatsapp',
        participants: [ids.customer_id],
      }),
    )
    t.same(thread?.payload, shape(thread, { ...ids, thread_id: message?.thread_id }))
    t.same(
      inbound?.payload,
      shape(inbound, {
        ...ids,
        message_id: message?.id,
        thread_id: message?.thread_id,
        account_id: account?.['id'],
        direction: 'inbound',
        body: 'Hello',
        channel: 'whatsapp',
        content_type: 'text',
        external_message_id: 'm1',
      }),
    )
    t.match(inbound?.payload['timestamp'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    t.ok(events.every((event) => event.tenant_id === 1))
  })

  await t.test('a redelivery is no event', async (t) => {
    const before = await read(sql, null)
    await receive(sql, { tenant: 1, id: 'm1', body: 'Hello' })
    t.same(await read(sql, null), before)
  })

  await t.test('outbound, system, status, edit, revoke', async (t) => {
    const [seen] = await sql<{ id: number }[]>`select max(id) as id from pigeonpost.event_log`
    const [out] =
      await sql`insert into pigeonpost.messages (tenant_id, channel, direction, address, body)
      values (1, 'whatsapp', 'outbound', '+27831234567', 'Hello there') returning id, conversation_id, thread_id, customer_id, account_id`
    await sql`insert into pigeonpost.messages (tenant_id, channel, direction, address, body) values (1, 'whatsapp', 'system', '+27831234567', 'note')`
    await sql`update pigeonpost.messages set status = 'failed', error_code = 'nope' where tenant_id = 1 and id = ${out?.['id']}`
    await sql`update pigeonpost.messages set body = 'Hi' where tenant_id = 1 and id = ${out?.['id']}`
    const [created, system, failed, edited] = await read(sql, 1, seen?.id)
    const { id, ...ids } = out ?? {}
    const base = {
      message_id: id,
      ...ids,
      direction: 'outbound',
      channel: 'whatsapp',
      content_type: 'text',
      external_message_id: null,
    }
    t.same(
      [created, system, failed, edited].map((event) => event?.type),
      ['message.outbound.created', 'message.system.created', 'message.status', 'message.edited'],
    )
    t.same(
      created?.payload,
      shape(created, { ...base, body: 'Hello there' }),
      'with the body of its time',
    )
    t.match(system?.payload, { direction: 'system', body: 'note' })
    t.same(
      failed?.payload,
      shape(failed, { ...base, status: 'failed', previous_status: 'queued', error_code: 'nope' }),
    )
    t.same(edited?.payload, shape(edited, { ...base, version: 2, body: 'Hi' }))
    await sql`update pigeonpost.messages set revoked_at = now() where tenant_id = 1 and id = ${id}`
    const [again, , , then, revoked] = await read(sql, 1, seen?.id)
    t.same(again?.payload, shape(again, { ...base, body: null, redacted: 'revoked' }))
    t.same(then?.payload, shape(then, { ...base, version: 2, body: null, redacted: 'revoked' }))
    t.equal(revoked?.type, 'message.revoked')
    t.same(
      revoked?.payload,
      shape(revoked, { ...base, version: 3, body: null, redacted: 'revoked' }),
    )
  })

  await t.test('a group: opened with its participants, added and removed', async (t) => {
    const people = await sql<
      { id: string }[]
    >`insert into pigeonpost.customers (tenant_id, name) values (2, 'a'), (2, 'b'), (2, 'c') returning id`
    const [a, b, c] = people.map((row) => row.id)
    const [group] = await sql.begin(async (tx) => {
      const made =
        await tx`insert into pigeonpost.conversations (tenant_id, type, channel, group_name) values (2, 'group', 'whatsapp', 'Team') returning id, account_id`
      await tx`insert into pigeonpost.conversation_participants (tenant_id, conversation_id, customer_id, role) values
        (2, ${made[0]?.['id']}, ${a ?? ''}, 'owner'), (2, ${made[0]?.['id']}, ${b ?? ''}, 'member')`
      return made
    })
    const id = group?.['id']
    await sql`insert into pigeonpost.conversation_participants (tenant_id, conversation_id, customer_id) values (2, ${id}, ${c ?? ''})`
    await sql`update pigeonpost.conversation_participants set left_at = now() where tenant_id = 2 and customer_id = ${b ?? ''}`
    await sql`update pigeonpost.conversation_participants set left_at = null, joined_at = now() where tenant_id = 2 and customer_id = ${b ?? ''}`
    await sql`delete from pigeonpost.conversation_participants where tenant_id = 2 and customer_id = ${c ?? ''}`
    const events = (await read(sql, 2)).filter((event) => event.type !== 'customer.created')
    const [opened, added, left, back, removed] = events
    t.same(
      events.map((event) => event.type),
      [
        'conversation.opened',
        'conversation.participant.added',
        'conversation.participant.removed',
        'conversation.participant.added',
        'conversation.participant.removed',
      ],
    )
    t.match(opened?.payload, {
      event_id: opened?.event_id,
      conversation_id: id,
      type: 'group',
      timestamp: opened?.created_at.toISOString(),
    })
    const participants = (opened?.payload['participants'] ?? []) as string[]
    t.ok(participants.includes(a ?? ''))
    t.notOk(participants.includes(c ?? ''), 'those who came later are not among them')
    t.same(added?.payload, shape(added, { conversation_id: id, customer_id: c, role: 'member' }))
    t.same(left?.payload, shape(left, { conversation_id: id, customer_id: b, role: 'member' }))
    t.same(back?.payload, shape(back, { conversation_id: id, customer_id: b, role: 'member' }))
    t.same(
      removed?.payload,
      shape(removed, { conversation_id: id, customer_id: c, role: 'member' }),
    )
  })

  await t.test('closing, reopening, archiving, merging, disconnecting', async (t) => {
    const one = await receive(sql, { tenant: 3, id: 'a', address: '+27831110001' })
    const two = await receive(sql, { tenant: 3, id: 'b', address: '+27831110002' })
    const [seen] = await sql<{ id: number }[]>`select max(id) as id from pigeonpost.event_log`
    await sql`update pigeonpost.conversations set status = 'closed' where tenant_id = 3 and id = ${one?.conversation_id ?? ''}`
    const again = await receive(sql, { tenant: 3, id: 'c', address: '+27831110001' })
    await sql`select pigeonpost.archive_thread(3, ${again?.thread_id ?? ''})`
    await sql`select pigeonpost.merge_customers(3, ${one?.customer_id ?? ''}, ${two?.customer_id ?? ''})`
    await sql`update pigeonpost.accounts set status = 'disconnected' where tenant_id = 3`
    await sql`update pigeonpost.accounts set status = 'disconnected' where tenant_id = 3`
    const events = await read(sql, 3, seen?.id)
    const types = events.map((event) => event.type)
    const [account] = await sql`select id from pigeonpost.accounts where tenant_id = 3`
    const ids = { conversation_id: one?.conversation_id, customer_id: one?.customer_id }
    const find = (type: string): Event | undefined => events.find((event) => event.type === type)
    t.same(
      types.filter((type) => type.startsWith('thread.')),
      ['thread.archived', 'thread.opened', 'thread.archived'],
    )
    t.same(
      find('thread.archived')?.payload,
      shape(find('thread.archived'), { ...ids, thread_id: one?.thread_id }),
    )
    const about = {
      ...ids,
      account_id: account?.['id'],
      type: 'direct',
      channel: 'whatsapp',
      participants: [one?.customer_id],
    }
    const closed = find('conversation.closed')
    t.same(closed?.payload, shape(closed, { ...about, thread_id: one?.thread_id }))
    const reopened = find('conversation.opened')
    t.same(
      reopened?.payload,
      shape(reopened, { ...about, thread_id: again?.thread_id, reopened: true }),
    )
    const merged = find('customer.merged')
    t.same(
      merged?.payload,
      shape(merged, {
        customer_id: one?.customer_id,
        merged_customer_id: two?.customer_id,
        joined_conversations: [
          {
            from: two?.conversation_id,
            into: one?.conversation_id,
            messages: [],
          },
        ],
      }),
    )
    const last = events.at(-1)
    t.equal(last?.type, 'account.disconnected')
    t.same(last?.payload, shape(last, { account_id: account?.['id'] }))
    t.equal(types.filter((type) => type === 'account.disconnected').length, 1)
  })

  await t.test(
    'an event shows the version that it speaks of, and nothing once that is gone',
    async (t) => {
      const message = await receive(sql, { tenant: 4, id: 'm', body: 'one' })
      const id = message?.id ?? ''
      for (const body of ['two', 'three'])
        await sql`update pigeonpost.messages set body = ${body} where tenant_id = 4 and id = ${id}`
      const bodies = async () =>
        (await read(sql, 4))
          .filter((event) => event.payload['message_id'] === id)
          .map(({ type, payload }) => [type, payload['body'], payload['redacted']])
      t.same(await bodies(), [
        ['message.inbound.created', 'one', undefined],
        ['message.edited', 'two', undefined],
        ['message.edited', 'three', undefined],
      ])
      await sql`delete from pigeonpost.message_history where tenant_id = 4`
      t.same((await bodies())[1], ['message.edited', null, 'erased'], 'an erased version')
      t.same((await bodies())[2], ['message.edited', 'three', undefined])
      await sql`delete from pigeonpost.messages where tenant_id = 4 and id = ${id}`
      t.same(await bodies(), [
        ['message.inbound.created', null, 'erased'],
        ['message.edited', null, 'erased'],
        ['message.edited', null, 'erased'],
        ['message.removed', null, 'erased'],
      ])
      const stored =
        await sql`select to_jsonb(e)::text as text from pigeonpost.event_log e where tenant_id = 4`
      t.notOk(
        stored.some((row) => /one|two|three/.test(String(row['text']))),
        'no body lies in the log',
      )
      t.notOk(
        stored.some((row) => /27831234567/.test(String(row['text']))),
        'nor an address',
      )
    },
  )

  await t.test(
    'readers see the events of their tenants only, in read-only transactions too',
    async (t) => {
      await receive(sql, { tenant: 5, id: 'm', body: 'secret' })
      const reader = await core.login(['pigeonpost_reader'], [5])
      const bridge = await core.login(['pigeonpost_bridge'], [1, 2])
      const all = await read(sql, null)
      t.same(
        await read(reader, null),
        all.filter((event) => event.tenant_id === 5),
      )
      t.same(
        await read(reader, 5),
        all.filter((event) => event.tenant_id === 5),
      )
      t.same(await read(reader, 1), [])
      t.same(
        await read(bridge, null),
        all.filter((event) => event.tenant_id < 3),
      )
      t.same(
        await reader.begin('read only', async (tx) => tx`select * from pigeonpost.read_events()`),
        await read(reader, null),
      )
      t.same(
        await reader.begin(
          'isolation level repeatable read',
          async (tx) => tx`select * from pigeonpost.read_events()`,
        ),
        await read(reader, null),
      )
      t.match(await violation(reader`select * from pigeonpost_private.log_cursors`), {
        code: '42501',
      })
      t.same(await bridge`select * from pigeonpost.read_events() limit 0`, [])
      const stranger = await core.login([])
      t.match(await violation(stranger`select * from pigeonpost.read_events()`), { code: '42501' })
    },
  )
})
