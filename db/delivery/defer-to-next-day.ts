import type { Sql } from '../connect.ts'
import type { LeasedAccount } from './lease.ts'

/**
 * When the daily limit is used up, defers the waiting messages that do not count for today. They get the error code
 * `daily_limit`, and are due when the next day begins or the limit is raised. Returns how many, at most `limit`.
 */
export async function deferToNextDay(
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
      select o.message_id from pigeonpost.outbox o
      where o.tenant_id = ${account.tenantId} and o.account_id = ${account.accountId} and o.state = 'queued'
        and o.accepted_on is null and (select d.day from day d) is not null
      order by o.priority desc, o.number limit ${limit}
      for update skip locked
    )
    update pigeonpost.outbox o
    set state = 'scheduled', error_code = 'daily_limit', error_message = 'The account''s daily limit is reached.',
      due_at = least(d.next_day, o.valid_until)
    from waiting w cross join day d
    where o.tenant_id = ${account.tenantId} and o.message_id = w.message_id
    returning o.message_id`
  return rows.length
}
