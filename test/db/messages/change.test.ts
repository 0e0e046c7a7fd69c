import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { connect, type Sql } from '../../../db/connect.ts'
import { cancelMessages } from '../../../db/messages/cancel.ts'
import { resolveMessage } from '../../../db/messages/resolve.ts'
import { retryMessages } from '../../../db/messages/retry.ts'
import { selectMessages } from '../../../db/messages/select.ts'
import { addAccount, queue } from '../../adapters/worker/delivery/support.ts'
import { testDatabase } from '../../support/database.ts'
import { beginSending } from '../../support/outbox.ts'
import { waitFor } from '../../support/wait.ts'

const { url } = await testDatabase(t)
const sql = connect(url, { max: 6 })
t.teardown(() => sql.end({ timeout: 1 }))
const tenantId = 1

const ways: Record<string, string[]> = {
  scheduled: [],
  queued: [],
  sending: [],
  retrying: [],
  sent: ['sent'],
  delivered: ['sent', 'delivered'],
  read: ['sent', 'read'],
  failed: ['failed'],
  canceled: ['canceled'],
  unknown: ['unknown'],
}
const statuses = Object.keys(ways)

/** A message of an account of its own, in that status. */
async function messageIn(
  status: string,
  more: { validUntil?: Date } = {},
): Promise<{ id: string; accountId: string }> {
  const target = await addAccount(sql)
  const later = new Date(Date.now() + 3_600_000)
  const [id = ''] = await queue(sql, target, ['hello'], {
    ...more,
    ...(status === 'scheduled' ? { scheduledFor: later } : {}),
  })
  if (!['scheduled', 'queued', 'canceled'].includes(status))
    await beginSending(sql, id, { attempt: 2 })
  if (status === 'retrying') {
    await sql`update pigeonpost.outbox set state = 'retrying' where message_id = ${id}`
  }
  for (const step of ways[status] ?? []) {
    await sql`update pigeonpost.messages set status = ${step},
      error_code = case when ${step} in ('failed', 'unknown') then 'e1' end where id = ${id}`
  }
  return { id, accountId: target.accountId }
}

async function read(id: string) {
  const [row] = await sql`
    select m.state as status, m.attempts, o.attempt_id, o.accepted_on, m.external_message_id, m.error_code, m.failed_at, m.metadata,
      m.next_attempt_at
    from pigeonpost.messages_with_state m left join pigeonpost.outbox o on o.message_id = m.id where m.id = ${id}`
  return row
}

async function onlyFrom(
  t: Test,
  from: string[],
  to: string,
  work: (id: string) => Promise<unknown>,
): Promise<void> {
  for (const status of statuses) {
    const { id } = await messageIn(status)
    const may = from.includes(status)
    t.match(
      await work(id),
      {
        id,
        previousStatus: status,
        status: may ? to : status,
        changed: may,
        reason: may ? null : 'status',
      },
      status,
    )
    t.equal((await read(id))?.['status'], may ? to : status, status)
  }
}

t.test('only a failed message is retried, and starts anew', async (t) => {
  await onlyFrom(
    t,
    ['failed'],
    'queued',
    async (id) => (await retryMessages(sql, { tenantId, ids: [id] }))[0],
  )
  const { id } = await messageIn('sent')
  await sql`update pigeonpost.messages set external_message_id = 'ext-1' where id = ${id}`
  await sql`update pigeonpost.delivery_attempts set accepted_on = '2026-01-01' where message_id = ${id}`
  const receipt = { kind: 'receipt', status: 'failed', error_code: '131026' }
  await sql`select pigeonpost.apply_update(1, 'whatsapp', 'ext-1', ${sql.json(receipt)})`
  t.match(await read(id), { status: 'failed', metadata: { failed_by: 'receipt' } })
  await retryMessages(sql, { tenantId, ids: [id] })
  t.same(await read(id), {
    status: 'queued',
    attempts: 0,
    attempt_id: null,
    accepted_on: null,
    external_message_id: null,
    error_code: null,
    failed_at: null,
    metadata: {},
    next_attempt_at: null,
  })
  const [late] = await sql`
    select pigeonpost.apply_update(1, 'whatsapp', 'ext-1', ${sql.json(receipt)}) as result`
  t.equal(late?.['result'], 'parked')
  t.match(await read(id), { status: 'queued' }, 'a late receipt of the first send does not fail it')
})

t.test('what could not be sent stays failed, and says why', async (t) => {
  const expired = await messageIn('failed', { validUntil: new Date(Date.now() - 1000) })
  const disabled = await messageIn('failed')
  await sql`update pigeonpost.accounts set status = 'disabled' where id = ${disabled.accountId}`
  const absent = randomUUID()
  const good = await messageIn('failed')
  const ids = [expired.id, disabled.id, good.id, absent, '999999999']
  const changes = await retryMessages(sql, { tenantId, ids })
  t.same(Object.fromEntries(changes.map(({ id, reason }) => [id, reason])), {
    [expired.id]: 'expired',
    [disabled.id]: 'account_disabled',
    [good.id]: null,
    [absent]: 'unknown_id',
    999999999: 'unknown_id',
  })
  t.same((await retryMessages(sql, { tenantId: 2, ids: [good.id] }))[0]?.reason, 'unknown_id')
})

t.test('a message is named by its number as well, once', async (t) => {
  const { id } = await messageIn('failed')
  const [row] = await sql<{ number: number }[]>`
    select number from pigeonpost.messages where id = ${id}`
  const ids = [String(row?.number), `00${row?.number}`, id.toUpperCase()]
  t.match(await retryMessages(sql, { tenantId, ids }), [{ id, number: row?.number, changed: true }])
})

t.test('only what has not left is canceled', async (t) => {
  await onlyFrom(
    t,
    ['scheduled', 'queued', 'retrying'],
    'canceled',
    async (id) => (await cancelMessages(sql, { tenantId, ids: [id] }))[0],
  )
})

t.test(
  'a message that a worker is just claiming is not canceled, one that is canceled not claimed',
  async (t) => {
    const { id } = await messageIn('queued')
    /** As db/delivery/claim.ts does. */
    const claim = (on: Sql) => on`
      with picked as (
        select o.message_id from pigeonpost.outbox o where o.message_id = ${id} and o.state = 'queued' for update skip locked)
      update pigeonpost.outbox o set state = 'sending', attempt = 1, attempt_id = ${randomUUID()}
      from picked p where o.message_id = p.message_id returning p.message_id`
    const waits = (what: string) =>
      waitFor(
        async () =>
          (
            await sql`select from pg_locks l join pg_database d on d.oid = l.database or l.database is null
        where not l.granted and d.datname = current_database()`
          ).length > 0,
        { what },
      )
    let canceling: Promise<unknown> = Promise.resolve()
    await sql.begin(async (tx) => {
      t.equal((await claim(tx as unknown as Sql)).length, 1)
      canceling = cancelMessages(sql, { tenantId, ids: [id] })
      await waits('the cancel to wait for the claim')
    })
    t.match(await canceling, [{ changed: false, reason: 'status', status: 'sending' }])

    await sql`update pigeonpost.outbox set state = 'queued' where message_id = ${id}`
    await sql.begin(async (tx) => {
      await cancelMessages(tx as never, { tenantId, ids: [id] })
      t.equal((await claim(sql)).length, 0)
    })
    t.match(await read(id), { status: 'canceled' })
  },
)

t.test('plain SQL cannot call back what a worker is just claiming, either', async (t) => {
  const { id } = await messageIn('queued')
  const cancel = async () =>
    sql`update pigeonpost.messages set status = 'canceled' where id = ${id}`.execute()
  let canceling: Promise<unknown> = Promise.resolve()
  await sql.begin(async (tx) => {
    await beginSending(tx, id)
    canceling = cancel()
    await waitFor(
      async () =>
        (
          await sql`select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`
        ).length > 0,
      { what: 'the cancel to wait for the claim' },
    )
  })
  await canceling
  t.match(await read(id), { status: 'sending' })
})

t.test(
  'an unknown message is resolved as sent, failed or to be sent again, and no other is',
  async (t) => {
    const about = (id: string) => ({ tenantId, id })
    await onlyFrom(t, ['unknown'], 'sent', (id) =>
      resolveMessage(sql, about(id), { status: 'sent', externalMessageId: null }),
    )
    await onlyFrom(t, ['unknown'], 'failed', (id) =>
      resolveMessage(sql, about(id), { status: 'failed' }),
    )
    await onlyFrom(t, ['unknown'], 'queued', (id) =>
      resolveMessage(sql, about(id), { status: 'queued' }),
    )

    const sent = await messageIn('unknown')
    const receipt = { kind: 'receipt', status: 'read' }
    await sql`select pigeonpost.apply_update(1, 'whatsapp', 'ext-2', ${sql.json(receipt)})`
    await resolveMessage(sql, about(sent.id), { status: 'sent', externalMessageId: 'ext-2' })
    t.match(
      await read(sent.id),
      { status: 'read', external_message_id: 'ext-2', error_code: null },
      'with what was parked for it',
    )

    const again = await messageIn('unknown')
    const [before] = await sql`
      select attempt_id from pigeonpost.delivery_attempts where message_id = ${again.id}`
    await resolveMessage(sql, about(again.id), { status: 'queued' })
    t.match(
      await read(again.id),
      { attempts: 0, error_code: null, attempt_id: before?.['attempt_id'] },
      'under the same attempt id',
    )
    t.match(await resolveMessage(sql, about(randomUUID()), { status: 'failed' }), {
      reason: 'unknown_id',
    })
  },
)

t.test('a filter means what it says, the oldest first', async (t) => {
  const one = await messageIn('failed')
  const two = await messageIn('failed')
  const three = await messageIn('queued')
  await sql`update pigeonpost.messages set campaign_id = 'c1' where id in (${one.id}, ${three.id})`
  await sql`update pigeonpost.messages set error_code = 'e2', failed_at = now() - interval '2 days' where id = ${two.id}`
  const select = async (filter: object, limit: number | null = null) =>
    (await selectMessages(sql, { tenantId, statuses: ['failed'], ...filter }, limit)).map(
      ({ id }) => id,
    )
  t.same(await select({ campaignId: 'c1' }), [one.id])
  t.same(await select({ campaignId: 'c1', statuses: ['failed', 'queued'] }), [one.id, three.id])
  t.same(await select({ campaignId: 'c1', statuses: ['failed', 'queued'] }, 1), [one.id])
  t.same(await select({ errorCode: 'e2' }), [two.id])
  t.same(await select({ accountId: one.accountId }), [one.id])
  t.same(await select({ accountId: one.accountId, channel: 'sms' }), [])
  const yesterday = new Date(Date.now() - 86_400_000)
  t.same(await select({ until: yesterday }), [two.id])
  t.notOk((await select({ since: yesterday })).includes(two.id))
  t.same(await select({ tenantId: 2 }), [])
})
