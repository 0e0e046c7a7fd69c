/** Ids from `low` to `high`, both included. */
export type IdRange = { low: number; high: number }

/**
 * How far one reader has read one tenant's log, ahead of what is settled. What it has not seen yet is every id above
 * `seen`, and the holes below: ids that were drawn by transactions which had not committed when their neighbours had, or
 * that are other tenants'.
 */
export type LogPosition = {
  /** All events up to here were handled; what the table's cursor is moved to. */
  cursor: number
  seen: number
  holes: IdRange[]
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

/** Transactions by which the log of some tenants was being written, and up to where these logs are settled when they have ended. */
export type Rounds = Map<number, { upTo: number; writers: Set<string> }>

/**
 * Settles every tenant's log: with nobody writing, up to the last id that was drawn before anybody looked; else up to
 * where a round of before ends.
 * @param writers read after `last` was
 */
export function settleRounds(
  before: Rounds,
  writers: { tenantId: number; transactions: string[] }[],
  last: number,
): { rounds: Rounds; settled: Map<number, number | null> } {
  const rounds: Rounds = new Map()
  const settled = new Map<number, number | null>()
  for (const { tenantId, transactions } of writers) {
    const now = new Set(transactions)
    const round = before.get(tenantId)
    const left = round?.writers.intersection(now)
    const isOver = round !== undefined && left?.size === 0
    settled.set(tenantId, isOver ? round.upTo : null)
    rounds.set(
      tenantId,
      round && left && !isOver ? { ...round, writers: left } : { upTo: last, writers: now },
    )
  }
  return { rounds, settled }
}
