import type { Sql } from '../connect.ts'
import type { LeasedAccount } from './lease.ts'

const longestPauseMs = 60_000

/**
 * For an account that cannot send now: its messages wait. Those whose `valid_until` has passed become `failed`
 * (`expired`), and the queued ones say in `error_code` what they wait for, if `reason` is given. Then the lease ends, but
 * no turn starts within `pauseMs`, or longer where much waits: inserting for an account that cannot send must not make it
 * look busy.
 */
export async function holdAccount(
  sql: Sql,
  account: LeasedAccount,
  options: {
    reason: { code: string; message: string } | null
    pauseMs: number
    againInMs: number | null
  },
): Promise<void> {
  const code = options.reason?.code ?? null
  const started = performance.now()
  const [waiting] = await sql<{ next: string | null; more: boolean }[]>`
    with clock as materialized (select pigeonpost_private.clock() as now),
    waiting as materialized (
      select m.id, m.valid_until <= k.now is true as expired, m.valid_until,
        m.status = 'queued' and m.error_code is distinct from ${code}::text and ${code}::text is not null as unmarked
      from pigeonpost.messages m cross join clock k
      where m.tenant_id = ${account.tenantId} and m.account_id = ${account.accountId}
        and m.status in ('queued', 'scheduled', 'retrying')
    ),
    chosen as (
      select w.id, w.expired from waiting w where w.expired or w.unmarked order by w.id limit 1000
    ),
    marked as (
      update pigeonpost.messages m
      set status = case when c.expired then 'failed' else m.status end,
        error_code = case when c.expired then 'expired' else ${code} end,
        error_message = case when c.expired then 'It was not sent before valid_until.'
          else ${options.reason?.message ?? null} end
      from chosen c
      where m.tenant_id = ${account.tenantId} and m.id = c.id and m.status in ('queued', 'scheduled', 'retrying')
      returning m.id
    )
    select (select min(w.valid_until)::text from waiting w where not w.expired) as next,
      (select count(*) from waiting w where w.expired or w.unmarked) > (select count(*) from marked) as more`
  // All that waits was read: where that is much, it is done seldom, and takes no more than a hundredth of the time.
  const tookMs = performance.now() - started
  const pauseMs = Math.max(options.pauseMs, Math.min(longestPauseMs, 100 * tookMs))
  await sql`
    update pigeonpost_private.account_wakeups w
    set lease_id = null, leased_until = k.now + ${pauseMs} * interval '1 ms',
      due_at = least(
        case when w.due_at < w.leased_until or ${waiting?.more ?? false} then k.now end,
        ${waiting?.next ?? null}::timestamptz,
        k.now + ${options.againInMs}::double precision * interval '1 ms',
        (select min(m.leased_until) from pigeonpost.messages m where m.tenant_id = ${account.tenantId}
          and m.account_id = ${account.accountId} and m.status = 'sending'),
        'infinity')
    from (select pigeonpost_private.clock() as now) k
    where w.tenant_id = ${account.tenantId} and w.account_id = ${account.accountId} and w.lease_id = ${account.leaseId}`
}
