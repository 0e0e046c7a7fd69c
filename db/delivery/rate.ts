import type { Sql } from '../connect.ts'
import type { Target } from './lease.ts'

/**
 * Takes up to `wanted` sends from the account's rate limit, in one statement, for all workers together.
 * @returns how many were granted, and in how many ms to ask for more (0 when all were granted)
 */
export async function takeRate(
  sql: Sql,
  target: Target,
  wanted: number,
): Promise<{ count: number; againInMs: number }> {
  const [row] = await sql<{ count: number; againInMs: number }[]>`
    select r.granted as count, r.again_in_ms as "againInMs"
    from pigeonpost_private.take_rate(${target.tenantId}, ${target.accountId}, ${wanted}) r`
  return row ?? { count: 0, againInMs: 1_000 }
}

/** Returns to the limit what was granted and not sent. */
export async function returnRate(sql: Sql, target: Target, count: number): Promise<void> {
  await sql`
    select pigeonpost_private.give_back_rate(${target.tenantId}, ${target.accountId}, ${count})`
}
