import type { Transaction } from '../connect.ts'

/** An address of ours, on its channel. */
export type OwnAddress = { channel: string; address: string }

/**
 * The accounts with those addresses, by `<channel> <address as given>`. With `open`, one that is not there is made, with
 * the limits that new accounts have; else it is left out.
 */
export async function findAccountsByAddress(
  tx: Transaction,
  tenantId: number,
  addresses: (OwnAddress & { open: boolean })[],
): Promise<Map<string, string>> {
  if (addresses.length === 0) return new Map()
  const given = [
    ...new Map(
      // Of several with one address, one that may open it is enough.
      addresses
        .toSorted((a, b) => Number(a.open) - Number(b.open))
        .map((one) => [`${one.channel} ${one.address}`, one]),
    ).values(),
  ]
  if (given.some(({ open }) => open)) {
    await tx`
      insert into pigeonpost.accounts (tenant_id, channel, address)
      select distinct ${tenantId}::integer, g.channel, pigeonpost.normalize_address(g.channel, g.address) as address
      from jsonb_to_recordset(${tx.json(given)}) g (channel text, address text, open boolean)
      where g.open and pigeonpost.normalize_address(g.channel, g.address) is not null and not exists (
        select from pigeonpost.accounts a where a.tenant_id = ${tenantId} and a.channel = g.channel
          and a.address = pigeonpost.normalize_address(g.channel, g.address))
      order by address
      on conflict do nothing`
  }
  const rows = await tx<{ channel: string; address: string; id: string }[]>`
    select g.channel, g.address, a.id
    from jsonb_to_recordset(${tx.json(given)}) g (channel text, address text)
    join pigeonpost.accounts a on a.tenant_id = ${tenantId} and a.channel = g.channel
      and a.address = pigeonpost.normalize_address(g.channel, g.address)`
  return new Map(rows.map(({ channel, address, id }) => [`${channel} ${address}`, id]))
}
