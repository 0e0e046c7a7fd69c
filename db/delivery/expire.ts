import type { Sql } from '../connect.ts'
import type { Target } from './lease.ts'

/**
 * Settles messages that a dead worker left `sending`. Whether the provider took them cannot be known, so they become
 * `unknown` (`lease_expired`), or are sent again with the same attempt id where the provider takes it as an idempotency
 * key. A message that another transaction has locked (a receipt, say) is left for the next turn.
 * @param options.keyed the providers that take an idempotency key
 * @returns how many there were
 */
export async function expireLeases(
  sql: Sql,
  target: Target,
  options: { keyed: string[]; maxAttempts: number },
): Promise<number> {
  const rows = await sql`
    with clock as materialized (select pigeonpost_private.clock() as now),
    stale as materialized (
      select o.message_id as id, o.attempt_id, o.attempt,
        o.provider = any(${options.keyed}::text[]) and o.attempt < ${options.maxAttempts}::integer as again
      from pigeonpost.outbox o
      where o.tenant_id = ${target.tenantId} and o.account_id = ${target.accountId}
        and o.state = 'sending' and o.due_at <= (select k.now from clock k)
      order by o.due_at limit 1000
      for update skip locked
    ),
    ending as materialized (
      select m.id, s.attempt from stale s
      join pigeonpost.messages m on m.tenant_id = ${target.tenantId} and m.id = s.id
      where not s.again and m.status = 'queued'
      for update of m skip locked
    ),
    ended as (
      update pigeonpost.messages m
      set status = 'unknown', attempts = e.attempt, error_code = 'lease_expired',
        error_message = 'The worker ended before it could record what became of the request.'
      from ending e where m.tenant_id = ${target.tenantId} and m.id = e.id
      returning m.id
    ),
    queued as (
      update pigeonpost.outbox o
      set state = 'queued', due_at = k.now, error_code = 'lease_expired',
        error_message = 'The worker ended before it could record what became of the request.'
      from stale s cross join clock k where o.tenant_id = ${target.tenantId} and o.message_id = s.id and s.again
      returning s.id
    )
    update pigeonpost.delivery_attempts d
    set outcome = case when s.again then 'retry' else 'unknown' end, error_code = 'lease_expired'
    from stale s
    where d.tenant_id = ${target.tenantId} and d.attempt_id = s.attempt_id and d.attempt = s.attempt
      and (s.id in (select e.id from ended e) or s.id in (select q.id from queued q))
    returning d.attempt_id`
  return rows.length
}
