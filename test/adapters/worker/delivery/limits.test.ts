import t, { type Test } from 'tap'
import type { Sql } from '../../../../db/connect.ts'
import { returnRate, takeRate } from '../../../../db/delivery/rate.ts'
import type { Target } from '../../../../db/delivery/lease.ts'
import { wakeAccount } from '../../../../db/delivery/wake.ts'
import { advanceClock, setClock } from '../../../support/clock.ts'
import { waitFor } from '../../../support/wait.ts'
import {
  addAccount,
  countdown,
  deliveryDatabase,
  numbered,
  notSent,
  pool,
  queue,
  readMessage,
  readMessages,
  scripted,
  turnContext,
  takeTurn,
} from './support.ts'

async function limit(sql: Sql, target: Target, to: Record<string, unknown>): Promise<void> {
  await sql`update pigeonpost.accounts set ${sql(to)} where id = ${target.accountId}`
}

async function count(sql: Sql, status: string): Promise<number> {
  return (await readMessages(sql)).filter((row) => row.status === status).length
}

/** Turns until the account is not due any more at this moment of its clock. */
async function drain(
  sql: Sql,
  target: Target,
  context: ReturnType<typeof turnContext>,
): Promise<number | null> {
  for (;;) {
    await wakeAccount(sql, target, 0)
    const { took, dueInMs } = await takeTurn(context, target)
    if (!took || dueInMs !== 0) return dueInMs
  }
}

t.test('four workers that race for one rate never pass it', async (t) => {
  const { url, sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await limit(sql, target, { rate_per_minute: 1, burst: 200 })
  const minutes = 60
  const started = performance.now()
  const workers = Array.from({ length: 4 }, () => pool(t, url))
  const race = async () => {
    const grants = await Promise.all(
      workers.map(async (mine, worker) => {
        let granted = 0
        for (let round = 0; ; round++) {
          const { count: got } = await takeRate(mine, target, 1 + ((worker + round) % 3))
          if (got === 0) return granted
          granted += got
          if (got === 3) {
            await returnRate(mine, target, 1)
            granted -= 1
          }
        }
      }),
    )
    // What came back when the others had gone.
    const { count: rest } = await takeRate(sql, target, 200)
    return grants.reduce((sum, granted) => sum + granted, rest)
  }
  const burst = await race()
  await advanceClock(sql, minutes * 60_000)
  const rate = await race()
  const passed = Math.ceil((performance.now() - started) / 60_000)
  t.ok(burst >= 200 && burst <= 200 + passed, `${burst} were granted of a burst of 200`)
  const all = 200 + minutes
  t.ok(burst + rate >= all && burst + rate <= all + passed, `${rate} after ${minutes} minutes`)
})

t.test('those that wait for each other are granted by what is left after their wait', async (t) => {
  const { url, sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await limit(sql, target, { rate_per_minute: 1, burst: 5 })
  await takeRate(sql, target, 1)
  await returnRate(sql, target, 1)
  const racers = pool(t, url)
  const waiting: Promise<{ count: number }>[] = []
  await sql.begin(async (tx) => {
    await tx`select from pigeonpost_private.account_limits for update`
    for (let n = 0; n < 8; n++) waiting.push(takeRate(racers, target, 2))
    await waitFor(
      async () => {
        const rows = await sql`
          select from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock' and query like '%take_rate%'`
        return rows.length === 8
      },
      { what: 'eight to wait for the row' },
    )
  })
  const grants = await Promise.all(waiting)
  t.equal(
    grants.reduce((sum, grant) => sum + grant.count, 0),
    5,
  )
})

t.test('an account sends its burst, then at its rate, and is due exactly then', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await limit(sql, target, { rate_per_minute: 1, burst: 3 })
  await queue(sql, target, numbered(10))
  const context = turnContext(t, sql, scripted())
  const left = countdown()
  const first = await takeTurn(context, target)
  t.equal(await count(sql, 'sent'), 3)
  t.ok(left(first.dueInMs, 60_000), `${first.dueInMs} ms`)
  await wakeAccount(sql, target, 0)
  t.same(await takeTurn(context, target), { took: false, dueInMs: null }, 'waking it is in vain')
  await advanceClock(sql, first.dueInMs ?? 0)
  await takeTurn(context, target)
  t.equal(await count(sql, 'sent'), 4)
  await advanceClock(sql, 3_600_000)
  await takeTurn(context, target)
  t.equal(await count(sql, 'sent'), 7, 'an hour saves up the burst and no more')
})

t.test('what was granted and not sent is given back', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  const settings = sql.json({ recipient_interval_ms: 0 })
  await limit(sql, target, { rate_per_minute: 1, burst: 10, settings })
  await queue(sql, target, numbered(4))
  const context = turnContext(t, sql, scripted())
  const left = countdown()
  t.equal((await takeTurn(context, target)).dueInMs, null)
  await queue(sql, target, numbered(8))
  const { dueInMs } = await takeTurn(context, target)
  t.equal(await count(sql, 'sent'), 10, 'ten in all')
  t.ok(left(dueInMs, 60_000), `due in ${dueInMs} ms`)
})

t.test('a turn with nothing to send takes nothing from the rate', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await limit(sql, target, { rate_per_minute: 1 })
  const context = turnContext(t, sql, scripted())
  await wakeAccount(sql, target, 0)
  t.equal((await takeTurn(context, target)).dueInMs, null)
  await queue(sql, target, ['urgent'])
  await takeTurn(context, target)
  t.match(await readMessage(sql), { status: 'sent' })
})

t.test('a changed rate counts at once', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await limit(sql, target, { rate_per_minute: 1 })
  await queue(sql, target, numbered(5))
  const context = turnContext(t, sql, scripted())
  await takeTurn(context, target)
  t.equal(await count(sql, 'sent'), 1)
  await limit(sql, target, { rate_per_minute: null })
  await takeTurn(context, target)
  t.equal(await count(sql, 'sent'), 5)
})

t.test('two campaigns of 10,000 and one urgent reply: the reply goes next', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await limit(sql, target, {
    rate_per_minute: 1,
    settings: sql.json({ recipient_interval_ms: 0 }),
  })
  await sql`
    insert into pigeonpost.messages (tenant_id, account_id, channel, direction, address, body, priority, campaign_id)
    select 1, ${target.accountId}, 'whatsapp', 'outbound', '+1777' || lpad((n % 50)::text, 7, '0'),
      'campaign', -10, 'campaign ' || n / 10000
    from generate_series(0, 19999) n`
  const provider = scripted()
  const context = turnContext(t, sql, provider)
  await wakeAccount(sql, target, 0)
  await takeTurn(context, target)
  await queue(sql, target, ['reply'])
  const durations: number[] = []
  for (let turn = 0; turn < 5; turn++) {
    await advanceClock(sql, 60_000)
    const started = performance.now()
    await takeTurn(context, target)
    durations.push(performance.now() - started)
  }
  t.same(
    provider.requests.map((request) => request.body),
    ['campaign', 'reply', 'campaign', 'campaign', 'campaign', 'campaign'],
  )
  t.comment(`turns took ${durations.map((ms) => Math.round(ms)).join(', ')} ms`)
})

t.test('recipients are spaced, and one that is not due blocks nobody', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await limit(sql, target, { settings: sql.json({ recipient_interval_ms: 60_000 }) })
  const send = async (address: string, bodies: string[]) => sql`
    insert into pigeonpost.messages (tenant_id, account_id, channel, direction, address, body)
    select 1, ${target.accountId}, 'whatsapp', 'outbound', ${address}, b from unnest(${bodies}::text[]) b`
  await send('+17770000001', ['a1', 'a2', 'a3', ...numbered(40)])
  await send('+17770000002', ['b1'])
  await send('+17770000003', ['c1', 'c2'])
  const provider = scripted()
  const context = turnContext(t, sql, provider)
  const bodies = () => provider.requests.map((request) => request.body)
  const left = countdown()
  const dueInMs = await drain(sql, target, context)
  t.same(bodies(), ['a1', 'b1', 'c1'])
  t.ok(left(dueInMs, 60_000), `due in ${dueInMs} ms`)
  await advanceClock(sql, 60_000)
  await drain(sql, target, context)
  t.same(bodies().slice(3, 5), ['a2', 'c2'])
  t.equal(bodies().length, 5)
})

t.test('WhatsApp spaces its recipients by 6 s, where the account has a rate', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await limit(sql, target, { rate_per_minute: 6_000, burst: 100 })
  await sql`
    insert into pigeonpost.messages (tenant_id, account_id, channel, direction, address, body)
    select 1, ${target.accountId}, 'whatsapp', 'outbound', '+17770000001', 'hello' from generate_series(1, 3)`
  const context = turnContext(t, sql, scripted())
  const left = countdown()
  const dueInMs = await drain(sql, target, context)
  t.equal(await count(sql, 'sent'), 1)
  t.ok(left(dueInMs, 6_000), `due in ${dueInMs} ms`)
  await limit(sql, target, { settings: sql.json({ recipient_interval_ms: 0 }) })
  await drain(sql, target, context)
  t.equal(await count(sql, 'sent'), 3)
  await t.rejects(
    limit(sql, target, { settings: sql.json({ recipient_interval_ms: 'often' }) }),
    /accounts_recipient_interval_in_range/,
  )
})

// A day in each: the clocks go forward at 2:00, back at 3:00, forward at midnight, back at midnight.
const days: [zone: string, at: string, nextDay: string][] = [
  ['UTC', '2027-02-01T22:00:00Z', '2027-02-02T00:00:00Z'],
  ['Europe/Berlin', '2027-03-27T23:30:00Z', '2027-03-28T22:00:00Z'],
  ['Europe/Berlin', '2027-10-30T22:30:00Z', '2027-10-31T23:00:00Z'],
  ['Africa/Cairo', '2027-04-29T12:00:00Z', '2027-04-29T22:00:00Z'],
  ['America/Havana', '2027-11-06T12:00:00Z', '2027-11-07T04:00:00Z'],
  ['America/Havana', '2027-11-07T04:30:00Z', '2027-11-08T05:00:00Z'],
  ['Pacific/Kiritimati', '2027-02-01T22:00:00Z', '2027-02-02T10:00:00Z'],
]

for (const [zone, at, nextDay] of days) {
  t.test(
    `over the daily limit, messages wait for the next day of ${zone} after ${at}`,
    async (t) => {
      const { sql } = await deliveryDatabase(t)
      const target = await addAccount(sql)
      const left = countdown()
      await setClock(sql, at)
      await limit(sql, target, { daily_limit: 3, time_zone: zone })
      await queue(sql, target, numbered(7))
      const context = turnContext(t, sql, scripted())
      const dueInMs = await drain(sql, target, context)
      const rows = await readMessages(sql)
      t.same(
        rows.map((row) => row.status),
        ['sent', 'sent', 'sent', 'scheduled', 'scheduled', 'scheduled', 'scheduled'],
      )
      for (const row of rows.slice(3)) {
        t.match(row, { error_code: 'daily_limit', attempts: 0 })
        t.equal(row.next_attempt_at?.toISOString(), new Date(nextDay).toISOString())
      }
      const untilThen = Date.parse(nextDay) - Date.parse(at)
      t.ok(left(dueInMs, untilThen), 'and the account is due then')
      await setClock(sql, new Date(Date.parse(nextDay) - 600_000))
      await drain(sql, target, context)
      t.equal(await count(sql, 'sent'), 3, 'not before')
      await setClock(sql, nextDay)
      await drain(sql, target, context)
      t.equal(await count(sql, 'sent'), 6)
      t.equal(await count(sql, 'scheduled'), 1)
    },
  )
}

t.test('a daily limit that changes during the day counts at once', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await setClock(sql, '2027-02-01T12:00:00Z')
  await limit(sql, target, { daily_limit: 2 })
  await queue(sql, target, numbered(6))
  const context = turnContext(t, sql, scripted())
  await drain(sql, target, context)
  t.equal(await count(sql, 'sent'), 2)
  await limit(sql, target, { daily_limit: 4 })
  await takeTurn(context, target)
  t.equal(await count(sql, 'sent'), 4, 'raised')
  t.equal(await count(sql, 'scheduled'), 2)
  await limit(sql, target, { daily_limit: 1 })
  await drain(sql, target, context)
  t.equal(await count(sql, 'sent'), 4, 'lowered below what went')
  await limit(sql, target, { daily_limit: null })
  await takeTurn(context, target)
  t.equal(await count(sql, 'sent'), 6)
  t.match((await readMessages(sql)).at(-1), { error_code: null })
})

t.test('a limit that comes during the day counts what went before it', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await queue(sql, target, numbered(5))
  const context = turnContext(t, sql, scripted())
  await drain(sql, target, context)
  await limit(sql, target, { daily_limit: 6 })
  await queue(sql, target, numbered(3))
  await drain(sql, target, context)
  t.equal(await count(sql, 'sent'), 6)
})

t.test('a try after a failure, and what goes back, do not count for the day again', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await limit(sql, target, { daily_limit: 2 })
  await queue(sql, target, ['first', 'second'])
  let failures = 2
  const context = turnContext(
    t,
    sql,
    scripted(() =>
      failures-- > 0 ? notSent(true) : { outcome: 'sent', externalMessageId: `e${failures}` },
    ),
  )
  await drain(sql, target, context)
  await advanceClock(sql, 10_000)
  await drain(sql, target, context)
  t.equal(await count(sql, 'sent'), 2)
})

t.test('what expires while a limit holds it is failed at its moment', async (t: Test) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await limit(sql, target, { daily_limit: 1 })
  await queue(sql, target, ['today'])
  const left = countdown()
  await queue(sql, target, ['too late'], { validUntil: new Date(Date.now() + 60_000) })
  const context = turnContext(t, sql, scripted())
  const dueInMs = await drain(sql, target, context)
  t.ok(left(dueInMs, 60_000), `due in ${dueInMs} ms`)
  await advanceClock(sql, dueInMs ?? 0)
  await drain(sql, target, context)
  t.match((await readMessages(sql)).at(-1), {
    status: 'failed',
    error_code: 'expired',
    attempts: 0,
  })
})
