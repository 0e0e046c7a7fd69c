import { randomUUID } from 'node:crypto'
import t from 'tap'
import type { Db } from '../../db/connect.ts'
import { testDatabase } from '../support/database.ts'
import { type Row, store } from '../support/messages.ts'
import { beginSending } from '../support/outbox.ts'
import { waitFor } from '../support/wait.ts'

const { sql, connect, login } = await testDatabase(t)
const tenant_id = 1
const address = '+27830000001'
const later = new Date(Date.now() + 3_600_000)

const outbound = async (more: Row = {}) =>
  store(sql, { tenant_id, address, direction: 'outbound', body: 'x', ...more })

async function waiting(id: string): Promise<Row | undefined> {
  const [row] = await sql<Row[]>`
    select state, priority, attempt, attempt_id, accepted_on::text, due_at, address, error_code
    from pigeonpost.outbox where message_id = ${id}`
  return row
}

async function read(id: string): Promise<Row> {
  const [row] = await sql<Row[]>`
    select status, state, attempts, provider, error_code, next_attempt_at from pigeonpost.messages_with_state where id = ${id}`
  return row ?? {}
}

t.test('what is to be sent is in the outbox, and nothing else', async (t) => {
  const now = await outbound({ priority: 3 })
  t.match(await waiting(now.id), { state: 'queued', priority: 3, attempt: 0, address })
  t.match(await read(now.id), { status: 'queued', state: 'queued', next_attempt_at: null })
  const soon = await outbound({ scheduled_for: later })
  t.match(await waiting(soon.id), { state: 'scheduled', due_at: later })
  t.match(await read(soon.id), { status: 'queued', state: 'scheduled', next_attempt_at: later })
  for (const row of [
    { external_message_id: randomUUID() },
    { status: 'failed' },
    { direction: 'system' },
    { direction: 'inbound', external_message_id: randomUUID() },
  ]) {
    const { id } = await outbound(row)
    t.equal(await waiting(id), undefined, JSON.stringify(row))
  }
})

t.test(
  'a message that ends leaves it, by whatever ends it, and takes its tries along',
  async (t) => {
    for (const status of ['sent', 'delivered', 'read', 'failed', 'unknown', 'canceled']) {
      const { id } = await outbound()
      await sql`
      update pigeonpost.outbox set state = 'retrying', attempt = 2, provider = 'p', error_code = 'busy' where message_id = ${id}`
      await sql`update pigeonpost.messages set status = ${status} where id = ${id}`
      t.equal(await waiting(id), undefined, status)
      t.match(await read(id), { status, state: status, attempts: 2, provider: 'p' })
      if (status === 'canceled') t.match(await read(id), { error_code: 'busy' })
    }
    const { id } = await outbound()
    await sql`delete from pigeonpost.messages where id = ${id}`
    t.equal(await waiting(id), undefined, 'deleted')
  },
)

t.test('a receipt that comes before the outcome ends the try, too', async (t) => {
  for (const [status, outcome] of [
    ['delivered', 'sent'],
    ['failed', 'failed'],
  ] as const) {
    const { id } = await outbound()
    const reference = await beginSending(sql, id)
    await sql`select pigeonpost.apply_update(1, 'whatsapp', ${randomUUID()}, ${sql.json({ kind: 'receipt', status, reference })})`
    t.match(await read(id), { status, attempts: 1 })
    t.match(
      await sql`select outcome from pigeonpost.delivery_attempts where message_id = ${id}`,
      [{ outcome }],
      'though its worker may have died',
    )
  }
})

t.test('what failed or is unknown comes back by plain SQL', async (t) => {
  const failed = await outbound()
  await beginSending(sql, failed.id, { attempt: 3 })
  await sql`update pigeonpost.messages set status = 'failed' where id = ${failed.id}`
  await sql`update pigeonpost.messages set status = 'queued' where id = ${failed.id}`
  t.match(await waiting(failed.id), { state: 'queued', attempt: 0, attempt_id: null })

  const unknown = await outbound()
  await sql`update pigeonpost.outbox set accepted_on = '2026-01-01' where message_id = ${unknown.id}`
  const attempt = await beginSending(sql, unknown.id)
  await sql`update pigeonpost.messages set status = 'unknown' where id = ${unknown.id}`
  await sql`update pigeonpost.messages set status = 'queued' where id = ${unknown.id}`
  t.match(
    await waiting(unknown.id),
    { state: 'queued', attempt: 1, attempt_id: attempt, accepted_on: '2026-01-01' },
    'under the same attempt id, and counted once',
  )
})

t.test('its states are no statuses: to set one changes nothing', async (t) => {
  const { id } = await outbound({ status: 'sending' })
  for (const state of ['sending', 'retrying', 'scheduled']) {
    await sql`update pigeonpost.messages set status = ${state}, error_code = 'x' where id = ${id}`
    t.match(await read(id), { status: 'queued', state: 'queued', error_code: null }, state)
  }
})

t.test('priority and validity are the message`s', async (t) => {
  const { id } = await outbound()
  await sql`update pigeonpost.messages set priority = 9, valid_until = ${later} where id = ${id}`
  t.match(await waiting(id), { priority: 9 })
  t.match(await sql`select valid_until from pigeonpost.outbox where message_id = ${id}`, [
    { valid_until: later },
  ])
})

t.test('a bridge reads it, and cannot write it', async (t) => {
  const { id } = await outbound()
  const bridge = await login(['pigeonpost_bridge'], [tenant_id])
  t.match(await bridge`select state from pigeonpost.messages_with_state where id = ${id}`, [
    { state: 'queued' },
  ])
  for (const write of [
    bridge`update pigeonpost.outbox set state = 'retrying' where message_id = ${id}`,
    bridge`delete from pigeonpost.outbox where message_id = ${id}`,
  ])
    await t.rejects(write, { code: '42501' })
  await bridge`update pigeonpost.messages set status = 'failed' where id = ${id}`
  t.equal(await waiting(id), undefined, 'but by what became of the message')
})

t.test('an end and a claim wait for each other, and what is being sent stays', async (t) => {
  const [claimer, other] = [connect({ max: 1 }), connect({ max: 1 })]
  const { id } = await outbound()
  let ending: Promise<unknown> = Promise.resolve()
  await claimer.begin(async (tx) => {
    await beginSending(tx as Db as never, id)
    ending = other`update pigeonpost.messages set status = 'canceled' where id = ${id}`.execute()
    await waitFor(
      async () =>
        (
          await sql`
          select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
        ).length === 1,
      { what: 'the cancel to wait for the claim' },
    )
  })
  await ending
  t.match(await read(id), { status: 'queued', state: 'sending' })
})
