import t from 'tap'
import type { Sql } from '../../../db/connect.ts'
import { type Candidate, claimMessages } from '../../../db/delivery/claim.ts'
import { releaseClaims } from '../../../db/delivery/release-claims.ts'
import { type LeasedAccount, leaseAccount, type Target } from '../../../db/delivery/lease.ts'
import { type AttemptResult, recordResults } from '../../../db/delivery/record.ts'
import { findDueAccounts, sweepOutbox } from '../../../db/delivery/sweep.ts'
import { wakeAccount } from '../../../db/delivery/wake.ts'
import { readStatus } from '../../../db/status.ts'
import { beginSending } from '../../support/outbox.ts'
import {
  addAccount,
  deliveryDatabase,
  numbered,
  pool,
  queue,
  readMessage,
  readMessages,
} from '../../adapters/worker/delivery/support.ts'

const candidates: Candidate[] = [
  {
    ord: 0,
    provider: 'scripted',
    reason: 'account',
    prefix: null,
    content_type: null,
    keyed: false,
    usable: true,
    fallback: true,
  },
]
const claimable = { candidates }

async function lease(sql: Sql, target: Target): Promise<LeasedAccount> {
  const account = await leaseAccount(sql, target, 30_000)
  if (!account) throw new Error('the account is not to be had')
  return account
}

function result(message: { id: string; attemptId: string }, more: Partial<AttemptResult> = {}) {
  return {
    messageId: message.id,
    attemptId: message.attemptId,
    attempt: 1,
    status: 'sent',
    externalMessageId: `ext-${message.id}`,
    errorCode: null,
    errorMessage: null,
    retryInMs: null,
    sameAttempt: false,
    durationMs: 1,
    ...more,
  } satisfies AttemptResult
}

t.test('a claim passes over what another has in its hands, and does not wait for it', async (t) => {
  const { sql, url } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await queue(sql, target, numbered(10))
  const account = await lease(sql, target)
  const other = pool(t, url)
  await sql.begin(async (tx) => {
    const mine = await claimMessages(tx as unknown as Sql, account, { limit: 5, ...claimable })
    const theirs = await claimMessages(other, account, { limit: 50, ...claimable })
    t.same(
      [mine, theirs].map(({ messages }) => messages.map((message) => message.body)),
      [numbered(10).slice(0, 5), numbered(10).slice(5)],
    )
  })
})

t.test('nothing is claimed after the lease', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await queue(sql, target, ['hello'])
  const account = { ...(await lease(sql, target)), leasedUntil: new Date(0).toISOString() }
  t.same(await claimMessages(sql, account, { limit: 5, ...claimable }), {
    messages: [],
    taken: 0,
    overDaily: 0,
  })
})

t.test('an outcome is taken by its own attempt only', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await queue(sql, target, ['hello'])
  const account = await lease(sql, target)
  const { messages } = await claimMessages(sql, account, { limit: 1, ...claimable })
  const [first] = messages
  if (!first) throw new Error('nothing claimed')
  await sql`update pigeonpost.messages set status = 'unknown'`
  await sql`update pigeonpost.messages set status = 'queued'`
  const again = await claimMessages(sql, account, { limit: 1, ...claimable })
  const [second] = again.messages
  if (!second) throw new Error('nothing claimed')
  t.not(second.attemptId, first.attemptId)
  t.equal(await recordResults(sql, target, [result(first)]), 0)
  t.match(await readMessage(sql), { status: 'sending', external_message_id: null })
  t.equal(await recordResults(sql, target, [result(second, { attempt: 2 })]), 1)
  t.match(await readMessage(sql), { status: 'sent' })
})

t.test('a late failure of a first try under the same key leaves the second alone', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await queue(sql, target, ['hello'])
  const account = await lease(sql, target)
  const options = { limit: 1, candidates: candidates.map((one) => ({ ...one, keyed: true })) }
  const [first] = (await claimMessages(sql, account, options)).messages
  if (!first) throw new Error('nothing claimed')
  await sql`update pigeonpost.outbox set state = 'queued'`
  const [second] = (await claimMessages(sql, account, options)).messages
  t.equal(second?.attemptId, first.attemptId)
  const failed = result(first, { status: 'failed', externalMessageId: null, errorCode: '500' })
  t.equal(await recordResults(sql, target, [failed]), 0)
  t.equal(await recordResults(sql, target, [result(first)]), 1, 'its success counts')
  t.match(await readMessage(sql), { status: 'sent' })
})

t.test(
  'what was claimed and never left goes back, also when the claim itself was not heard of',
  async (t) => {
    const { sql } = await deliveryDatabase(t)
    const target = await addAccount(sql)
    await queue(sql, target, numbered(5))
    const account = await lease(sql, target)
    const { messages } = await claimMessages(sql, account, { limit: 5, ...claimable })
    const begun = messages.slice(0, 2).map((message) => message.attemptId)
    t.equal(await releaseClaims(sql, account, { begun, keyed: [] }), 3)
    const rows = await readMessages(sql)
    t.same(
      rows.map((row) => [row.status, row.attempts, row.attempt_id !== null]),
      [
        ['sending', 1, true],
        ['sending', 1, true],
        ['queued', 0, false],
        ['queued', 0, false],
        ['queued', 0, false],
      ],
    )
  },
)

t.test('a receipt that came before the outcome is kept', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await queue(sql, target, ['hello'])
  const account = await lease(sql, target)
  const [message] = (await claimMessages(sql, account, { limit: 1, ...claimable })).messages
  if (!message) throw new Error('nothing claimed')
  const receipt = sql.json({ kind: 'receipt', status: 'delivered' })
  const [early] = await sql`
    select pigeonpost.apply_update(1, 'whatsapp', ${`ext-${message.id}`}, ${receipt}) as done`
  t.equal(early?.['done'], 'parked')
  await recordResults(sql, target, [result(message)])
  t.match(await readMessage(sql), { status: 'delivered' })
})

t.test('a wake-up only moves to an earlier moment', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  await wakeAccount(sql, target, 60_000)
  await wakeAccount(sql, target, 120_000)
  const { due, nextInMs } = await findDueAccounts(sql)
  t.same(due, [])
  t.ok(nextInMs && nextInMs > 50_000 && nextInMs <= 60_000)
  await wakeAccount(sql, target, 0)
  t.same((await findDueAccounts(sql)).due, [target])
  await lease(sql, target)
  t.same((await findDueAccounts(sql)).due, [], 'leased')
})

t.test(
  'the sweep finds accounts with work that no wake-up stands for, and only those',
  async (t) => {
    const { sql } = await deliveryDatabase(t)
    const targets: Target[] = []
    for (let n = 0; n < 6; n++) targets.push(await addAccount(sql))
    const [queued, scheduled, sending, done, unconnected] = targets as [
      Target,
      Target,
      Target,
      Target,
      Target,
    ]
    await queue(sql, queued, numbered(30))
    await queue(sql, scheduled, ['later'], { scheduledFor: new Date(Date.now() + 60_000) })
    const [left] = await queue(sql, sending, ['left'])
    await queue(sql, done, ['sent'])
    await queue(sql, unconnected, ['waits'])
    await beginSending(sql, left ?? '', { leasedUntil: new Date(Date.now() + 20_000) })
    await sql`update pigeonpost.messages set status = 'sent' where account_id = ${done.accountId}`
    await sql`update pigeonpost.accounts set status = 'disabled' where id = ${unconnected.accountId}`
    await sql`delete from pigeonpost_private.account_wakeups`
    t.equal(await sweepOutbox(sql), 3)
    const rows = await sql<{ account_id: string; s: number }[]>`
    select account_id, round(extract(epoch from due_at - now()) / 10)::int * 10 as s
    from pigeonpost_private.account_wakeups`
    t.same(
      new Map(rows.map((row) => [row.account_id, Math.max(0, row.s)])),
      new Map([
        [queued.accountId, 0],
        [scheduled.accountId, 60],
        [sending.accountId, 20],
      ]),
    )
    t.equal(await sweepOutbox(sql), 0, 'now one stands for each')
  },
)

t.test('the status shows what waits, for how long, and what is in doubt', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  const [first] = await queue(sql, target, ['a', 'b', 'c'])
  await queue(sql, target, ['later'], { scheduledFor: new Date(Date.now() + 60_000) })
  await sql`update pigeonpost.messages set status = 'unknown' where id = ${first ?? ''}`
  await sql`update pigeonpost.outbox set due_at = now() - interval '90 s' where state = 'queued'`
  await sql`insert into pigeonpost.webhook_inbox (tenant_id, channel, path, body, status) values (1, 'sms', '/', '', 'failed')`
  const status = await readStatus(sql)
  // A bell of another database of the cluster may lie in it.
  t.ok(status.notifyQueueUsage >= 0 && status.notifyQueueUsage < 0.5)
  t.match(status, {
    relay: { notifying: false },
    messages: { outbound: { queued: 2, scheduled: 1, unknown: 1, sent: 0 } },
    accounts: [
      {
        ...target,
        waiting: 2,
        scheduled: 1,
        unknown: 1,
        status: 'connected',
        provider: 'scripted',
      },
    ],
    inboxFailures: 1,
  })
  t.ok(status.relay.behind > 0)
  t.match(status.serverVersion, /^\d+/)
  t.ok(Math.abs((status.accounts[0]?.oldestSeconds ?? 0) - 90) < 10)
})
