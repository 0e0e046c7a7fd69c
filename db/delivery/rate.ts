import type { Sql } from '../connect.ts'
import type { Target } from './lease.ts'

/**
 * Takes up to `wanted` sends out of the account's rate, in one statement that all workers share.
 * @returns how many, and after how many ms it is worth asking for more (0 when all were granted)
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

/** Returns what was taken and not sent. */
export async function returnRate(sql: Sql, target: Target, count: number): Promise<void> {
  await sql`
    select pigeonpost_private.give_back_rate(${target.tenantId}, ${target.accountId}, ${count})`
}
