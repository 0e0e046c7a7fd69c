import type { Sql } from '../connect.ts'
import type { Target } from './lease.ts'

/** The accounts that are due and in nobody's hands, and how long (ms) until the next one is. */
export async function findDueAccounts(
  sql: Sql,
): Promise<{ due: Target[]; nextInMs: number | null }> {
  const [row] = await sql<{ due: Target[] | null; next: number | null }[]>`
    with clock as materialized (select pigeonpost_private.clock() as now),
    moments as (
      select w.tenant_id, w.account_id, greatest(w.due_at, w.leased_until) as at
      from pigeonpost_private.account_wakeups w where w.due_at < 'infinity'
    )
    select
      (select json_agg(json_build_object('tenantId', d.tenant_id, 'accountId', d.account_id)) from (
        select m.tenant_id, m.account_id from moments m, clock k where m.at <= k.now order by m.at limit 1000) d) as due,
      (select ceil(1000 * extract(epoch from min(m.at) - min(k.now)))::double precision from moments m, clock k
        where m.at > k.now) as next`
  return { due: row?.due ?? [], nextInMs: row?.next ?? null }
}

/**
 * Finds accounts with messages to handle that no wake-up stands for, whatever lost it, and makes them due. Costs a few
 * index probes per account that has something waiting, however many messages wait.
 */
export async function sweepMessages(sql: Sql): Promise<number> {
  const rows = await sql`
    with recursive queued as (
      (select m.tenant_id, m.account_id from pigeonpost.messages m
      where m.status = 'queued' order by m.tenant_id, m.account_id limit 1)
      union all
      select n.tenant_id, n.account_id from queued q cross join lateral (
        select m.tenant_id, m.account_id from pigeonpost.messages m
        where m.status = 'queued' and (m.tenant_id, m.account_id) > (q.tenant_id, q.account_id)
        order by m.tenant_id, m.account_id limit 1) n
    ),
    later as (
      (select m.tenant_id, m.account_id, m.next_attempt_at as at from pigeonpost.messages m
      where m.status in ('scheduled', 'retrying') order by m.tenant_id, m.account_id, m.next_attempt_at limit 1)
      union all
      select n.tenant_id, n.account_id, n.at from later q cross join lateral (
        select m.tenant_id, m.account_id, m.next_attempt_at as at from pigeonpost.messages m
        where m.status in ('scheduled', 'retrying') and (m.tenant_id, m.account_id) > (q.tenant_id, q.account_id)
        order by m.tenant_id, m.account_id, m.next_attempt_at limit 1) n
    ),
    sending as (
      (select m.tenant_id, m.account_id, m.leased_until as at from pigeonpost.messages m
      where m.status = 'sending' order by m.tenant_id, m.account_id, m.leased_until limit 1)
      union all
      select n.tenant_id, n.account_id, n.at from sending q cross join lateral (
        select m.tenant_id, m.account_id, m.leased_until as at from pigeonpost.messages m
        where m.status = 'sending' and (m.tenant_id, m.account_id) > (q.tenant_id, q.account_id)
        order by m.tenant_id, m.account_id, m.leased_until limit 1) n
    ),
    waiting as (
      select q.tenant_id, q.account_id, pigeonpost_private.clock() as at from queued q
      union all
      select l.tenant_id, l.account_id, coalesce(l.at, pigeonpost_private.clock()) from later l
      union all
      select s.tenant_id, s.account_id, s.at from sending s where s.at is not null
    )
    insert into pigeonpost_private.account_wakeups as w (tenant_id, account_id, due_at)
    select s.tenant_id, s.account_id, min(s.at)
    from waiting s
    join pigeonpost.accounts a on a.tenant_id = s.tenant_id and a.id = s.account_id
      and a.status = 'connected'
      and (a.provider is not null or exists (select from pigeonpost.provider_routes r where r.tenant_id = a.tenant_id))
    left join pigeonpost_private.account_wakeups e on e.tenant_id = s.tenant_id and e.account_id = s.account_id
    where e.due_at is null or e.due_at = 'infinity'
    group by s.tenant_id, s.account_id
    order by s.tenant_id, s.account_id
    on conflict on constraint account_wakeups_pkey do update set due_at = excluded.due_at
    where excluded.due_at < w.due_at
    returning w.account_id`
  return rows.length
}
