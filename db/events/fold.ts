import type { Sql } from '../connect.ts'

/**
 * Folds events into the counters of conversations and customers.
 * @returns how many events were folded: 0 when nothing is left, or another process is folding
 */
export async function foldCounters(sql: Sql): Promise<number> {
  const [row] = await sql<{ folded: number }[]>`select pigeonpost.fold() as folded`
  return row?.folded ?? 0
}

/** The id up to which every tenant's log is settled: what lies above it can only be folded later. */
export async function settleEvents(sql: Sql): Promise<number> {
  const [row] = await sql<{ settled: number }[]>`select pigeonpost.settle_events() as settled`
  return row?.settled ?? 0
}
