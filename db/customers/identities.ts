import type { Db, Transaction } from '../connect.ts'
import { identityColumns, type IdentityRow } from '../rows.ts'

/** The addresses of those customers, newest first; at most 1000. */
export async function listIdentities(
  db: Db,
  tenantId: number,
  customerIds: string[],
): Promise<IdentityRow[]> {
  if (customerIds.length === 0) return []
  return db<IdentityRow[]>`
    select ${db(identityColumns)} from pigeonpost.customer_identities
    where tenant_id = ${tenantId} and customer_id = any (${customerIds}::uuid[])
    order by created_at desc, channel, address limit 1000`
}

/**
 * Adds an address to a customer, unless a customer has it already.
 * @returns the address with the customer that has it, this one or another; null where it is not valid on the channel
 */
export async function addIdentity(
  tx: Transaction,
  tenantId: number,
  customerId: string,
  { channel, address }: { channel: string; address: string },
): Promise<(IdentityRow & { added: boolean }) | null> {
  const [added] = await tx<IdentityRow[]>`
    insert into pigeonpost.customer_identities (tenant_id, channel, address, customer_id)
    values (${tenantId}, ${channel}, ${address}, ${customerId})
    on conflict (tenant_id, channel, address) do nothing
    returning ${tx(identityColumns)}`
  if (added) return { ...added, added: true }
  const [found] = await tx<IdentityRow[]>`
    select ${tx(identityColumns)} from pigeonpost.customer_identities
    where tenant_id = ${tenantId} and channel = lower(btrim(${channel}))
      and address = pigeonpost.normalize_address(${channel}, ${address})`
  return found ? { ...found, added: false } : null
}

/** Removes an address from a customer; null where the customer does not have it. */
export async function removeIdentity(
  tx: Transaction,
  tenantId: number,
  customerId: string,
  { channel, address }: { channel: string; address: string },
): Promise<IdentityRow | null> {
  const [removed] = await tx<IdentityRow[]>`
    delete from pigeonpost.customer_identities
    where tenant_id = ${tenantId} and customer_id = ${customerId} and channel = lower(btrim(${channel}))
      and address = pigeonpost.normalize_address(${channel}, ${address})
    returning ${tx(identityColumns)}`
  return removed ?? null
}
