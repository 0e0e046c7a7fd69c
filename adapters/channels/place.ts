import { findAccountsByAddress } from '../../db/accounts/find-by-address.ts'
import type { Transaction } from '../../db/connect.ts'
import type { Received } from './channel.ts'
import type { OpenWebhook } from './open.ts'

/** What an item says of where it belongs. */
export type Placed = { channel?: string; accountAddress?: string; conversationExternalId?: string }
/** Of which webhook, and the item: where it belongs. */
export type Place = (of: number, item: Placed) => { channel: string; accountId: string | null }

/**
 * Which channel and account an item is for: the path's account, else the one whose address it names, else whichever the
 * tenant takes for the channel. Some channels open an account for an address of ours that is new; in those whose
 * webhook serves several accounts, the named one goes first.
 */
export async function createPlace(
  tx: Transaction,
  webhooks: OpenWebhook[],
  contents: Received[],
): Promise<Place> {
  const { named, place } = planPlaces(webhooks, contents)
  return place(await findAccountsByAddress(tx, webhooks[0]?.tenantId ?? 0, named))
}

/** The same where no account has to be looked up; null where one has. */
export function placeWithoutLooking(webhooks: OpenWebhook[], contents: Received[]): Place | null {
  const { named, place } = planPlaces(webhooks, contents)
  return named.length === 0 ? place(new Map()) : null
}

function planPlaces(webhooks: OpenWebhook[], contents: Received[]) {
  const channelOf = (of: number, item: Placed) => {
    const webhook = webhooks[of]
    return item.channel ?? webhook?.account?.channel ?? webhook?.channel.channels[0] ?? ''
  }
  // An account in the path is meant, but for what is of its folder's other channel.
  const ownOf = (of: number, channel: string) => {
    const { account } = webhooks[of] ?? {}
    return account?.channel === channel ? account : null
  }
  const isShared = (of: number) => webhooks[of]?.channel.sharesWebhook === true
  const named = contents.flatMap((content, of) =>
    [...content.messages, ...content.updates, ...(content.groups ?? [])].flatMap((item: Placed) => {
      const address = item.accountAddress
      const channel = channelOf(of, item)
      const own = ownOf(of, channel)
      if (!address || address === own?.address || (own && !isShared(of))) return []
      const open = webhooks[of]?.channel.opensAccounts === true && !webhooks[of]?.account
      return [{ channel, address, open }]
    }),
  )
  const place =
    (accounts: Map<string, string>): Place =>
    (of, item) => {
      const channel = channelOf(of, item)
      const own = ownOf(of, channel)
      const address = item.accountAddress
      const found = address && (!own || isShared(of)) ? accounts.get(`${channel} ${address}`) : null
      return { channel, accountId: found ?? own?.accountId ?? null }
    }
  return { named, place }
}
