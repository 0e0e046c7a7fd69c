import { randomUUID } from 'node:crypto'
import t from 'tap'
import type { Db } from '../../db/connect.ts'
import { testDatabase } from '../support/database.ts'
import { type Row, store } from '../support/messages.ts'
import { beginSending } from '../support/outbox.ts'
import { waitFor } from '../support/wait.ts'

const { sql, connect } = await testDatabase(t)
const tenant_id = 1
let count = 0

/** An outbound message that was sent with an attempt id, whose outcome is not known. */
async function sending(status = 'unknown'): Promise<{ id: string; attempt: string; ext: string }> {
  const { id } = await store(sql, {
    tenant_id,
    address: '+27830000001',
    direction: 'outbound',
    body: 'x',
  })
  const attempt = await beginSending(sql, id)
  if (status === 'unknown')
    await sql`update pigeonpost.messages set status = 'unknown' where id = ${id}`
  if (status === 'retrying')
    await sql`update pigeonpost.outbox set state = 'retrying' where message_id = ${id}`
  return { id, attempt, ext: `ext-${++count}` }
}

async function apply(
  on: Db,
  ext: string,
  update: Row,
  account: string | null = null,
): Promise<string> {
  const [row] = await on<{ result: string }[]>`
    select pigeonpost.apply_update(1, 'whatsapp', ${ext}, ${sql.json({ kind: 'receipt', ...update })}, ${account}) as result`
  return row?.result ?? ''
}

async function read(id: string): Promise<Row> {
  const [row] = await sql<Row[]>`
    select status, external_message_id, error_code from pigeonpost.messages where id = ${id}`
  return row ?? {}
}

t.test(
  'a receipt that names the attempt settles a message whose external id was lost',
  async (t) => {
    const { id, attempt, ext } = await sending()
    t.equal(await apply(sql, ext, { status: 'delivered', reference: attempt }), 'applied')
    t.same(await read(id), { status: 'delivered', external_message_id: ext, error_code: null })
    t.equal(await apply(sql, ext, { status: 'read' }), 'applied', 'from then on by the external id')
    t.match(await read(id), { status: 'read' })
  },
)

t.test('a failure that names the attempt settles it too', async (t) => {
  const { id, attempt, ext } = await sending()
  await apply(sql, ext, { status: 'failed', error_code: '131026', reference: attempt })
  t.same(await read(id), { status: 'failed', external_message_id: ext, error_code: '131026' })
})

t.test('what was parked under the external id is applied with it', async (t) => {
  const { id, attempt, ext } = await sending()
  t.equal(await apply(sql, ext, { status: 'read' }), 'parked', 'one that names no attempt waits')
  t.equal(await apply(sql, ext, { status: 'sent', reference: attempt }), 'ignored')
  t.match(await read(id), { status: 'read', external_message_id: ext })
  t.same(
    [...(await sql`select * from pigeonpost.parked_updates where external_message_id = ${ext}`)],
    [],
  )
})

t.test(
  'a message that waits to go again under the same attempt is settled, and does not go',
  async (t) => {
    const { id, attempt, ext } = await sending('retrying')
    await apply(sql, ext, { status: 'delivered', reference: attempt })
    t.match(await read(id), { status: 'delivered' })
    t.same([...(await sql`select from pigeonpost.outbox where message_id = ${id}`)], [])
    await sql`update pigeonpost.messages set status = 'queued' where id = ${id}`
    t.match(await read(id), { status: 'delivered' })
  },
)

t.test('a reference that is nobody`s, or no uuid, is a receipt without one', async (t) => {
  for (const reference of [randomUUID(), 'campaign 7', '']) {
    t.equal(await apply(sql, `none-${reference}`, { status: 'read', reference }), 'parked')
  }
})

t.test('another account`s, channel`s or already named message is none of its', async (t) => {
  const { id, attempt, ext } = await sending()
  t.equal(await apply(sql, ext, { status: 'read', reference: attempt }, randomUUID()), 'parked')
  const [row] = await sql<{ id: string | null }[]>`
    select pigeonpost.identify_message(1, 'sms', ${attempt}, ${ext}) as id`
  t.equal(row?.id, null)
  t.match(await read(id), { status: 'unknown', external_message_id: null })
  await sql`update pigeonpost.messages set external_message_id = 'first' where id = ${id}`
  t.equal(await apply(sql, `${ext}-b`, { status: 'read', reference: attempt }), 'parked')
  t.match(await read(id), { external_message_id: 'first' })
})

t.test(
  'a receipt and the recording of the same send wait for each other, whoever is first',
  async (t) => {
    const one = connect({ max: 1 })
    const two = connect({ max: 1 })
    /** What db/delivery/record.ts does to the row. */
    const record = (on: Db, id: string, ext: string) =>
      on`update pigeonpost.messages set status = 'sent', external_message_id = ${ext}, error_code = null where id = ${id}`
    const blocked = async (on: typeof one): Promise<() => Promise<unknown>> => {
      const [row] = await on<{ pid: number }[]>`select pg_backend_pid() as pid`
      return () =>
        waitFor(
          async () =>
            (await sql`select from pg_locks where pid = ${row?.pid ?? 0} and not granted`).length >
            0,
          { what: 'the second to wait' },
        )
    }

    // The recording has the row, and is not committed.
    const a = await sending('sending')
    const receiptWaits = await blocked(two)
    let receipt: Promise<string> = Promise.resolve('')
    await one.begin(async (tx) => {
      await record(tx as Db, a.id, a.ext)
      receipt = apply(two, a.ext, { status: 'delivered', reference: a.attempt })
      await receiptWaits()
    })
    t.equal(await receipt, 'applied')
    t.match(await read(a.id), { status: 'delivered', external_message_id: a.ext })

    // The receipt has the row.
    const b = await sending('sending')
    const recordingWaits = await blocked(one)
    let recording: Promise<unknown> = Promise.resolve()
    await two.begin(async (tx) => {
      await apply(tx as Db, b.ext, { status: 'delivered', reference: b.attempt })
      recording = record(one, b.id, b.ext).execute()
      await recordingWaits()
    })
    await recording
    t.match(await read(b.id), { status: 'delivered', external_message_id: b.ext })
  },
)

t.test(
  'a receipt locks the row before the id, as a recording does: the two meet in no ring',
  async (t) => {
    const [holder, receiver, recorder] = [
      connect({ max: 1 }),
      connect({ max: 1 }),
      connect({ max: 1 }),
    ]
    const { id, attempt, ext } = await sending('sending')
    const waiting = async (count: number) =>
      waitFor(
        async () => {
          const rows = await sql`
          select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
          return rows.length === count
        },
        { what: `${count} to wait` },
      )
    let receipt: Promise<string> = Promise.resolve('')
    let recording: Promise<unknown> = Promise.resolve()
    await holder.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(pigeonpost_private.lock_class(1), pigeonpost_private.lock_bucket(${ext}))`
      receipt = apply(receiver, ext, { status: 'delivered', reference: attempt })
      await waiting(1)
      recording = recorder`
      update pigeonpost.messages set status = 'sent', external_message_id = ${ext} where id = ${id}`.execute()
      await waiting(2)
    })
    t.equal(await receipt, 'applied')
    await recording
    t.match(await read(id), { status: 'delivered', external_message_id: ext })
  },
)

t.test('many at once: every receipt is applied, none is parked, nothing deadlocks', async (t) => {
  const pool = connect({ max: 8 })
  const messages = []
  for (let i = 0; i < 60; i += 1) messages.push(await sending('sending'))
  await Promise.all(
    messages.flatMap(({ id, attempt, ext }) => [
      pool`update pigeonpost.messages set status = 'sent', external_message_id = ${ext} where id = ${id}`,
      apply(pool, ext, { status: 'delivered', reference: attempt }),
    ]),
  )
  const ids = messages.map(({ id }) => id)
  const rows = await sql<Row[]>`
    select distinct status from pigeonpost.messages where id = any(${ids}::uuid[])`
  t.same([...rows], [{ status: 'delivered' }])
  const [parked] = await sql<Row[]>`
    select count(*) from pigeonpost.parked_updates where external_message_id = any(${messages.map(({ ext }) => ext)}::text[])`
  t.equal(parked?.['count'], 0)
})
