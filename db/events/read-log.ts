import { begin } from '../begin.ts'
import type { Sql } from '../connect.ts'
import { advance, type LogPosition, type Rounds, settleRounds } from './log-position.ts'

/** An account whose next turn was moved to an earlier time. */
export type Woken = {
  tenantId: number
  accountId: string
  /** ms from now, 0 when it is due already. */
  dueInMs: number
  /** A turn is running for it and will see that it was woken. */
  leased: boolean
}

/** The relay's state between two steps: its position in every tenant's log. */
export type LogState = {
  positions: Map<number, LogPosition>
  rounds: Rounds
  /** Tenants whose cursors were moved and not saved. */
  unsaved: Set<number>
}

export type LogBatch = {
  state: LogState
  /** How many events were new. */
  read: number
  woken: Woken[]
  /** There is more to read now. */
  more: boolean
  /** In every tenant, all ids drawn before this step are read and settled up to here. */
  cursor: number
}

/** The last id that was drawn for the log, committed or not. Reads one page, takes no lock: what an idle relay polls. */
export async function lastEventId(sql: Sql): Promise<number> {
  const [row] = await sql<{ id: number }[]>`select pigeonpost_private.last_log_id() as id`
  return row?.id ?? 0
}

/**
 * One step of the relay, in one short transaction: reads the new events of each tenant, notifies of them, moves the
 * wake-ups of accounts that became due (only ever to an earlier time), and saves the cursors. The relay that holds the row
 * of tenant 0 leads; null when another relay holds it.
 *
 * @param known null for a reader that starts at the cursors
 * @param options.notifyUpTo notifies of events up to this id; null where the triggers do
 * @param options.skipHoles reads only above what was seen, because reading the holes was expensive
 * @param options.saveCursors saves the cursors, which only the next leader needs
 */
export async function readLog(
  sql: Sql,
  known: LogState | null,
  options: {
    notifyUpTo: number | null
    limit?: number
    skipHoles?: boolean
    saveCursors?: boolean
  },
): Promise<LogBatch | null> {
  const limit = options.limit ?? 2_000
  return begin<LogBatch | null>(sql, async (tx) => {
    const [leads] = await tx`
      select from pigeonpost_private.log_cursors
      where tenant_id = 0 and name = 'relay' for update skip locked`
    if (!leads) return null
    const [drawn] = await tx<{ id: number }[]>`select pigeonpost_private.last_log_id() as id`
    const last = drawn?.id ?? 0
    const writers = await tx<{ tenantId: number; transactions: string[] }[]>`
      select w.tenant_id as "tenantId", array_agg(distinct w.virtual_transaction) as transactions
      from pigeonpost_private.log_writers() w group by w.tenant_id`
    const { rounds, settled } = settleRounds(known?.rounds ?? new Map(), writers, last)
    const positions = new Map(known?.positions)
    const holes = options.skipHoles
      ? []
      : [...positions].flatMap(([tenantId, { holes: own }]) =>
          own.map((hole) => ({ tenantId, ...hole })),
        )
    // This statement has a newer snapshot, in which everything settled is visible.
    const [result] = await tx<
      {
        fresh: { tenantId: number; ids: number[] }[] | null
        unknown: { tenantId: number; cursor: number }[] | null
        woken: Woken[] | null
      }[]
    >`
      with known as materialized (
        select c.tenant_id, c.cursor, k.seen is null as is_new, coalesce(k.seen, c.cursor) as seen
        from pigeonpost_private.log_cursors c
        left join unnest(${[...positions.keys()]}::integer[], ${[...positions.values()].map(({ seen }) => seen)}::bigint[]) k (tenant_id, seen)
          on k.tenant_id = c.tenant_id
        where c.name = 'relay' and c.tenant_id > 0
      ),
      fresh as materialized (
        select k.tenant_id, l.id, l.event_id, l.type, l.message_id, l.payload
        from known k cross join lateral pigeonpost.log_after(k.tenant_id, k.seen, 9223372036854775807, ${limit}) l
        where pigeonpost_private.next_log_id(k.tenant_id, k.seen) is not null
        union all
        select h.tenant_id, l.id, l.event_id, l.type, l.message_id, l.payload
        from unnest(${holes.map(({ tenantId }) => tenantId)}::integer[], ${holes.map(({ low }) => low)}::bigint[],
          ${holes.map(({ high }) => high)}::bigint[]) h (tenant_id, low, high)
        cross join lateral pigeonpost.log_after(h.tenant_id, h.low - 1, h.high, ${limit}) l
      ),
      notified as (
        select count(*) filter (where pg_notify('pigeonpost_events',
          pigeonpost_private.notification(f.event_id, f.id, f.type, f.tenant_id)) is null)
        from (select * from fresh where fresh.id <= ${options.notifyUpTo ?? 0}::bigint order by fresh.id) f
        where pg_notification_queue_usage() < 0.5
      ),
      due as (
        select o.tenant_id, o.account_id, min(case o.state when 'queued' then now() else o.due_at end) as due_at
        from fresh f join pigeonpost.outbox o on o.tenant_id = f.tenant_id and o.message_id = f.message_id
        where (f.type = 'message.outbound.created' or f.type = 'message.status' and f.payload ->> 'status' = 'queued') and o.state <> 'sending'
        group by o.tenant_id, o.account_id
      ),
      woken as (
        insert into pigeonpost_private.account_wakeups as w (tenant_id, account_id, due_at)
        select d.tenant_id, d.account_id, d.due_at from due d order by d.tenant_id, d.account_id
        on conflict on constraint account_wakeups_pkey do update set due_at = excluded.due_at
        where excluded.due_at < w.due_at
        returning w.tenant_id, w.account_id, w.due_at, w.leased_until
      )
      select
        (select json_agg(f) from (
          select tenant_id as "tenantId", array_agg(id order by id) as ids from fresh group by tenant_id) f) as fresh,
        (select json_agg(json_build_object('tenantId', k.tenant_id, 'cursor', k.cursor)) from known k where k.is_new) as unknown,
        (select json_agg(json_build_object('tenantId', w.tenant_id, 'accountId', w.account_id,
          'dueInMs', greatest(0, ceil(1000 * extract(epoch from w.due_at - (select pigeonpost_private.clock())))),
          'leased', coalesce(w.leased_until > (select pigeonpost_private.clock()), false))) from woken w) as woken,
        (select n.count from notified n)`
    for (const { tenantId, cursor } of result?.unknown ?? []) {
      positions.set(tenantId, { cursor, seen: cursor, holes: [] })
    }
    const fresh = new Map(result?.fresh?.map(({ tenantId, ids }) => [tenantId, ids]))
    const unsaved = new Set(known?.unsaved)
    let [read, more] = [0, false]
    // A tenant that is being created (0) is not among the positions yet.
    let cursor = settled.has(0) ? (settled.get(0) ?? 0) : last
    for (const [tenantId, from] of positions) {
      const ids = fresh.get(tenantId) ?? []
      const position = advance(from, ids, {
        settled: (settled.has(tenantId) ? settled.get(tenantId) : last) ?? from.cursor,
        limit,
        lookedThroughHoles: !options.skipHoles,
      })
      positions.set(tenantId, position)
      if (ids.length > 0) unsaved.add(tenantId)
      read += ids.length
      more ||= ids.length >= limit
      cursor = Math.min(cursor, position.cursor)
    }
    if (options.saveCursors && unsaved.size > 0) {
      const saved = [...unsaved]
      await tx`
        update pigeonpost_private.log_cursors c set cursor = s.cursor
        from unnest(${saved}::integer[], ${saved.map((tenantId) => positions.get(tenantId)?.cursor ?? 0)}::bigint[]) s (tenant_id, cursor)
        where c.tenant_id = s.tenant_id and c.name = 'relay' and c.cursor < s.cursor`
      for (const tenantId of saved) {
        const position = positions.get(tenantId)
        // What was read ahead of the settled position is saved once it is settled.
        if (!position || position.cursor >= position.seen) unsaved.delete(tenantId)
      }
    }
    const state = { positions, rounds, unsaved }
    return { state, read, woken: result?.woken ?? [], more, cursor }
  })
}
