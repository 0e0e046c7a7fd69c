import t, { type Test } from 'tap'
import { type Relay, startRelay } from '../../../../adapters/worker/relay/relay.ts'
import type { Sql } from '../../../../db/connect.ts'
import { notifyLockIsHeld } from '../../../../db/events/notify-lock.ts'
import { lastEventId, type Woken } from '../../../../db/events/read-log.ts'
import { waitFor } from '../../../support/wait.ts'
import {
  addAccount,
  type Bell,
  deliveryDatabase,
  eventIds,
  hearBells,
  insertInbound,
  reserve,
  silent,
} from '../delivery/support.ts'

type Options = Partial<Parameters<typeof startRelay>[0]>

function relayOn(t: Test, url: string, options: Options = {}): Relay {
  const relay = startRelay({ url, logger: silent, onWoken: async () => {}, ...options })
  t.teardown(async () => relay.stop())
  return relay
}

async function notifying(relay: Relay): Promise<void> {
  await waitFor(() => relay.notifying, { what: 'the relay to ring' })
}

const isNotifyLock = (sql: Sql) =>
  sql`classid::bigint::bit(32)::integer = pigeonpost_private.notify_lock_class() and objid = 0`

/** Writers whose transactions overlap, so that ids commit out of order, until `enough`. */
async function race(sql: Sql, writers: number, enough: (round: number) => boolean): Promise<void> {
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      for (let round = 0; !enough(round); round++) {
        const rollback = (writer + round) % 7 === 0
        const done = sql.begin(async (tx) => {
          await insertInbound(tx)
          if ((writer + round) % 3 === 0) await tx`select pg_sleep(random() * 0.02)`
          await insertInbound(tx)
          if (rollback) throw new Error('rolled back')
        })
        await done.catch((error: Error & { code?: string }) => {
          // New customers in any order: Postgres chooses a victim now and then.
          if (!rollback && error.code !== '40P01') throw error
        })
      }
    }),
  )
}

function backends(bells: Bell[], ids: number[]): Set<number> {
  return new Set(bells.filter((bell) => ids.includes(bell.id)).map((bell) => bell.backend))
}

t.test('each event of 8 racing writers is rung for once, by the relay', async (t) => {
  const { url, sql } = await deliveryDatabase(t)
  await insertInbound(sql)
  const before = await lastEventId(sql)
  const relay = relayOn(t, url)
  await notifying(relay)
  const bells = await hearBells(t, url)
  await race(sql, 8, (round) => round >= 25)
  const written = await eventIds(sql, before)
  const rung = () => bells.filter((bell) => bell.id > before).map((bell) => bell.id)
  await waitFor(() => new Set(rung()).size >= written.length, { what: 'all bells' })
  await relay.stop()
  t.ok(written.length > 200)
  t.same(
    rung().toSorted((a, b) => a - b),
    written,
  )
  t.equal(backends(bells, written).size <= 2, true, 'rung on the connections of the relay')
})

t.test('triggers ring while no relay is there, and not while one is', async (t) => {
  const { url, sql } = await deliveryDatabase(t)
  const bells = await hearBells(t, url)
  const writer = await reserve(sql)
  t.teardown(() => writer.release())
  const [self] = await writer<{ pid: number }[]>`select pg_backend_pid() as pid`
  const write = async () => {
    const before = await lastEventId(sql)
    await insertInbound(writer)
    const ids = await eventIds(sql, before)
    await waitFor(() => ids.every((id) => bells.some((bell) => bell.id === id)), { what: 'bells' })
    return backends(bells, ids)
  }
  t.same(await write(), new Set([self?.pid]), 'without a relay')
  const relay = relayOn(t, url)
  await notifying(relay)
  t.notOk((await write()).has(self?.pid ?? 0), 'with one')
  await relay.stop()
  t.same(await write(), new Set([self?.pid]), 'after it')
})

t.test('relays that come and go under load lose no bell', async (t) => {
  const { url, sql } = await deliveryDatabase(t)
  const bells = await hearBells(t, url)
  let over = false
  const writing = race(sql, 6, () => over)
  for (let n = 0; n < 4; n++) {
    const relay = relayOn(t, url)
    await notifying(relay)
    const reached = (await lastEventId(sql)) + 40
    await waitFor(async () => (await lastEventId(sql)) > reached, { what: 'more events' })
    await relay.stop()
    const then = (await lastEventId(sql)) + 20
    await waitFor(async () => (await lastEventId(sql)) > then, { what: 'more events' })
  }
  over = true
  await writing
  const written = await eventIds(sql)
  const heard = () => new Set(bells.map((bell) => bell.id))
  await waitFor(() => written.every((id) => heard().has(id)), {
    what: `bells for all of ${written.length} events`,
  })
  t.ok(written.length > 200)
})

t.test('a second relay waits, and takes over when the backend of the first is ended', async (t) => {
  const { url, sql } = await deliveryDatabase(t)
  const first = relayOn(t, url)
  await notifying(first)
  const second = relayOn(t, url)
  await waitFor(
    async () =>
      (
        await sql`select from pg_locks where locktype = 'advisory' and not granted and ${isNotifyLock(sql)}
        and database = (select oid from pg_database where datname = current_database())`
      ).length > 0,
    { what: 'the second to queue for the key' },
  )
  const bells = await hearBells(t, url)
  const before = await lastEventId(sql)
  for (let n = 0; n < 5; n++) await insertInbound(sql)
  const early = await eventIds(sql, before)
  await waitFor(() => bells.length >= early.length, { what: 'bells' })
  // What is rung for and not behind the cursor yet, the second rings for again: twice rather than not at all.
  await waitFor(
    async () =>
      (
        await sql`select from pigeonpost_private.log_cursors where tenant_id = 1 and name = 'relay' and cursor >= ${early.at(-1) ?? 0}`
      ).length > 0,
    { what: 'the cursor to have passed them' },
  )

  const [holder] = await sql<{ pid: number }[]>`
    select pid from pg_locks where locktype = 'advisory' and granted and mode = 'ExclusiveLock'
      and ${isNotifyLock(sql)} and database = (select oid from pg_database where datname = current_database())`
  await sql`select pg_terminate_backend(${holder?.pid ?? 0})`
  await notifying(second)
  await waitFor(() => !first.notifying, { what: 'the first to notice' })
  await race(sql, 4, (round) => round >= 5)
  const written = await eventIds(sql, before)
  await waitFor(() => written.every((id) => bells.some((bell) => bell.id === id)), {
    what: 'all bells',
  })
  await second.stop()
  await notifying(first)
  t.same(
    bells.filter((bell) => early.includes(bell.id)).length,
    early.length,
    'while it waited, the second did not ring',
  )
})

t.test('a relay that hangs loses the key, so that triggers ring again', async (t) => {
  const { url, sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  const hang = Promise.withResolvers<void>()
  const relay = relayOn(t, url, { keyIdleMs: 400, onWoken: async () => hang.promise })
  await notifying(relay)
  await sql`
    insert into pigeonpost.messages (tenant_id, account_id, channel, direction, address, body)
    values (1, ${target.accountId}, 'whatsapp', 'outbound', '+17770000001', 'hello')`
  await waitFor(async () => !(await notifyLockIsHeld(sql)), { what: 'the key to be free' })
  const bells = await hearBells(t, url)
  await insertInbound(sql)
  t.ok(await waitFor(() => bells.length > 0, { what: 'a bell by the trigger' }))
  hang.resolve()
})

t.test(
  'a long transaction keeps no other event from notifying, and rings when it ends',
  async (t) => {
    const { url, sql } = await deliveryDatabase(t)
    await insertInbound(sql)
    const before = await lastEventId(sql)
    const relay = relayOn(t, url)
    await notifying(relay)
    const bells = await hearBells(t, url)
    const slow = await reserve(sql)
    await slow`begin`
    await insertInbound(slow)
    const held = await lastEventId(sql)
    for (let n = 0; n < 3; n++) await insertInbound(sql)
    const others = await eventIds(sql, held)
    await waitFor(() => others.every((id) => bells.some((bell) => bell.id === id)), {
      what: 'the bells of the others',
    })
    t.notOk(bells.some((bell) => bell.id <= held))
    await slow`commit`
    slow.release()
    const written = await eventIds(sql, before)
    await waitFor(() => written.every((id) => bells.some((bell) => bell.id === id)), {
      what: 'its own bells',
    })
    t.equal(bells.length, written.length, 'each once')
  },
)

t.test('what makes a message due makes its account due, only ever sooner', async (t) => {
  const { url, sql } = await deliveryDatabase(t)
  const now = await addAccount(sql)
  const later = await addAccount(sql)
  const woken: Woken[] = []
  const relay = relayOn(t, url, { onWoken: async (accounts) => void woken.push(...accounts) })
  await notifying(relay)
  const due = async (accountId: string) => {
    const [row] = await sql<{ ms: number }[]>`
      select extract(epoch from due_at - now())::float8 * 1000 as ms
      from pigeonpost_private.account_wakeups where account_id = ${accountId}`
    return row?.ms
  }
  const insert = async (accountId: string, inMs: number | null) => sql`
    insert into pigeonpost.messages (tenant_id, account_id, channel, direction, address, body, scheduled_for)
    values (1, ${accountId}, 'whatsapp', 'outbound', '+17770000001', 'hello',
      now() + ${inMs}::float8 * interval '1 ms')`
  await insert(now.accountId, null)
  await insert(later.accountId, 3_600_000)
  await waitFor(() => woken.length === 2, { what: 'two wake-ups' })
  t.ok(((await due(now.accountId)) ?? 1) <= 0)
  t.match(
    woken.find((account) => account.accountId === now.accountId),
    { dueInMs: 0, leased: false },
  )
  t.ok(Math.abs(((await due(later.accountId)) ?? 0) - 3_600_000) < 30_000)
  await insert(later.accountId, 7_200_000)
  await waitFor(
    async () => {
      const last = await lastEventId(sql)
      return (
        await sql`select from pigeonpost_private.log_cursors where tenant_id = 1 and name = 'relay' and cursor >= ${last}`
      ).length
    },
    { what: 'the relay to have read it' },
  )
  t.equal(woken.length, 2, 'a later one moves nothing')
  await insert(later.accountId, 1_800_000)
  await waitFor(() => woken.length === 3, { what: 'the sooner one' })
  t.ok(Math.abs(((await due(later.accountId)) ?? 0) - 1_800_000) < 30_000)

  await sql`update pigeonpost.messages set status = 'failed' where account_id = ${now.accountId}`
  await sql`update pigeonpost_private.account_wakeups set due_at = 'infinity' where account_id = ${now.accountId}`
  await sql`update pigeonpost.messages set status = 'queued' where account_id = ${now.accountId}`
  await waitFor(async () => ((await due(now.accountId)) ?? 1) <= 0, { what: 'a retry by hand' })
  await sql`update pigeonpost.accounts set status = 'disconnected' where id = ${now.accountId}`
  await sql`update pigeonpost_private.account_wakeups set due_at = 'infinity' where account_id = ${now.accountId}`
  await sql`update pigeonpost.accounts set status = 'connected' where id = ${now.accountId}`
  await waitFor(async () => ((await due(now.accountId)) ?? 1) <= 0, { what: 'a connected account' })
})
