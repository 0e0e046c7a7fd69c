import t from 'tap'
import type { Sql } from '../../db/connect.ts'
import { testDatabase } from '../support/database.ts'
import { receive } from '../support/messages.ts'
import { violation, without } from '../support/rules.ts'
import { someoneWaits, waitFor } from '../support/wait.ts'

type Update = Record<string, string | number | null>

const at = (seconds: number): string => new Date(Date.UTC(2025, 0, 1, 10, 0, seconds)).toISOString()

async function update(
  sql: Sql,
  tenant: number,
  id: string,
  what: Update,
  more: { account?: string; chat?: string } = {},
) {
  const [row] = await sql<{ outcome: string }[]>`
    select pigeonpost.apply_update(${tenant}, 'whatsapp', ${id}, ${sql.json(what)}, ${more.account ?? null}, ${more.chat ?? null}) as outcome`
  return row?.outcome
}

t.test('one database', async (t) => {
  const core = await testDatabase(t)
  const { sql } = core

  await t.test('statuses only move forward, and every move is kept', async (t) => {
    await sql`insert into pigeonpost.messages (tenant_id, channel, direction, address, external_message_id) values (30, 'whatsapp', 'outbound', '+27831110001', 'o')`
    t.equal(await update(sql, 30, 'o', { kind: 'receipt', status: 'read', at: at(5) }), 'applied')
    t.equal(
      await update(sql, 30, 'o', {
        kind: 'receipt',
        status: 'delivered',
        at: new Date().toISOString(),
      }),
      'ignored',
    )
    t.equal(
      await update(sql, 30, 'o', { kind: 'receipt', status: 'failed', error_code: 'x' }),
      'ignored',
    )
    await sql`update pigeonpost.messages set status = 'sent', error_code = 'late' where tenant_id = 30`
    t.match(await sql`select status, error_code from pigeonpost.messages where tenant_id = 30`, [
      { status: 'read', error_code: null },
    ])
    t.same(
      await sql`select previous_status, status from pigeonpost.message_statuses where tenant_id = 30`,
      [{ previous_status: 'sent', status: 'read' }],
    )
    t.same(
      await violation(sql`update pigeonpost.messages set status = 'gone' where tenant_id = 30`),
      {
        code: 'PPV01',
        constraint: 'messages_status_known',
        column: 'status',
      },
    )
  })

  await t.test('each transition of the design is allowed, and no other', async (t) => {
    const statuses = [
      'scheduled',
      'queued',
      'sending',
      'retrying',
      'sent',
      'delivered',
      'read',
      'failed',
      'canceled',
      'unknown',
    ]
    const allowed = await sql<{ direction: string; from: string; to: string[] }[]>`
      select d as direction, f as from, array_agg(g order by g) as to
      from unnest(${['inbound', 'outbound', 'system']}::text[]) d cross join unnest(${statuses}::text[]) f cross join unnest(${statuses}::text[]) g
      where pigeonpost.status_may_change(d, f, g) group by 1, 2 order by 1, 2`
    const inbound = allowed.filter((row) => row.direction === 'inbound')
    t.same(inbound, [{ direction: 'inbound', from: 'delivered', to: ['read'] }])
    t.same(
      allowed.filter((row) => row.direction === 'system'),
      [],
    )
    const outbound = Object.fromEntries(
      allowed.filter((row) => row.direction === 'outbound').map((row) => [row.from, row.to]),
    )
    t.same(outbound['sent'], ['delivered', 'failed', 'read'])
    t.same(outbound['delivered'], ['read'])
    t.notOk(outbound['read'] ?? outbound['canceled'], 'the ends')
    t.same(outbound['failed'], ['delivered', 'queued', 'read', 'sent'])
    t.same(outbound['unknown'], ['delivered', 'failed', 'queued', 'read', 'sent'])
    t.same(outbound['queued'], ['canceled', 'delivered', 'failed', 'read', 'sent', 'unknown'])
    for (const state of ['scheduled', 'sending', 'retrying']) {
      t.notOk(outbound[state], `${state} is a state of the outbox`)
      t.notOk(
        Object.values(outbound).some((to) => to.includes(state)),
        `and no status to go to`,
      )
    }
  })

  await t.test('what is wrong with an update is named, and nothing is parked', async (t) => {
    const good: Update = { kind: 'receipt', status: 'read' }
    for (const [what, constraint, column] of [
      [{}, 'update_kind_known', 'kind'],
      [{ kind: 'smile' }, 'update_kind_known', 'kind'],
      [{ kind: 'receipt' }, 'receipt_status_known', 'status'],
      [{ kind: 'receipt', status: 'queued' }, 'receipt_status_known', 'status'],
      [{ kind: 'edit' }, 'edit_has_body', 'body'],
      [{ kind: 'edit', body: 'x'.repeat(1048577) }, 'messages_body_at_most_1_mib', 'body'],
      [{ ...good, at: 'yesterday-ish' }, 'update_time_known', 'at'],
      [{ ...good, at: 1733768400 }, 'update_time_known', 'at'],
      [{ ...good, at: 'infinity' }, 'update_time_known', 'at'],
    ] as [Update, string, string][]) {
      t.same(
        await violation(update(sql, 31, 'none', what)),
        { code: 'PPV01', constraint, column },
        JSON.stringify(what).slice(0, 60),
      )
    }
    t.match(await violation(sql`select pigeonpost.apply_update(31, 'whatsapp', 'none', '[]')`), {
      constraint: 'update_is_an_object',
    })
    t.match(await violation(update(sql, 31, '', good)), {
      code: 'PPV01',
      constraint: 'update_names_its_message',
    })
    t.same(await sql`select * from pigeonpost.parked_updates where tenant_id = 31`, [])
  })

  await t.test(
    'an unusable update that somebody parked past the door does not keep its message out',
    async (t) => {
      await receive(sql, { tenant: 32, id: 'first' })
      await sql`insert into pigeonpost.parked_updates (tenant_id, channel, external_message_id, update)
      values (32, 'whatsapp', 'm', '{"kind": "receipt", "status": "read", "at": "rubbish"}'), (32, 'whatsapp', 'm', '{"kind": "edit", "body": "good"}')`
      t.ok(await receive(sql, { tenant: 32, id: 'm' }))
      t.match(
        await sql`select body, status from pigeonpost.messages where tenant_id = 32 and external_message_id = 'm'`,
        [{ body: 'good', status: 'delivered' }],
      )
    },
  )

  await t.test('account and chat tell messages with the same id apart', async (t) => {
    const [a, b] = await sql<
      { id: string }[]
    >`insert into pigeonpost.accounts (tenant_id, channel, address) values
      (33, 'whatsapp', '+15550000001'), (33, 'whatsapp', '+15550000002') returning id`
    const outbound = async (account: string | undefined, to: string, group?: string) => sql`
      insert into pigeonpost.messages (tenant_id, channel, direction, account_id, address, conversation_external_id, external_message_id)
      values (33, 'whatsapp', 'outbound', ${account ?? null}, ${to}, ${group ?? null}, '1')`
    await outbound(a?.id, '+27831110001')
    await outbound(b?.id, '+27831110001')
    await outbound(a?.id, '+27831110002')
    await outbound(a?.id, '+27831110003', '9@g.us')
    const read = async () =>
      (
        await sql`select a.address as account, m.address from pigeonpost.messages m
        join pigeonpost.accounts a on a.tenant_id = m.tenant_id and a.id = m.account_id
        where m.tenant_id = 33 and m.status = 'read' order by 1, 2`
      ).map((row) => `${row['account']} ${row['address']}`)
    const good: Update = { kind: 'receipt', status: 'read' }
    await update(sql, 33, '1', good, { account: b?.id ?? '' })
    t.same(await read(), ['+15550000002 +27831110001'])
    await update(sql, 33, '1', good, { account: a?.id ?? '', chat: '27831110002@s.whatsapp.net' })
    t.same(
      await read(),
      ['+15550000001 +27831110002', '+15550000002 +27831110001'],
      'a direct chat goes by its counterpart',
    )
    await update(sql, 33, '1', good, { chat: '9@g.us' })
    t.equal((await read()).length, 3)
    t.equal(
      await update(sql, 33, '1', good, { chat: '27831119999@s.whatsapp.net' }),
      'parked',
      'no such chat yet',
    )
    t.equal(
      await update(
        sql,
        33,
        '1',
        { ...good, at: at(1) },
        { account: a?.id ?? '', chat: '+27831110002' },
      ),
      'applied',
    )
    t.equal(
      await sql`select pigeonpost.apply_update(33, 'sms', '1', ${sql.json(good)}) as o`.then(
        ([row]) => row?.['o'],
      ),
      'parked',
      'another channel',
    )
    await outbound(b?.id, '+27831119999')
    t.same(await sql`select channel from pigeonpost.parked_updates where tenant_id = 33`, [
      { channel: 'sms' },
    ])
    t.equal((await read()).length, 4)
  })

  await t.test(
    'an external id that comes later, with the outcome of a send, brings the parked updates',
    async (t) => {
      await sql`insert into pigeonpost.messages (tenant_id, channel, direction, address, body) values (34, 'whatsapp', 'outbound', '+27831110001', 'x')`
      t.equal(
        await update(sql, 34, 'later', { kind: 'receipt', status: 'delivered', at: at(1) }),
        'parked',
      )
      await sql`update pigeonpost.messages set status = 'sent', external_message_id = 'later' where tenant_id = 34`
      t.match(await sql`select status from pigeonpost.messages where tenant_id = 34`, [
        { status: 'delivered' },
      ])
      t.same(
        await sql`select payload ->> 'status' as status from pigeonpost.event_log where tenant_id = 34 and type = 'message.status' order by id`,
        [{ status: 'sent' }, { status: 'delivered' }],
      )
      t.same(await sql`select * from pigeonpost.parked_updates where tenant_id = 34`, [])
    },
  )

  await t.test('a bridge may, in its own tenants; a reader may not', async (t) => {
    const bridge = await core.login(['pigeonpost_bridge'], [35])
    const reader = await core.login(['pigeonpost_reader'], [35])
    await receive(bridge, { tenant: 35, id: 'mine' })
    await receive(sql, { tenant: 36, id: 'theirs' })
    for (const what of [
      { kind: 'receipt', status: 'read' },
      { kind: 'receipt', status: 'read', recipient: '+27831110001', at: at(2) },
      { kind: 'receipt', status: 'read', recipient: '+27831110001', at: at(1) },
      { kind: 'edit', body: 'new' },
      { kind: 'reaction', emoji: '👍' },
      { kind: 'reaction', emoji: '👎', at: '2100-01-01T00:00:00Z' },
      { kind: 'revoke' },
    ] as Update[]) {
      t.equal(await update(bridge, 35, 'mine', what), 'applied', JSON.stringify(what))
      t.equal(await update(bridge, 35, 'not yet', what), 'parked')
      t.same(await violation(update(bridge, 36, 'theirs', what)), {
        code: 'PPT01',
        constraint: 'tenant_is_granted',
        column: 'tenant_id',
      })
      t.match(await violation(update(reader, 35, 'mine', what)), { code: '42501' })
      t.match(await violation(update(reader, 35, 'not yet', what)), { code: '42501' })
    }
    await receive(bridge, { tenant: 35, id: 'not yet' })
    t.match(
      await sql`select body, revoked_at is not null as revoked, status from pigeonpost.messages where tenant_id = 35`,
      [
        { body: null, revoked: true, status: 'read' },
        { body: null, revoked: true, status: 'read' },
      ],
    )
    t.match(await sql`select body, status from pigeonpost.messages where tenant_id = 36`, [
      { body: 'theirs', status: 'delivered' },
    ])
    t.same(await sql`select * from pigeonpost.parked_updates where tenant_id in (35, 36)`, [])
    for (const table of ['message_history', 'events']) {
      t.match(
        await violation(bridge.unsafe(`update pigeonpost.${table} set tenant_id = tenant_id`)),
        { code: '42501' },
      )
      t.match(await violation(bridge.unsafe(`delete from pigeonpost.${table}`)), { code: '42501' })
    }
  })

  await t.test(
    'an edit or revoke by plain SQL leaves the same history, and what is revoked stays so',
    async (t) => {
      await receive(sql, { tenant: 37, id: 'm', body: 'one' })
      const as = core.connect({ max: 1, settings: { 'pigeonpost.actor': 'ada' } })
      await as`update pigeonpost.messages set body = 'two' where tenant_id = 37`
      await as`update pigeonpost.messages set body = 'two' where tenant_id = 37`
      await sql`update pigeonpost.messages set revoked_at = now() where tenant_id = 37`
      await sql`update pigeonpost.messages set revoked_at = null, body = 'three' where tenant_id = 37`
      t.match(
        await sql`select body, revoked_at is not null as revoked from pigeonpost.messages where tenant_id = 37`,
        [{ body: null, revoked: true }],
      )
      t.same(
        await sql`select kind, body_version, previous_body, body, edited_by from pigeonpost.message_history where tenant_id = 37 order by body_version`,
        [
          { kind: 'edit', body_version: 2, previous_body: 'one', body: 'two', edited_by: 'ada' },
          {
            kind: 'revoke',
            body_version: 3,
            previous_body: 'two',
            body: null,
            edited_by: 'pigeonpost',
          },
        ],
      )
    },
  )

  await t.test('a receipt waits for an insert that is under way', async (t) => {
    const one = core.connect({ max: 1 })
    const two = core.connect({ max: 1 })
    const bridge = await core.login(['pigeonpost_bridge'], [38])
    const race = async (id: string, work = update): Promise<string | undefined> => {
      await one`begin`
      await receive(one, { tenant: 38, id })
      const outcome = work(two, 38, id, { kind: 'receipt', status: 'read' })
      let isOver = false
      outcome.catch(() => {}).finally(() => (isOver = true))
      await waitFor(async () => isOver || (await someoneWaits(sql, 'advisory')), {
        what: 'the receipt to wait, or to be over',
      })
      await one`commit`
      return outcome
    }
    t.equal(await race('a'), 'applied')
    // A bridge may park by itself, in a row.
    const park = (id: string) =>
      race(id, async () => {
        await parkRow(bridge, 38, id, { kind: 'receipt', status: 'read' })
        const [left] =
          await sql`select from pigeonpost.parked_updates where external_message_id = ${id}`
        return left ? 'parked' : 'applied'
      })
    t.equal(await park('row'), 'applied')
    await without(
      sql,
      'pigeonpost_private.tg_parked_updates__apply',
      ['is not null', 'is null'],
      async () => {
        t.equal(await park('lost row'), 'parked', 'without another look')
      },
    )
    await without(
      sql,
      'pigeonpost_private.tg_parked_updates__lock',
      [/perform pg_advisory_xact_lock\([^;]*;/, ''],
      async () => {
        // Without the lock it is parked, for ever.
        t.equal(await race('b').catch((error: Error) => error.message), 'parked')
      },
    )
  })

  await t.test('an insert waits for a receipt that is being parked', async (t) => {
    const one = core.connect({ max: 1 })
    const two = core.connect({ max: 1 })
    await one`begin`
    t.equal(await update(one, 39, 'm', { kind: 'receipt', status: 'read' }), 'parked')
    const stored = receive(two, { tenant: 39, id: 'm' })
    stored.catch(() => {})
    await waitFor(async () => someoneWaits(sql, 'advisory'), { what: 'the insert to wait' })
    await one`commit`
    await stored
    t.match(await sql`select status from pigeonpost.messages where tenant_id = 39`, [
      { status: 'read' },
    ])
  })
})

/** Parks as a bridge may without apply_update(). */
async function parkRow(on: Sql, tenant: number, id: string, what: object): Promise<void> {
  await on`
    insert into pigeonpost.parked_updates (tenant_id, channel, external_message_id, "update")
    values (${tenant}, 'whatsapp', ${id}, ${on.json(what as never)})`
}

t.test('receipts that race their messages by the thousand leave none parked', async (t) => {
  const core = await testDatabase(t)
  const count = 1200
  const writers = core.connect({ max: 4 })
  const receivers = core.connect({ max: 4 })
  const bridge = await core.login(['pigeonpost_bridge'], [1], 4)
  await receive(core.sql, { tenant: 1, id: 'first' })
  const lanes = Array.from({ length: 4 }, (_, lane) =>
    Array.from({ length: count / 4 }, (_, index) => `m${index * 4 + lane}`),
  )
  await Promise.all(
    lanes.flatMap((ids) => [
      (async () => {
        for (const id of ids) await receive(writers, { tenant: 1, id })
      })(),
      (async () => {
        for (const id of ids) await update(receivers, 1, id, { kind: 'receipt', status: 'read' })
      })(),
      (async () => {
        const at = '2026-01-01T00:00:00Z'
        for (const id of ids) await parkRow(bridge, 1, id, { kind: 'reaction', emoji: 'x', at })
      })(),
    ]),
  )
  t.same(await core.sql`select count(*) from pigeonpost.parked_updates`, [{ count: 0 }])
  t.same(await core.sql`select count(*) from pigeonpost.message_reactions`, [{ count }])
  t.same(await core.sql`select status, count(*) from pigeonpost.messages group by 1 order by 1`, [
    { status: 'delivered', count: 1 },
    { status: 'read', count },
  ])
})
