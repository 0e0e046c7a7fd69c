import type { Transaction } from '../connect.ts'

/**
 * Merges one customer into another: addresses, conversations and messages move, and the first stays as a tombstone that
 * points at the second. Merging twice changes nothing.
 * @returns the id of the customer that remains
 * @throws the driver's error: PPN01 where one is unknown, PPC01 where one is merged into a third
 */
export async function mergeCustomers(
  tx: Transaction,
  tenantId: number,
  { winner, loser }: { winner: string; loser: string },
): Promise<string> {
  const [row] = await tx<{ id: string }[]>`
    select pigeonpost.merge_customers(${tenantId}, ${winner}, ${loser}) as id`
  return row?.id ?? winner
}

/** The uuid of the customer with that uuid or lead id, merged or not; null where there is none. */
export async function customerIdOf(
  tx: Transaction,
  tenantId: number,
  id: string,
): Promise<string | null> {
  const column = id.includes('-') ? tx`id = ${id}::uuid` : tx`lead_id = ${id}::bigint`
  const [row] = await tx<{ id: string }[]>`
    select id from pigeonpost.customers where tenant_id = ${tenantId} and ${column}`
  return row?.id ?? null
}
