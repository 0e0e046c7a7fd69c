import type { Sql } from '../connect.ts'

/**
 * Folds events into the counters of conversations and customers.
 * @returns how many events were folded (0 when nothing is left, or another is at it), and the id up to which the log
 * is settled: what lies above it can only be folded later
 */
export async function foldCounters(sql: Sql): Promise<{ folded: number; settled: number }> {
  const [row] = await sql<{ folded: number; settled: number }[]>`
    select pigeonpost.fold() as folded, pigeonpost.settle_events() as settled`
  return row ?? { folded: 0, settled: 0 }
}
