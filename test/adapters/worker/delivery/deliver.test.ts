import t from 'tap'
import type { OutboundMessage, SendOutcome } from '../../../../adapters/channels/channel.ts'
import { wakeAccount } from '../../../../db/delivery/wake.ts'
import { waitFor } from '../../../support/wait.ts'
import { beginSending } from '../../../support/outbox.ts'
import {
  addAccount,
  countdown,
  deliveryDatabase,
  notSent,
  numbered,
  queue,
  readAttempts,
  readMessage,
  readMessages,
  scripted,
  sent,
  turnContext,
  takeTurn,
} from './support.ts'

t.test('urgent messages go first, then the oldest', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await queue(sql, target, ['campaign 1', 'campaign 2'], { priority: -10 })
  await queue(sql, target, ['first', 'second'])
  await queue(sql, target, ['urgent'], { priority: 5 })
  const provider = scripted()
  // Two at a time, so that the order is that of the claims.
  const batchSizer = { batchSize: () => 2, saw() {}, recorded() {} }
  const end = await takeTurn(turnContext(t, sql, provider, { batchSizer }), target)
  t.same(
    provider.requests.map((request) => request.body),
    ['urgent', 'first', 'second', 'campaign 1', 'campaign 2'],
  )
  t.same(end, { took: true, dueInMs: null })
})

t.test('a message is sending, for all to see, before its request leaves', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  const [id] = await queue(sql, target, ['hello'])
  const provider = scripted(async (message) => {
    t.match(await readMessage(sql), {
      status: 'sending',
      attempt_id: message.attemptId,
      attempts: 1,
    })
    t.match(await readAttempts(sql), [{ attempt: 1, outcome: 'sending' }], 'and its try has begun')
    return sent('ext-1')
  })
  await takeTurn(turnContext(t, sql, provider), target)
  t.match(provider.requests, [{ id, attempt: 1, address: '+17770000001', body: 'hello' }])
  t.match(await readMessage(sql), { status: 'sent', external_message_id: 'ext-1' })
  t.match(await readAttempts(sql), [
    {
      message_id: id,
      attempt: 1,
      provider: 'scripted',
      outcome: 'sent',
      external_message_id: 'ext-1',
    },
  ])
  const statuses = await sql`
    select status from pigeonpost.message_statuses where message_id = ${id ?? ''} order by created_at`
  t.same(
    statuses.map((row) => row['status']),
    ['sent'],
    'a try is none of its statuses',
  )
})

t.test('a failure that may pass is tried three times, later each time', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await queue(sql, target, ['hello'])
  const provider = scripted(() => notSent(true))
  const context = turnContext(t, sql, provider)
  for (const [least, most] of [
    [4_000, 6_000],
    [8_000, 12_000],
  ] as const) {
    const left = countdown()
    const { dueInMs } = await takeTurn(context, target)
    t.ok(left(dueInMs, least, most), `due in ${dueInMs} ms`)
    t.match(await readMessage(sql), { status: 'retrying', error_code: '500' })
    t.same(await takeTurn(context, target), { took: false, dueInMs: null }, 'not before')
    await sql`update pigeonpost.outbox set due_at = now() where state = 'retrying'`
    await wakeAccount(sql, target, 0)
  }
  t.match(await takeTurn(context, target), { took: true, dueInMs: null })
  t.match(await readMessage(sql), { status: 'failed', attempts: 3, error_code: '500' })
  const ids = new Set(provider.requests.map((request) => request.attemptId))
  t.equal(ids.size, 3, 'each try has an id of its own')
  t.match(await readAttempts(sql), [
    { attempt: 1, outcome: 'retry' },
    { attempt: 2, outcome: 'retry' },
    { attempt: 3, outcome: 'failed' },
  ])
})

t.test('a provider that says when to come back is not asked sooner', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await queue(sql, target, ['hello'])
  const left = countdown()
  const { dueInMs } = await takeTurn(
    turnContext(
      t,
      sql,
      scripted(() => notSent(true, 70_000)),
    ),
    target,
  )
  t.ok(left(dueInMs, 70_000), `due in ${dueInMs} ms`)
})

t.test('a final failure fails at once, and what nobody can know is unknown', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await queue(sql, target, ['final', 'in doubt', 'broken adapter'])
  const provider = scripted((message): SendOutcome => {
    if (message.body === 'final') return notSent(false)
    if (message.body === 'in doubt') {
      return { outcome: 'ambiguous', errorCode: '502', errorMessage: 'bad gateway' }
    }
    throw new Error('a bug')
  })
  const end = await takeTurn(turnContext(t, sql, provider), target)
  t.equal(end.dueInMs, null)
  t.match(await readMessages(sql), [
    { status: 'failed', error_code: '500' },
    { status: 'unknown', error_code: '502' },
    { status: 'unknown', error_code: 'adapter_error' },
  ])
})

t.test(
  'in doubt, a provider that takes an idempotency key is asked again with the same one',
  async (t) => {
    const { sql } = await deliveryDatabase(t)
    const target = await addAccount(sql)
    await queue(sql, target, ['hello'])
    const provider = scripted(
      (message) =>
        message.attempt === 1
          ? { outcome: 'ambiguous', errorCode: 'timeout', errorMessage: '' }
          : sent(),
      { takesIdempotencyKey: true },
    )
    const context = turnContext(t, sql, provider)
    await takeTurn(context, target)
    t.match(await readMessage(sql), { status: 'retrying', error_code: 'timeout' })
    await sql`update pigeonpost.outbox set due_at = now()`
    await wakeAccount(sql, target, 0)
    await takeTurn(context, target)
    t.match(await readMessage(sql), { status: 'sent', attempts: 2 })
    const [first, second] = provider.requests
    t.equal(second?.attemptId, first?.attemptId)
  },
)

for (const takesIdempotencyKey of [false, true]) {
  const title = takesIdempotencyKey
    ? 'what a dead worker left sending goes again with its key, where the provider takes one'
    : 'what a dead worker left sending is unknown, and is not sent again'
  t.test(title, async (t) => {
    const { sql } = await deliveryDatabase(t)
    const target = await addAccount(sql)
    const [id] = await queue(sql, target, ['hello'])
    const leasedUntil = new Date(Date.now() - 1_000)
    const attemptId = await beginSending(sql, id ?? '', { leasedUntil })
    const provider = scripted(undefined, { takesIdempotencyKey })
    await takeTurn(turnContext(t, sql, provider), target)
    if (takesIdempotencyKey) {
      t.match(provider.requests, [{ attemptId, attempt: 2 }])
      t.match(await readMessage(sql), { status: 'sent', attempts: 2 })
      t.match(await readAttempts(sql), [{ outcome: 'retry' }, { outcome: 'sent' }])
    } else {
      t.same(provider.requests, [])
      t.match(await readMessage(sql), { status: 'unknown', error_code: 'lease_expired' })
      t.match(await readAttempts(sql), [{ outcome: 'unknown', error_code: 'lease_expired' }])
    }
  })
}

t.test('an answer after the lease still counts', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await queue(sql, target, ['hello'])
  const answer = Promise.withResolvers<SendOutcome>()
  // An adapter that does not heed its signal.
  const provider = scripted(async () => answer.promise)
  await takeTurn(turnContext(t, sql, provider, { leaseMs: 2_000 }), target)
  t.match(await readMessage(sql), { error_code: 'no_answer' })
  answer.resolve(sent('late'))
  await waitFor(async () => (await readMessage(sql)).status === 'sent', { what: 'sent' })
  t.match(await readMessage(sql), { external_message_id: 'late', error_code: null })
})

t.test('a request has less time than its lease', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await queue(sql, target, ['hello'])
  const leaseMs = 600_000
  // Nothing else waits about as long as the lease. The deadline is over when the test says so.
  let expire: (() => void) | undefined
  let timeoutMs = Infinity
  const { setTimeout: original } = globalThis
  globalThis.setTimeout = ((run: () => void, ms = 0, ...rest: []) => {
    if (ms > leaseMs / 2 && ms <= leaseMs) [expire, timeoutMs] = [run, ms]
    return original(run, ms, ...rest)
  }) as typeof setTimeout
  t.teardown(() => {
    globalThis.setTimeout = original
  })
  const provider = scripted(
    async (_, { signal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          resolve({ outcome: 'ambiguous', errorCode: 'aborted', errorMessage: '' })
        })
        expire?.()
      }),
  )
  await takeTurn(turnContext(t, sql, provider, { leaseMs }), target)
  t.match(await readMessage(sql), { status: 'unknown', error_code: 'aborted' })
  t.ok(timeoutMs <= leaseMs * 0.8, `${timeoutMs} ms`)
})

t.test('a request without an answer does not hold up the others', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await queue(sql, target, ['hang', ...numbered(40)])
  const never = new Promise<SendOutcome>(() => {})
  const provider = scripted((message) => (message.body === 'hang' ? never : sent()))
  const context = turnContext(t, sql, provider, { lingerMs: 250 })
  const othersAreSent = async () =>
    (await readMessages(sql)).slice(1).every((message) => message.status === 'sent')
  await takeTurn(context, target)
  await waitFor(othersAreSent, { what: 'the others to be sent' })
  const [hanging] = await sql`
    select o.state, w.due_at = o.due_at as due from pigeonpost.outbox o, pigeonpost_private.account_wakeups w`
  t.same({ ...hanging }, { state: 'sending', due: true }, 'due when it would be given up')
  await queue(sql, target, ['next'])
  await takeTurn(context, target)
  await waitFor(othersAreSent, { what: 'the next to be sent' })
})

t.test('what is no longer valid is not sent', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await queue(sql, target, ['old'], { validUntil: new Date(Date.now() - 1_000) })
  await queue(sql, target, ['new'], { validUntil: new Date(Date.now() + 60_000) })
  const provider = scripted((message) => (message.body === 'new' ? notSent(true, 120_000) : sent()))
  await takeTurn(turnContext(t, sql, provider), target)
  t.match(await readMessages(sql), [
    { status: 'failed', error_code: 'expired', attempts: 0 },
    { status: 'failed', error_code: '500', attempts: 1 },
  ])
  t.same(
    provider.requests.map((request) => request.body),
    ['new'],
  )
})

t.test('scheduled messages go when they are due, and the account is due just then', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  const left = countdown()
  await queue(sql, target, ['later'], { scheduledFor: new Date(Date.now() + 60_000) })
  const provider = scripted()
  const context = turnContext(t, sql, provider)
  const { dueInMs } = await takeTurn(context, target)
  t.ok(left(dueInMs, 60_000), `due in ${dueInMs} ms`)
  t.match(await readMessage(sql), { status: 'scheduled' })
  await sql`update pigeonpost.outbox set due_at = now()`
  await wakeAccount(sql, target, 0)
  await takeTurn(context, target)
  t.match(await readMessage(sql), { status: 'sent' })
})

t.test(
  'an account that cannot send keeps its messages, and is not looked at again and again',
  async (t) => {
    const { sql } = await deliveryDatabase(t)
    const provider = scripted()
    const context = turnContext(t, sql, provider)
    const none = await addAccount(sql, null)
    const other = await addAccount(sql, 'not-installed')
    const gone = await addAccount(sql)
    for (const target of [none, other, gone]) await queue(sql, target, ['hello'])
    await sql`update pigeonpost.accounts set status = 'disconnected' where id = ${gone.accountId}`
    const dueAt = async ({ accountId }: typeof none) => {
      const [row] = await sql<{ at: string }[]>`
        select case when due_at = 'infinity' then 'never' when due_at > now() + interval '30 s' then 'later'
          else 'now' end as at
        from pigeonpost_private.account_wakeups where account_id = ${accountId}`
      return row?.at
    }
    await takeTurn(context, none)
    t.equal(await dueAt(none), 'never')
    await wakeAccount(sql, none, 0)
    t.same(await takeTurn(context, none), { took: false, dueInMs: null }, 'woken, it pauses')
    for (const target of [other, gone]) await takeTurn(context, target)
    t.same([await dueAt(other), await dueAt(gone)], ['later', 'never'])
    t.match(await readMessages(sql), [
      { status: 'queued', error_code: 'no_provider', attempts: 0 },
      { status: 'queued', error_code: 'no_provider', attempts: 0 },
      { status: 'queued', error_code: null, attempts: 0 },
    ])
    t.same(provider.requests, [])

    await sql`update pigeonpost.accounts set status = 'connected' where id = ${gone.accountId}`
    await sql`update pigeonpost.accounts set provider = 'scripted' where id = ${none.accountId}`
    for (const target of [none, gone]) await takeTurn(context, target)
    t.equal(provider.requests.length, 2, 'they go as soon as the account can')
    t.match(await readMessages(sql), [{ status: 'sent', error_code: null }, {}, { status: 'sent' }])
  },
)

t.test('two turns at once: one has the account', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await queue(sql, target, numbered(100))
  const provider = scripted()
  const turns = await Promise.all(
    [1, 2, 3].map(async () => takeTurn(turnContext(t, sql, provider), target)),
  )
  t.equal(turns.filter((turn) => turn.took).length, 1)
  t.equal(provider.requests.length, 100)
})

t.test('a wake-up during a turn is not lost', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await queue(sql, target, ['first'])
  const provider = scripted(async (message) => {
    if (message.body === 'first') await wakeAccount(sql, target, 0)
    return sent()
  })
  const { dueInMs } = await takeTurn(turnContext(t, sql, provider), target)
  t.equal(dueInMs, 0)
})

t.test('a turn yields, and is due again at once', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await queue(sql, target, numbered(200))
  const turnMs = 60_000
  const now = performance.now.bind(performance)
  t.teardown(() => {
    performance.now = now
  })
  // The turn's time is over when its first request leaves; with it go those of its group.
  const provider = scripted(() => {
    performance.now = () => now() + turnMs
    return sent()
  })
  const { dueInMs } = await takeTurn(turnContext(t, sql, provider, { turnMs }), target)
  t.equal(dueInMs, 0)
  t.equal(provider.requests.length, 10)
  const rows = await readMessages(sql)
  t.equal(rows.filter((row) => row.status === 'sent').length, 10)
  t.equal(rows.filter((row) => row.status === 'queued').length, 190)
})

t.test('at most ten requests are under way, and no more than that are sending', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await queue(sql, target, numbered(60))
  let open = 0
  let most = 0
  let sending = 0
  const provider = scripted(async () => {
    most = Math.max(most, ++open)
    // Slow enough that a group is what leaves at once: of quicker ones more may be marked together (batch-size.ts).
    await new Promise((resolve) => setTimeout(resolve, 80))
    const rows = await readMessages(sql)
    sending = Math.max(sending, rows.filter((row) => row.status === 'sending').length)
    open -= 1
    return sent()
  })
  await takeTurn(turnContext(t, sql, provider), target)
  t.equal(most, 10)
  t.ok(sending <= 20, `${sending} were sending, of which half may be waiting to be recorded`)
})

t.test(
  'a worker that stops gives back what did not leave, and its try does not count',
  async (t) => {
    const { sql } = await deliveryDatabase(t)
    const target = await addAccount(sql)
    await queue(sql, target, numbered(40))
    const requests: OutboundMessage[] = []
    const provider = scripted(
      async (message, { signal }) =>
        new Promise((_, reject) => {
          requests.push(message)
          signal.addEventListener('abort', () => reject(new Error('aborted')))
        }),
    )
    const context = turnContext(t, sql, provider, {
      batchSizer: { batchSize: () => 30, saw() {}, recorded() {} },
    })
    const turn = takeTurn(context, target)
    await waitFor(() => requests.length === 10, { what: 'ten requests' })
    t.equal((await readMessages(sql)).filter((row) => row.status === 'sending').length, 30)
    context.stop.abort()
    await turn
    const rows = await readMessages(sql)
    t.equal(rows.filter((row) => row.status === 'sending').length, 10)
    t.ok(rows.filter((row) => row.status === 'queued').every((row) => row.attempts === 0))
    context.hard.abort()
    await waitFor(
      async () => (await readMessages(sql)).filter((row) => row.status === 'unknown').length === 10,
      { what: 'the aborted ones to be unknown' },
    )
  },
)

t.test('an outcome that cannot be stored as it is spoils no other', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await sql`
    insert into pigeonpost.messages (tenant_id, account_id, channel, direction, address, external_message_id, body)
    values (1, ${target.accountId}, 'whatsapp', 'outbound', '+17770000001', 'taken', 'an echo')`
  await queue(sql, target, ['same id', 'NUL', 'fine'])
  const provider = scripted((message) => {
    if (message.body === 'same id') return sent('taken')
    if (message.body === 'NUL') {
      return { outcome: 'not_sent', retryable: false, errorCode: 'x\0', errorMessage: 'a\0b\ud800' }
    }
    return sent('fine')
  })
  await takeTurn(turnContext(t, sql, provider), target)
  t.match((await readMessages(sql)).slice(1), [
    { status: 'sent', external_message_id: null },
    { status: 'failed', error_code: 'x' },
    { status: 'sent', external_message_id: 'fine' },
  ])
})
