import { begin } from '../begin.ts'
import type { Sql } from '../connect.ts'

/** Ids from `low` to `high`, both included. */
export type IdRange = { low: number; high: number }

/**
 * How far one reader has read the log, ahead of what is settled. What it has not seen yet is every id above `seen`,
 * and the holes below: ids that were drawn by transactions which had not committed when their neighbours had.
 */
export type LogPosition = {
  /** All events up to here were handled; what the table's cursor is moved to. */
  cursor: number
  seen: number
  holes: IdRange[]
}

/** An account that is due sooner than it was. */
export type Woken = {
  tenantId: number
  accountId: string
  /** ms from now, 0 when it is due already. */
  dueInMs: number
  /** A turn is at work on it and will see that it was woken. */
  leased: boolean
}

export type LogBatch = {
  position: LogPosition
  /** How many events were new. */
  read: number
  woken: Woken[]
  settled: number
  /** More is to be read at once. */
  more: boolean
}

const consumer = { tenant: 0, name: '$relay' }

/** The log's last id that was drawn, committed or not. One page, no lock: what an idle relay looks at. */
export async function lastEventId(sql: Sql): Promise<number> {
  const [row] = await sql<{ id: number }[]>`
    select case when is_called then last_value else 0 end as id from pigeonpost.events_id_seq`
  return row?.id ?? 0
}

/** Makes the relay's cursor, at the start of the log, unless it is there. */
export async function prepareRelay(sql: Sql): Promise<void> {
  await sql`
    insert into pigeonpost.event_consumers (tenant_id, name) values (${consumer.tenant}, ${consumer.name})
    on conflict on constraint event_consumers_pkey do nothing`
}

/**
 * One step of the relay, in one short transaction: settles, reads what it has not seen, rings for it, moves the
 * wake-ups of accounts that it made due (only ever to an earlier moment), and moves the cursor. Who holds the cursor's
 * row leads; null when that is somebody else.
 *
 * @param known null for a reader that starts at the cursor
 * @param options.ringUpTo rings for events up to this id; null where the triggers ring
 * @param options.skipHoles reads only above what was seen, because the holes were dear to look through
 */
export async function readLog(
  sql: Sql,
  known: LogPosition | null,
  options: { ringUpTo: number | null; limit?: number; skipHoles?: boolean },
): Promise<LogBatch | null> {
  const limit = options.limit ?? 2_000
  return begin<LogBatch | null>(sql, async (tx) => {
    const [row] = await tx<{ cursor: number }[]>`
      select cursor from pigeonpost.event_consumers
      where tenant_id = ${consumer.tenant} and name = ${consumer.name} for update skip locked`
    if (!row) return null
    // Where another led in between, our own reading still tells what we have rung for.
    const from = known ?? { cursor: row.cursor, seen: row.cursor, holes: [] }
    const [settling] = await tx<{ settled: number }[]>`
      select pigeonpost.settle_events() as settled`
    const settled = settling?.settled ?? 0
    const holes = options.skipHoles ? [] : from.holes
    // What is settled is now visible to this statement, which has a newer snapshot.
    const [result] = await tx<{ ids: number[] | null; woken: Woken[] | null }[]>`
      with fresh as materialized (
        select e.* from unnest(${holes.map((hole) => hole.low)}::bigint[], ${holes.map((hole) => hole.high)}::bigint[]) h (low, high)
        cross join lateral (
          select e.id, e.event_id, e.type, e.tenant_id, e.account_id, e.message_id, e.payload ->> 'status' as status
          from pigeonpost.events e where e.id between h.low and h.high order by e.id limit ${limit}
        ) e
        union all
        (select e.id, e.event_id, e.type, e.tenant_id, e.account_id, e.message_id, e.payload ->> 'status'
        from pigeonpost.events e where e.id > ${from.seen} order by e.id limit ${limit})
      ),
      rung as (
        select count(*) filter (where pg_notify('pigeonpost_events',
          pigeonpost_private.bell(f.event_id, f.id, f.type, f.tenant_id)) is null)
        from (select * from fresh where fresh.id <= ${options.ringUpTo ?? 0}::bigint order by fresh.id) f
        where pg_notification_queue_usage() < 0.5
      ),
      due as (
        select o.tenant_id, o.account_id, min(case o.state when 'queued' then now() else o.due_at end) as due_at
        from fresh f join pigeonpost.outbox o on o.tenant_id = f.tenant_id and o.message_id = f.message_id
        where (f.type = 'message.outbound.created' or f.type = 'message.status' and f.status = 'queued') and o.state <> 'sending'
        group by o.tenant_id, o.account_id
      ),
      woken as (
        insert into pigeonpost_private.account_wakeups as w (tenant_id, account_id, due_at)
        select d.tenant_id, d.account_id, d.due_at from due d order by d.tenant_id, d.account_id
        on conflict on constraint account_wakeups_pkey do update set due_at = excluded.due_at
        where excluded.due_at < w.due_at
        returning w.tenant_id, w.account_id, w.due_at, w.leased_until
      )
      select (select array_agg(f.id order by f.id) from fresh f) as ids,
        (select json_agg(json_build_object('tenantId', w.tenant_id, 'accountId', w.account_id,
          'dueInMs', greatest(0, ceil(1000 * extract(epoch from w.due_at - (select pigeonpost_private.clock())))),
          'leased', coalesce(w.leased_until > (select pigeonpost_private.clock()), false))) from woken w) as woken,
        (select r.count from rung r)`
    const ids = result?.ids ?? []
    const position = advance(from, ids, { settled, limit, lookedThroughHoles: !options.skipHoles })
    if (position.cursor > row.cursor) {
      await tx`
        update pigeonpost.event_consumers set cursor = ${position.cursor}, updated_at = now()
        where tenant_id = ${consumer.tenant} and name = ${consumer.name}`
    }
    return {
      position,
      read: ids.length,
      woken: result?.woken ?? [],
      settled,
      more: ids.length >= limit,
    }
  })
}

/** The position after reading `ids`, which are in order and were none of them seen before. */
export function advance(
  from: LogPosition,
  ids: number[],
  read: { settled: number; limit: number; lookedThroughHoles: boolean },
): LogPosition {
  const above = ids.filter((id) => id > from.seen)
  const below = ids.filter((id) => id <= from.seen)
  const complete = above.length < read.limit
  let seen = above.at(-1) ?? from.seen
  const holes = fill(from.holes, below)
  let next = from.seen + 1
  for (const id of above) {
    if (id > next) holes.push({ low: next, high: id - 1 })
    next = id + 1
  }
  // Nothing comes any more at or below what was settled before we looked.
  if (complete) seen = Math.max(seen, read.settled)
  const whole = read.lookedThroughHoles && below.length < read.limit
  const open = holes
    .filter((hole) => hole.high > read.settled || (hole.low <= from.seen && !whole))
    .map((hole) =>
      hole.low > from.seen || whole
        ? { low: Math.max(hole.low, read.settled + 1), high: hole.high }
        : hole,
    )
  const cursor = Math.min(read.settled, seen, (open[0]?.low ?? Infinity) - 1)
  return { cursor: Math.max(cursor, from.cursor), seen, holes: open }
}

function fill(holes: IdRange[], ids: number[]): IdRange[] {
  if (ids.length === 0) return [...holes]
  const result: IdRange[] = []
  let at = 0
  for (const hole of holes) {
    let low = hole.low
    for (let id = ids[at]; id !== undefined && id <= hole.high; id = ids[++at]) {
      if (id > low) result.push({ low, high: id - 1 })
      low = id + 1
    }
    if (low <= hole.high) result.push({ low, high: hole.high })
  }
  return result
}
