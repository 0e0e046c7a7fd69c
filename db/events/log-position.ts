/** Ids from `low` to `high`, both included. */
export type IdRange = { low: number; high: number }

/**
 * How far one reader has read one tenant's log, which may be ahead of what is settled. Not read yet: every id above `seen`,
 * and the holes below it, that is ids of transactions that had not committed when their neighbours had, or ids of other
 * tenants.
 */
export type LogPosition = {
  /** All events up to here were handled; the table's cursor is set to this. */
  cursor: number
  seen: number
  holes: IdRange[]
}

/** The position after reading `ids`, which are in order and not seen before. */
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
  // No event can appear any more at or below what was settled before this read.
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

/** A round of settling: the transactions that were writing to tenants' logs, and up to where those logs are settled once they have ended. */
export type Rounds = Map<number, { upTo: number; writers: Set<string> }>

/**
 * Settles every tenant's log: up to `last`, where nobody was writing; else up to where a finished earlier round says.
 * @param writers must be read after `last`
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
