import type { Sql } from '../connect.ts'
import type { Target } from './lease.ts'
import { outboxHeads } from './outbox-heads.ts'

/** The accounts that are due and not leased, and how long (ms) until the next one is due. */
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
 * Finds accounts that have messages to handle but no wake-up, for whatever reason it was lost, and makes them due. Cost:
 * one index probe for each account and state, however many messages wait.
 */
export async function sweepOutbox(sql: Sql): Promise<number> {
  const rows = await sql`
    with recursive heads as (${outboxHeads(sql, null)})
    insert into pigeonpost_private.account_wakeups as w (tenant_id, account_id, due_at)
    select h.tenant_id, h.account_id, min(case h.state when 'queued' then pigeonpost_private.clock() else h.due_at end)
    from heads h
    join pigeonpost.accounts a on a.tenant_id = h.tenant_id and a.id = h.account_id
      and a.status = 'connected'
      and (a.provider is not null or exists (select 1 from pigeonpost.provider_routes r where r.tenant_id = a.tenant_id))
    left join pigeonpost_private.account_wakeups e on e.tenant_id = h.tenant_id and e.account_id = h.account_id
    where e.due_at is null or e.due_at = 'infinity'
    group by h.tenant_id, h.account_id
    order by h.tenant_id, h.account_id
    on conflict on constraint account_wakeups_pkey do update set due_at = excluded.due_at
    where excluded.due_at < w.due_at
    returning w.account_id`
  return rows.length
}
