import type { Sql } from '../connect.ts'
import type { LeasedAccount } from './lease.ts'

const maxPauseMs = 60_000

/**
 * Pauses an account that cannot send now. Messages whose `valid_until` has passed become `failed` (`expired`); if `reason`
 * is given, queued ones get it as `error_code`. Then the lease ends, but no turn starts within `pauseMs`, or longer where
 * much waits: inserts for an account that cannot send must not keep workers busy.
 */
export async function pauseAccount(
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
      select o.message_id as id, o.valid_until <= k.now is true as expired, o.valid_until,
        o.state = 'queued' and o.error_code is distinct from ${code}::text and ${code}::text is not null as unmarked
      from pigeonpost.outbox o cross join clock k
      where o.tenant_id = ${account.tenantId} and o.account_id = ${account.accountId} and o.state <> 'sending'
    ),
    chosen as materialized (
      select w.id, w.expired from waiting w where w.expired or w.unmarked order by w.id limit 1000
    ),
    marked as (
      update pigeonpost.outbox o set error_code = ${code}, error_message = ${options.reason?.message ?? null}
      from chosen c
      where o.tenant_id = ${account.tenantId} and o.message_id = c.id and not c.expired and o.state <> 'sending'
      returning c.id
    ),
    failing as materialized (
      select m.id from chosen c join pigeonpost.messages m on m.tenant_id = ${account.tenantId} and m.id = c.id
      where c.expired and m.status = 'queued' for update of m skip locked
    ),
    failed as (
      update pigeonpost.messages m
      set status = 'failed', error_code = 'expired', error_message = 'It was not sent before valid_until.'
      from failing f where m.tenant_id = ${account.tenantId} and m.id = f.id
      returning f.id
    )
    select (select min(w.valid_until)::text from waiting w where not w.expired) as next,
      (select count(*) from waiting w where w.expired or w.unmarked)
        > (select count(*) from marked) + (select count(*) from failed) as more`
  // This read all that waits. The pause grows with the time that took, so that it uses at most 1% of the time.
  const tookMs = performance.now() - started
  const pauseMs = Math.max(options.pauseMs, Math.min(maxPauseMs, 100 * tookMs))
  await sql`
    update pigeonpost_private.account_wakeups w
    set lease_id = null, leased_until = k.now + ${pauseMs} * interval '1 ms',
      due_at = least(
        case when w.due_at < w.leased_until or ${waiting?.more ?? false} then k.now end,
        ${waiting?.next ?? null}::timestamptz,
        k.now + ${options.againInMs}::double precision * interval '1 ms',
        (select min(o.due_at) from pigeonpost.outbox o where o.tenant_id = ${account.tenantId}
          and o.account_id = ${account.accountId} and o.state = 'sending'),
        'infinity')
    from (select pigeonpost_private.clock() as now) k
    where w.tenant_id = ${account.tenantId} and w.account_id = ${account.accountId} and w.lease_id = ${account.leaseId}`
}
