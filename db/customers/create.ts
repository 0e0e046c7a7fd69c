import type { Transaction } from '../connect.ts'

export type NewCustomer = {
  name?: string | null | undefined
  leadId?: number | null | undefined
  metadata?: Record<string, unknown> | undefined
}

/**
 * Makes a customer that no channel knows yet.
 * @returns its id
 * @throws the driver's error, 23505, where another has that lead id
 */
export async function createCustomer(
  tx: Transaction,
  tenantId: number,
  { name, leadId, metadata }: NewCustomer,
): Promise<string> {
  const [row] = await tx<{ id: string }[]>`
    insert into pigeonpost.customers (tenant_id, lead_id, name, metadata)
    values (${tenantId}, coalesce(${leadId ?? null}::bigint, nextval('pigeonpost.customers_lead_id_seq')), ${name ?? null},
      ${tx.json((metadata ?? {}) as never)})
    returning id`
  if (!row) {
    throw new Error('the customer was not stored')
  }
  return row.id
}

/** The customer with that address on a channel, made if there is none. */
export async function findOrOpenCustomer(
  tx: Transaction,
  tenantId: number,
  channel: string,
  address: string,
): Promise<string | null> {
  const [row] = await tx<{ id: string }[]>`
    select pigeonpost_private.find_or_open_customer(${tenantId}, a.channel, a.address) as id
    from (select ${channel} as channel, pigeonpost.normalize_address(${channel}, ${address}) as address) a
    where a.address is not null`
  return row?.id ?? null
}
