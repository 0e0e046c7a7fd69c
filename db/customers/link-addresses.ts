import type { Transaction } from '../connect.ts'

/**
 * Two addresses belong to one person from then on: they are one customer's, and two customers that had them are merged.
 * What is no address of the channel is passed over.
 */
export async function linkAddresses(
  tx: Transaction,
  tenantId: number,
  link: { channel: string; address: string; alternateAddress: string },
): Promise<void> {
  await tx`
    select pigeonpost_private.link_addresses(${tenantId}, ${link.channel}, a.one, a.other)
    from (select pigeonpost.normalize_address(${link.channel}, ${link.address}) as one,
      pigeonpost.normalize_address(${link.channel}, ${link.alternateAddress}) as other) a
    where a.one <> a.other`
}
