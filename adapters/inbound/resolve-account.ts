import type { OpenWebhook } from './open.ts'

/** What an item says of where it belongs. */
export type Placed = { channel?: string; accountAddress?: string }

/**
 * Which channel and account an item is for: the path's account, but for what is of its folder's other channel; else the one
 * whose address it names; else whichever the tenant takes for the channel. Some channels open an account for an address of
 * ours that is new; in those whose webhook serves several accounts, the named one goes first.
 */
export function placeOf({ channel, account }: OpenWebhook, item: Placed) {
  const name = item.channel ?? account?.channel ?? channel.channels[0]
  const own = account?.channel === name ? account : null
  const address = item.accountAddress
  const isReferenced =
    address && address !== own?.address && (!own || channel.sharesWebhook === true)
  return {
    channel: name,
    ...(own && { account_id: own.accountId }),
    ...(isReferenced && {
      account_address: address,
      ...(channel.opensAccounts && !account && { opens_account: true }),
    }),
  }
}
