import t from 'tap'
import { listenEvents, type LoggedEvent } from '../../../db/events/listen.ts'
import {
  deliveryDatabase,
  eventIds,
  insertInbound,
} from '../../adapters/worker/delivery/support.ts'
import { waitFor } from '../../support/wait.ts'

t.test(
  'a listener gets every event once and in order, whatever order they commit in',
  async (t) => {
    const { sql } = await deliveryDatabase(t)
    const got: LoggedEvent[] = []
    const stop = new AbortController()
    const listening = listenEvents(sql, {
      after: 0,
      signal: stop.signal,
      onEvents: (events) => void got.push(...events),
    })
    await Promise.all(
      Array.from({ length: 4 }, async (_, writer) => {
        for (let n = 0; n < 15; n++) {
          await sql.begin(async (tx) => {
            await insertInbound(tx)
            if ((n + writer) % 3 === 0) await tx`select pg_sleep(0.01)`
            await insertInbound(tx)
          })
        }
      }),
    )
    const all = await eventIds(sql)
    await waitFor(() => got.length >= all.length, { what: 'all events' })
    stop.abort()
    await listening
    t.same(
      got.map((event) => event.id),
      all,
    )
    t.match(got[0], {
      type: 'customer.created',
      tenant_id: 1,
      payload: { event_id: got[0]?.event_id },
    })
  },
)

t.test('a bell that is lost delays an event to the next look, and loses none', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const got: LoggedEvent[] = []
  const stop = new AbortController()
  const listening = listenEvents(sql, {
    after: 0,
    tenantId: 1,
    signal: stop.signal,
    lookEveryMs: 50,
    onEvents: (events) => void got.push(...events),
  })
  await sql.begin(async (tx) => {
    await tx`select set_config('pigeonpost.notify', 'off', true)`
    await insertInbound(tx)
  })
  await waitFor(() => got.some((event) => event.type === 'message.inbound.created'), {
    what: 'the event',
  })
  stop.abort()
  await listening
  t.same(
    got.map((event) => event.id),
    await eventIds(sql, 0),
    'each once, in order',
  )
})

t.test('a bell makes a listener look at once', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const got: LoggedEvent[] = []
  const stop = new AbortController()
  const listening = listenEvents(sql, {
    after: 0,
    signal: stop.signal,
    // Never by itself within this test.
    lookEveryMs: 3_600_000,
    onEvents: (events) => void got.push(...events),
  })
  await waitFor(
    async () =>
      (
        await sql`select from pg_stat_activity where query ilike 'listen "pigeonpost_events"'
        and datname = current_database() and pid <> pg_backend_pid()`
      ).length > 0,
    { what: 'LISTEN' },
  )
  await insertInbound(sql)
  await waitFor(() => got.some((event) => event.type === 'message.inbound.created'), {
    what: 'the event',
  })
  stop.abort()
  await listening
  t.same(
    got.map((event) => event.id),
    await eventIds(sql, 0),
    'each once, in order',
  )
})
