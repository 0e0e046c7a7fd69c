import type { Db } from '../connect.ts'

/** How much of its daily limit an account has used. */
export type DayUse = {
  /** The account's local date, `2025-12-10`. */
  day: string
  /** Messages accepted for that day; null where no limit makes us count. */
  accepted: number | null
  nextDayAt: Date
}

/**
 * Today's use of an account, by delivery's clock. Where counting has not begun, it will begin with what was sent today
 * while there was no limit; the same is shown here, capped at the limit.
 */
export async function readDayUse(db: Db, tenantId: number, id: string): Promise<DayUse | null> {
  const [use] = await db<DayUse[]>`
    with today as (
      select a.daily_limit, a.time_zone, (pigeonpost_private.clock() at time zone a.time_zone)::date as day
      from pigeonpost.accounts a where a.tenant_id = ${tenantId} and a.id = ${id}
    ), span as (
      select t.*, pigeonpost_private.day_start(t.day, t.time_zone) as starts,
        pigeonpost_private.day_start(t.day + 1, t.time_zone) as ends
      from today t
    )
    select s.day::text as day, s.ends as "nextDayAt", case when s.daily_limit is not null then coalesce(
      (select d.accepted from pigeonpost_private.account_days d
        where d.tenant_id = ${tenantId} and d.account_id = ${id} and d.day = s.day),
      (select count(*) from (
        select from pigeonpost.messages m
        where m.tenant_id = ${tenantId} and m.account_id = ${id} and m.direction = 'outbound' and m.attempts > 0
          and m.sent_at >= s.starts and m.sent_at < s.ends and not exists (
            select 1 from pigeonpost.delivery_attempts t
            where t.tenant_id = m.tenant_id and t.message_id = m.id and t.accepted_on is not null)
          and m.number > (select min(r.low) from pigeonpost_private.number_ranges(${tenantId}, s.starts - interval '7 days', null) r)
        limit s.daily_limit) counted)) end as accepted
    from span s`
  return use ?? null
}
