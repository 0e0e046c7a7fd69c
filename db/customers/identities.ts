import type { Db, Transaction } from '../connect.ts'
import { identityColumns, type IdentityRow } from '../rows.ts'

/** The addresses by which channels know those customers, the newest first; at most 1000. */
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
 * Gives a customer an address that is nobody's yet, and returns it; one that is the customer's is left as it is.
 * @returns whose it is, the customer's or another's; null where that is no address of the channel
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

/** Takes an address from a customer; null where it is not the customer's. */
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
