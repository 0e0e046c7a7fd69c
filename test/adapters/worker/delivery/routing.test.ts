import t, { type Test } from 'tap'
import type { Provider, SendOutcome } from '../../../../adapters/channels/channel.ts'
import type { DeliverContext } from '../../../../adapters/worker/delivery/deliver.ts'
import type { Sql } from '../../../../db/connect.ts'
import type { Target } from '../../../../db/delivery/lease.ts'
import { wakeAccount } from '../../../../db/delivery/wake.ts'
import { advanceClock } from '../../../support/clock.ts'
import { waitFor } from '../../../support/wait.ts'
import {
  addAccount,
  countdown,
  deliveryDatabase,
  notSent,
  numbered,
  queue,
  readMessage,
  readMessages,
  scripted,
  type Scripted,
  sent,
  turnContext,
  takeTurn,
} from './support.ts'

type Answer = () => SendOutcome | Promise<SendOutcome>

function named(name: string, answer: Answer = () => sent(), takesIdempotencyKey = false): Scripted {
  return { ...scripted(answer, { takesIdempotencyKey }), name }
}

function contextOf(
  t: Test,
  sql: Sql,
  providers: Provider[],
  options: Parameters<typeof turnContext>[3] = {},
): DeliverContext {
  const [first] = providers
  if (!first) throw new Error('no provider')
  const context = turnContext(t, sql, first, options)
  for (const provider of providers) context.providers.set(provider.name, provider)
  return context
}

async function addRoute(sql: Sql, position: number, route: Record<string, unknown>): Promise<void> {
  await sql`insert into pigeonpost.provider_routes ${sql({ tenant_id: 1, position, ...route } as never)}`
}

async function attempts(sql: Sql): Promise<string[]> {
  const rows = await sql<{ provider: string; reason: string; outcome: string }[]>`
    select provider, reason, outcome from pigeonpost.delivery_attempts order by started_at, attempt_id`
  return rows.map((row) => `${row.provider}: ${row.reason}, ${row.outcome}`)
}

async function turn(sql: Sql, context: DeliverContext, target: Target, afterMs = 0) {
  if (afterMs > 0) await advanceClock(sql, afterMs)
  await wakeAccount(sql, target, 0)
  return takeTurn(context, target)
}

t.test('the first rule that matches chooses the provider, else the account does', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql, 'own')
  const other = await addAccount(sql, 'own')
  await addRoute(sql, 1, { country_prefix: '+27', content_type: 'image', provider: 'images' })
  await addRoute(sql, 2, { country_prefix: '+27', provider: 'missing' })
  await addRoute(sql, 3, { country_prefix: '+27', provider: 'south' })
  await addRoute(sql, 4, { account_id: other.accountId, provider: 'other' })
  await addRoute(sql, 5, { channel: 'sms', provider: 'south' })
  const context = contextOf(
    t,
    sql,
    ['own', 'images', 'south', 'other'].map((name) => named(name)),
  )
  for (const [address, type] of [
    ['+27831234567', 'image'],
    ['+27831234567', 'text'],
    ['+4915112345678', 'image'],
  ] as const) {
    await sql`
      insert into pigeonpost.messages (tenant_id, account_id, channel, direction, address, body, content_type)
      values (1, ${target.accountId}, 'whatsapp', 'outbound', ${address}, 'hello', ${type})`
    await turn(sql, context, target)
  }
  await queue(sql, other, ['hello'])
  await turn(sql, context, other)
  t.same(await attempts(sql), [
    'images: route 1, sent',
    'south: route 3, sent',
    'own: account, sent',
    'other: route 4, sent',
  ])
})

t.test(
  'after a failure that may pass the next that matches has the retry, in a circle',
  async (t) => {
    const { sql } = await deliveryDatabase(t)
    const target = await addAccount(sql, 'own')
    for (const [position, provider] of ['a', 'b'].entries()) {
      await addRoute(sql, position + 1, { provider })
    }
    const context = contextOf(t, sql, [
      named('a', () => notSent(true)),
      named('b', () => notSent(true)),
      named('own'),
    ])
    await queue(sql, target, ['hello'])
    await turn(sql, context, target)
    await turn(sql, context, target, 10_000)
    await turn(sql, context, target, 20_000)
    t.same(await attempts(sql), [
      'a: route 1, retry',
      'b: failover from a, retry',
      'a: failover from b, failed',
    ])
  },
)

t.test('what is in doubt goes to no other provider', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql, 'own')
  const doubt: SendOutcome = { outcome: 'ambiguous', errorCode: '502', errorMessage: '' }
  const answers = [doubt, sent()]
  const keyed = named('keyed', () => answers.shift() ?? sent(), true)
  const plain = named('plain', () => doubt)
  const b = named('b')
  const context = contextOf(t, sql, [keyed, plain, b])
  await addRoute(sql, 1, { country_prefix: '+1777', provider: 'keyed' })
  await addRoute(sql, 2, { provider: 'plain' })
  await addRoute(sql, 3, { provider: 'b' })
  await queue(sql, target, ['hello'])
  await turn(sql, context, target)
  // Nor when the rules no longer name it.
  await sql`delete from pigeonpost.provider_routes where position = 1`
  await turn(sql, context, target, 10_000)
  t.same(
    keyed.requests.map((request) => request.attemptId),
    [keyed.requests[0]?.attemptId, keyed.requests[0]?.attemptId],
    'asked again with the same key',
  )
  t.match(await readMessage(sql), { status: 'sent' })
  await queue(sql, target, ['to the other'])
  await turn(sql, context, target)
  await turn(sql, context, target, 30_000)
  t.match((await readMessages(sql)).at(-1), { status: 'unknown' })
  t.equal(b.requests.length, 0)
})

t.test('a breaker opens after five failures, probes with one message, and closes', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql, 'flaky')
  let well = false
  const flaky = named('flaky', () => (well ? sent() : notSent(true)))
  // Ten are recorded while ten more are on their way.
  const batchSizer = { batchSize: () => 10, saw() {}, recorded() {} }
  const context = contextOf(t, sql, [flaky], { batchSizer })
  await queue(sql, target, numbered(30))
  await turn(sql, context, target)
  const first = flaky.requests.length
  t.ok(first >= 5 && first <= 20, `${first} were sent before it opened`)
  const left = countdown()
  const { dueInMs } = await turn(sql, context, target)
  t.equal(flaky.requests.length, first, 'open: nothing is sent')
  t.ok(left(dueInMs, 5_000), `looked at again in ${dueInMs} ms`)

  await turn(sql, context, target, 30_000)
  t.equal(flaky.requests.length, first + 1, 'after its pause, one')
  t.equal((await attempts(sql)).at(-1), 'flaky: probe, retry')
  await turn(sql, context, target, 31_000)
  t.equal(flaky.requests.length, first + 1, 'it failed: the pause is twice as long')
  well = true
  // A probe that another worker took keeps ours away.
  await sql`update pigeonpost_private.provider_breakers set probe_until = pigeonpost_private.clock() + interval '60 s'`
  await turn(sql, context, target, 30_000)
  t.equal(flaky.requests.length, first + 1, 'one prober at a time')
  await turn(sql, context, target, 40_000)
  t.equal((await attempts(sql)).at(-1), 'flaky: probe, sent')
  await waitFor(
    async () => (await sql`select from pigeonpost_private.provider_breakers`).length === 0,
    { what: 'the breaker to close' },
  )
  await turn(sql, context, target, 6_000)
  t.ok((await readMessages(sql)).every((row) => row.status === 'sent' || row.status === 'retrying'))
  t.ok(flaky.requests.length > first + 10)
})

t.test('while a breaker is open, the next that matches has the message', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql, 'own')
  await addRoute(sql, 1, { provider: 'down' })
  await addRoute(sql, 2, { country_prefix: '+1777', provider: 'up' })
  const left = countdown()
  await sql`
    insert into pigeonpost_private.provider_breakers (tenant_id, provider, failures, pause_ms, open_until)
    values (1, 'down', 5, 30000, now() + interval '30 s')`
  const context = contextOf(t, sql, [named('down'), named('up'), named('own')])
  await queue(sql, target, ['hello'])
  await sql`
    insert into pigeonpost.messages (tenant_id, account_id, channel, direction, address, body)
    values (1, ${target.accountId}, 'whatsapp', 'outbound', '+4915112345678', 'only one matches')`
  const { dueInMs } = await turn(sql, context, target)
  t.same(await attempts(sql), ['up: failover from down, sent'])
  t.match((await readMessages(sql)).at(-1), {
    status: 'scheduled',
    error_code: 'provider_unavailable',
  })
  t.ok(left(dueInMs, 30_000), `due in ${dueInMs} ms`)
  await turn(sql, context, target, 31_000)
  t.equal((await attempts(sql)).at(-1), 'down: probe, sent')
})

t.test('successes between them, refusals and rate limits open no breaker', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql, 'mixed')
  let n = 0
  const limited: SendOutcome = {
    outcome: 'not_sent',
    retryable: true,
    errorCode: 'rate_limited',
    errorMessage: '',
    retryAfterMs: 1_000,
  }
  const answers: Answer[] = [() => notSent(true), () => sent(), () => notSent(false), () => limited]
  const mixed = named('mixed', () => answers[n++ % 4]?.() ?? sent())
  const context = contextOf(t, sql, [mixed])
  await queue(sql, target, numbered(60))
  await turn(sql, context, target)
  t.equal(mixed.requests.length, 60)
  t.same(
    [...(await sql`select from pigeonpost_private.provider_breakers where open_until is not null`)],
    [],
  )
})

t.test('an account that cannot send is disconnected, and all of its messages wait', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql, 'strict')
  let banned = true
  const strict = named('strict', () =>
    banned
      ? {
          outcome: 'not_sent',
          retryable: false,
          account: 'disconnect',
          errorCode: 'banned',
          errorMessage: 'This number may not send.',
        }
      : sent(),
  )
  const context = contextOf(t, sql, [strict])
  await queue(sql, target, numbered(50))
  await turn(sql, context, target)
  t.ok(strict.requests.length <= 20, `${strict.requests.length} were tried`)
  t.ok((await readMessages(sql)).every((row) => row.status === 'queued' && row.attempts === 0))
  const [account] = await sql`select status, status_reason from pigeonpost.accounts`
  t.same(
    { ...account },
    { status: 'disconnected', status_reason: 'banned: This number may not send.' },
  )
  const events = await sql<{ payload: { reason: string; account_id: string } }[]>`
    select payload from pigeonpost.read_events(0, 5000, 1) where type = 'account.disconnected'`
  t.match(events, [{ payload: { reason: /^banned: /, account_id: target.accountId } }])
  t.equal(events.length, 1)
  const asked = strict.requests.length
  await turn(sql, context, target)
  t.equal(strict.requests.length, asked, 'nothing more is tried')

  banned = false
  await sql`update pigeonpost.accounts set status = 'connected'`
  const [again] = await sql`select status_reason from pigeonpost.accounts`
  t.equal(again?.['status_reason'], null)
  await turn(sql, context, target)
  t.ok((await readMessages(sql)).every((row) => row.status === 'sent' && row.attempts === 1))
})

t.test('a cancel wins over a claim, or comes too late: nothing canceled is sent', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql, 'own')
  const own = named('own')
  const context = contextOf(t, sql, [own])
  const ids = await queue(sql, target, numbered(200))
  const turns = turn(sql, context, target)
  await Promise.all(
    ids.map(async (id) => sql`update pigeonpost.messages set status = 'canceled' where id = ${id}`),
  )
  await turns
  await turn(sql, context, target)
  const rows = await readMessages(sql)
  const canceled = rows.filter((row) => row.status === 'canceled').map((row) => row.id)
  t.equal(canceled.length + rows.filter((row) => row.status === 'sent').length, 200)
  t.ok(canceled.length > 0)
  t.same(
    own.requests.filter((request) => canceled.includes(request.id)),
    [],
  )
})

t.test('a rule that is added lets go at once what waited for a provider', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql, 'nobody')
  const late = named('late')
  const context = contextOf(t, sql, [late])
  await queue(sql, target, ['waiting'])
  const { took, dueInMs } = await turn(sql, context, target)
  t.same({ took, dueInMs }, { took: true, dueInMs: null })
  t.equal(late.requests.length, 0)
  t.notOk((await takeTurn(context, target)).took, 'nobody can send: it is left alone for a while')

  await addRoute(sql, 1, { provider: 'late' })
  t.ok((await takeTurn(context, target)).took, 'without anyone waking it')
  t.equal(late.requests.length, 1)
})
