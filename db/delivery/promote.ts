import type { Sql } from '../connect.ts'
import type { Target } from './lease.ts'

/** Queues what has come due: scheduled messages, and tries after a failure. Returns how many, at most `limit`. */
export async function promoteDue(sql: Sql, target: Target, limit = 1_000): Promise<number> {
  const rows = await sql`
    with due as (
      select m.id from pigeonpost.messages m
      where m.tenant_id = ${target.tenantId} and m.account_id = ${target.accountId}
        and m.status in ('scheduled', 'retrying') and (m.next_attempt_at <= now() or m.next_attempt_at is null)
      order by m.next_attempt_at limit ${limit}
      for update of m skip locked
    )
    update pigeonpost.messages m set status = 'queued'
    from due d where m.tenant_id = ${target.tenantId} and m.id = d.id
    returning m.id`
  return rows.length
}
