import type { Sql } from '../connect.ts'
import type { Target } from './lease.ts'

/**
 * Queues what has come due: scheduled messages, messages that a limit held back, and retries. Those past their
 * `valid_until` become `failed` (`expired`), unless another transaction has the message locked. Returns how many of both,
 * at most `limit` of each.
 */
export async function promoteDue(sql: Sql, target: Target, limit = 1_000): Promise<number> {
  const rows = await sql`
    with clock as materialized (select pigeonpost_private.clock() as now),
    expired as materialized (
      select o.message_id as id from pigeonpost.outbox o
      where o.tenant_id = ${target.tenantId} and o.account_id = ${target.accountId}
        and o.state <> 'sending' and o.valid_until is not null and o.valid_until <= (select k.now from clock k)
      order by o.valid_until limit ${limit}
      for update skip locked
    ),
    due as materialized (
      select o.message_id as id from pigeonpost.outbox o
      where o.tenant_id = ${target.tenantId} and o.account_id = ${target.accountId}
        and o.state in ('scheduled', 'retrying') and o.due_at <= (select k.now from clock k)
      order by o.due_at limit ${limit}
      for update skip locked
    ),
    queued as (
      update pigeonpost.outbox o
      set state = 'queued', error_code = case when o.state = 'retrying' then o.error_code end,
        error_message = case when o.state = 'retrying' then o.error_message end
      from due d
      where o.tenant_id = ${target.tenantId} and o.message_id = d.id and d.id not in (select e.id from expired e)
      returning d.id
    ),
    failing as materialized (
      select m.id from expired e join pigeonpost.messages m on m.tenant_id = ${target.tenantId} and m.id = e.id
      where m.status = 'queued' for update of m skip locked
    ),
    failed as (
      update pigeonpost.messages m
      set status = 'failed', error_code = 'expired', error_message = 'It was not sent before valid_until.'
      from failing f where m.tenant_id = ${target.tenantId} and m.id = f.id
      returning f.id
    )
    select q.id from queued q union all select f.id from failed f`
  return rows.length
}
