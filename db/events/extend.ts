import type { Sql } from '../connect.ts'

/** Makes the partitions of the log that its sequence will reach next; returns how many were missing. */
export async function extendLog(sql: Sql): Promise<number> {
  const [row] = await sql<{ made: number }[]>`select pigeonpost_private.extend_log() as made`
  return row?.made ?? 0
}
