import type { Transaction } from '../connect.ts'

/** An address of ours, on its channel. */
export type OwnAddress = { channel: string; address: string }

/**
 * The accounts with those addresses, keyed by `<channel> <address as given>`. With `open`, a missing account is created
 * with the limits of a new account; otherwise it is left out.
 */
export async function findAccountsByAddress(
  tx: Transaction,
  tenantId: number,
  addresses: (OwnAddress & { open: boolean })[],
): Promise<Map<string, string>> {
  if (addresses.length === 0) return new Map()
  const named = addresses.map(({ channel, address, open }) => ({
    channel,
    account_address: address,
    opens_account: open,
  }))
  const [row] = await tx<{ accounts: Record<string, string> }[]>`
    select pigeonpost_private.accounts_named(${tenantId}, ${tx.json(named)}) as accounts`
  return new Map(Object.entries(row?.accounts ?? {}))
}
