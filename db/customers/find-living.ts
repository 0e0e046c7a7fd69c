import type { Transaction } from '../connect.ts'

/** The id of that customer, or of the one that it was merged into; null where the tenant has no such customer. */
export async function findLivingCustomer(
  tx: Transaction,
  tenantId: number,
  id: string,
): Promise<string | null> {
  const [row] = await tx<{ id: string }[]>`
    with recursive c as (
      select id, merged_into from pigeonpost.customers where tenant_id = ${tenantId} and id = ${id}
      union all
      select n.id, n.merged_into from c join pigeonpost.customers n on n.tenant_id = ${tenantId} and n.id = c.merged_into
    )
    select id from c where merged_into is null`
  return row?.id ?? null
}
