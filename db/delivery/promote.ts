import type { Sql } from '../connect.ts'
import type { Target } from './lease.ts'

/**
 * Queues what has come due: scheduled messages, what a limit held back, and tries after a failure. What has waited past
 * its `valid_until` becomes `failed` (`expired`). Returns how many of both, at most `limit` of each.
 */
export async function promoteDue(sql: Sql, target: Target, limit = 1_000): Promise<number> {
  const rows = await sql`
    with clock as materialized (select pigeonpost_private.clock() as now),
    expired as materialized (
      select m.id from pigeonpost.messages m
      where m.tenant_id = ${target.tenantId} and m.account_id = ${target.accountId}
        and m.status in ('queued', 'scheduled', 'retrying') and m.valid_until is not null
        and m.valid_until <= (select k.now from clock k)
      order by m.valid_until limit ${limit}
      for update of m skip locked
    ),
    due as materialized (
      select m.id from pigeonpost.messages m
      where m.tenant_id = ${target.tenantId} and m.account_id = ${target.accountId}
        and m.status in ('scheduled', 'retrying')
        and (m.next_attempt_at <= (select k.now from clock k) or m.next_attempt_at is null)
      order by m.next_attempt_at limit ${limit}
      for update of m skip locked
    )
    update pigeonpost.messages m
    set status = case when c.expired then 'failed' else 'queued' end,
      error_code = case when c.expired then 'expired' when m.status = 'retrying' then m.error_code end,
      error_message = case when c.expired then 'It was not sent before valid_until.' when m.status = 'retrying' then m.error_message end
    from (
      select e.id, true as expired from expired e
      union all
      select d.id, false from due d where d.id not in (select e.id from expired e)
    ) c
    where m.tenant_id = ${target.tenantId} and m.id = c.id
    returning m.id`
  return rows.length
}
