import type { Sql } from '../connect.ts'
import type { LeasedAccount } from './lease.ts'

/**
 * Puts off to the account's next day what waits and has not been counted for this one, when the day is full. They say so
 * (`daily_limit`) and are due when the day begins, or when the limit is raised. Returns how many, at most `limit`.
 */
export async function putOffToNextDay(
  sql: Sql,
  account: LeasedAccount,
  limit = 1_000,
): Promise<number> {
  const rows = await sql`
    with day as materialized (
      select d.* from pigeonpost_private.take_day(${account.tenantId}, ${account.accountId}, 0,
        (select pigeonpost_private.clock())) d
    ),
    waiting as materialized (
      select m.id from pigeonpost.messages m
      where m.tenant_id = ${account.tenantId} and m.account_id = ${account.accountId} and m.status = 'queued'
        and m.accepted_on is null and (select d.day from day d) is not null
      order by m.priority desc, m.number limit ${limit}
      for update of m skip locked
    )
    update pigeonpost.messages m
    set status = 'scheduled', error_code = 'daily_limit', error_message = 'The account''s daily limit is reached.',
      next_attempt_at = least(d.next_day, m.valid_until)
    from waiting w cross join day d
    where m.tenant_id = ${account.tenantId} and m.id = w.id
    returning m.id`
  return rows.length
}
