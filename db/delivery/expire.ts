import type { Sql } from '../connect.ts'
import type { Target } from './lease.ts'

/**
 * Settles what a dead worker left `sending`: nobody can know whether the provider took it, so it becomes `unknown`
 * (`lease_expired`), or goes again with the same attempt id where its provider takes that once only.
 * @param options.keyed the providers that do
 * @returns how many there were
 */
export async function expireLeases(
  sql: Sql,
  target: Target,
  options: { keyed: string[]; maxAttempts: number },
): Promise<number> {
  const rows = await sql`
    with stale as (
      select m.id, m.attempts, m.provider, m.provider_reason,
        m.provider = any(${options.keyed}::text[]) and m.attempts < ${options.maxAttempts}::integer as again
      from pigeonpost.messages m
      where m.tenant_id = ${target.tenantId} and m.account_id = ${target.accountId}
        and m.status = 'sending' and m.leased_until <= (select pigeonpost_private.clock())
      order by m.leased_until limit 1000
      for update of m skip locked
    ),
    settled as (
      update pigeonpost.messages m
      set status = case when s.again then 'queued' else 'unknown' end,
        error_code = 'lease_expired',
        error_message = 'The worker ended before it could record what became of the request.'
      from stale s where m.tenant_id = ${target.tenantId} and m.id = s.id
      returning m.id
    )
    insert into pigeonpost.delivery_attempts (tenant_id, message_id, attempt, provider, reason, outcome, error_code)
    select ${target.tenantId}::integer, s.id, s.attempts, s.provider, s.provider_reason,
      case when s.again then 'retry' else 'unknown' end, 'lease_expired'
    from stale s join settled d on d.id = s.id
    returning id`
  return rows.length
}
