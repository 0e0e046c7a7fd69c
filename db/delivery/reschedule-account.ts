import type { Sql } from '../connect.ts'
import type { LeasedAccount } from './lease.ts'

/**
 * Ends a turn: releases the lease and sets when the account is due next. That is now, if more is queued or it was woken
 * during the turn; else when the first retry or scheduled message is due, or the first lease of a send under way ends;
 * else never, until something wakes it.
 *
 * Not before `notBeforeMs` from now: where a limit holds the account back, neither its queue nor new inserts make it due
 * earlier. Where recipients have an interval, a queued message counts from when its recipient's interval is over.
 * @returns ms until then, null for never
 */
export async function rescheduleAccount(
  sql: Sql,
  account: LeasedAccount,
  options: { notBeforeMs: number; spaced?: boolean } = { notBeforeMs: 0 },
): Promise<number | null> {
  const mine = sql`o.tenant_id = ${account.tenantId} and o.account_id = ${account.accountId}`
  const recipient = sql`r.tenant_id = o.tenant_id and r.account_id = o.account_id and r.address = o.address`
  // Only then, since it is expensive with many messages: when the recipients of the whole queue are due.
  const queued = options.spaced
    ? sql`coalesce(
        (select k.now where exists (
          select 1 from pigeonpost.outbox o where ${mine} and o.state = 'queued' and not exists (
            select 1 from pigeonpost_private.recipient_limits r where ${recipient} and r.next_at > k.now))),
        (select min(r.next_at) from pigeonpost.outbox o join pigeonpost_private.recipient_limits r on ${recipient}
          where ${mine} and o.state = 'queued'))`
    : sql`(select k.now where exists (select 1 from pigeonpost.outbox o where ${mine} and o.state = 'queued'))`
  const first = (state: string) =>
    sql`(select o.due_at from pigeonpost.outbox o where ${mine} and o.state = ${state} order by o.due_at limit 1)`
  const [row] = await sql<{ dueInMs: number | null }[]>`
    with clock as materialized (select pigeonpost_private.clock() as now),
    waiting as (
      select k.now, least(
        ${queued}, ${first('scheduled')}, ${first('retrying')}, ${first('sending')},
        (select o.valid_until from pigeonpost.outbox o
          where ${mine} and o.state <> 'sending' and o.valid_until is not null
          order by o.valid_until limit 1)) as due_at
      from clock k
    ),
    released as (
      update pigeonpost_private.account_wakeups w
      set lease_id = null,
        leased_until = case when ${options.notBeforeMs} > 0 then n.now + ${options.notBeforeMs} * interval '1 ms' end,
        due_at = greatest(n.now + ${options.notBeforeMs} * interval '1 ms',
          least(case when w.due_at < w.leased_until then w.due_at end, n.due_at, 'infinity'))
      from waiting n
      where w.tenant_id = ${account.tenantId} and w.account_id = ${account.accountId} and w.lease_id = ${account.leaseId}
      returning w.due_at, n.now
    )
    select greatest(0, ceil(1000 * extract(epoch from r.due_at - r.now)))::double precision as "dueInMs"
    from released r where r.due_at < 'infinity'`
  return row?.dueInMs ?? null
}
