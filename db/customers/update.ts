import type { Transaction } from '../connect.ts'

/** Omitted fields keep their value. */
export type CustomerChange = {
  name?: string | null | undefined
  leadId?: number | undefined
  metadata?: Record<string, unknown> | undefined
}

/** Changes a customer. @throws the driver's error, 23505, where another has that lead id */
export async function updateCustomer(
  tx: Transaction,
  tenantId: number,
  id: string,
  { name, leadId, metadata }: CustomerChange,
): Promise<void> {
  const change = {
    ...(name === undefined ? {} : { name }),
    ...(leadId === undefined ? {} : { lead_id: leadId }),
    ...(metadata === undefined ? {} : { metadata: tx.json(metadata as never) }),
  }
  if (Object.keys(change).length === 0) return
  await tx`
    update pigeonpost.customers set ${tx(change as never)}
    where tenant_id = ${tenantId} and id = ${id}`
}
