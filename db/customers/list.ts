import type { Db } from '../connect.ts'
import { type Page, type PageRequest, readPage } from '../paging/offset.ts'
import { customerColumns, type CustomerRow } from '../rows.ts'

/** An absent filter matches all. */
export type CustomerFilter = {
  /** Part of the name, case-insensitive. */
  name?: string | undefined
  /** The whole address, in any spelling that normalize_address() understands. */
  address?: string | undefined
  /** Has an address on this channel. */
  channel?: string | undefined
  leadId?: string | undefined
}

/**
 * Customers, newest first, without those that were merged into another. An address and a lead id are looked up by index; a
 * part of a name scans every customer of the tenant.
 */
export async function listCustomers(
  db: Db,
  tenantId: number,
  { name, address, channel, leadId }: CustomerFilter,
  page: PageRequest,
): Promise<Page<CustomerRow & { key: string }>> {
  const pattern = name === undefined ? '' : `%${name.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
  const where = db`c.tenant_id = ${tenantId} and c.merged_into is null
    ${leadId === undefined ? db`` : db`and c.lead_id = ${leadId}::bigint`}
    ${name === undefined ? db`` : db`and c.name ilike ${pattern}`}
    ${address === undefined ? db`` : db`and c.id = any (array(${byAddress(db, tenantId, address, channel)}))`}
    ${
      channel === undefined || address !== undefined
        ? db``
        : db`and exists (select from pigeonpost.customer_identities i
            where i.tenant_id = c.tenant_id and i.customer_id = c.id and i.channel = lower(${channel}))`
    }`
  return readPage(
    db,
    {
      columns: db`${db(customerColumns.map((column) => `c.${column}`))}`,
      from: db`pigeonpost.customers c`,
      where,
      key: db`c.id`,
    },
    page,
  )
}

/** The customers with an address, found first: by the key of the identities, which leads with the channel, so it is probed once per channel. */
function byAddress(db: Db, tenantId: number, address: string, channel: string | undefined) {
  if (channel !== undefined) {
    return db`
      select i.customer_id from pigeonpost.customer_identities i
      where i.tenant_id = ${tenantId} and i.channel = lower(${channel})
        and i.address = pigeonpost.normalize_address(${channel}, ${address})`
  }
  return db`
    with recursive channel (name) as (
      select min(i.channel) from pigeonpost.customer_identities i where i.tenant_id = ${tenantId}
      union all
      select (select min(i.channel) from pigeonpost.customer_identities i where i.tenant_id = ${tenantId} and i.channel > h.name)
      from channel h where h.name is not null),
    -- First and by itself: under row-level security, the result of a function of another row is not looked up by the key.
    wanted as materialized (
      select h.name as channel, pigeonpost.normalize_address(h.name, ${address}) as address from channel h where h.name is not null)
    select i.customer_id from wanted w
    join pigeonpost.customer_identities i on i.tenant_id = ${tenantId} and i.channel = w.channel and i.address = w.address`
}
