import type { Sql } from '../connect.ts'
import type { LeasedAccount } from './lease.ts'

/**
 * Ends a turn: gives the lease back and sets the account to the exact moment at which it is due next. That is now, when
 * more is queued or it was woken during the turn; or when the first retry or scheduled message is; or when the first send
 * that is under way would be given up; or never, until something wakes it.
 *
 * Not before `notBeforeMs` from now: where a limit holds the account, more in its queue makes it no sooner due.
 * @returns ms until then, null for never
 */
export async function rearmAccount(
  sql: Sql,
  account: LeasedAccount,
  options: { notBeforeMs: number } = { notBeforeMs: 0 },
): Promise<number | null> {
  const [row] = await sql<{ dueInMs: number | null }[]>`
    with waiting as (
      select least(
        (select now() where exists (
          select from pigeonpost.messages m where m.tenant_id = ${account.tenantId} and m.account_id = ${account.accountId}
            and m.status = 'queued')),
        (select now() where exists (
          select from pigeonpost.messages m where m.tenant_id = ${account.tenantId} and m.account_id = ${account.accountId}
            and m.status in ('scheduled', 'retrying') and m.next_attempt_at is null)),
        (select m.next_attempt_at from pigeonpost.messages m
          where m.tenant_id = ${account.tenantId} and m.account_id = ${account.accountId}
            and m.status in ('scheduled', 'retrying') and m.next_attempt_at is not null
          order by m.next_attempt_at limit 1),
        (select m.leased_until from pigeonpost.messages m
          where m.tenant_id = ${account.tenantId} and m.account_id = ${account.accountId}
            and m.status = 'sending' and m.leased_until is not null
          order by m.leased_until limit 1)) as due_at
    ),
    released as (
      update pigeonpost_private.account_wakeups w
      set lease_id = null, leased_until = null,
        due_at = greatest(now() + ${options.notBeforeMs} * interval '1 ms',
          least(case when w.due_at < w.leased_until then w.due_at end, n.due_at, 'infinity'))
      from waiting n
      where w.tenant_id = ${account.tenantId} and w.account_id = ${account.accountId} and w.lease_id = ${account.leaseId}
      returning w.due_at
    )
    select greatest(0, ceil(1000 * extract(epoch from r.due_at - clock_timestamp())))::double precision as "dueInMs"
    from released r where r.due_at < 'infinity'`
  return row?.dueInMs ?? null
}
