import type { InboundUpdate } from '../../adapters/channels/channel.ts'
import type { Transaction } from '../connect.ts'

export type UpdateResult = 'applied' | 'ignored' | 'parked'

/** An update, and the account and channel of its message as far as they are known. */
export type PlacedUpdate = { update: InboundUpdate; channel: string; accountId: string | null }

/**
 * Receipts, edits, revokes and reactions for the messages with those external ids, or that were sent with the attempt
 * ids which they hand back, by pigeonpost.apply_update: `ignored` where one brings nothing new, `parked` where its
 * message is not here yet. Applied in the order of their external ids, as all writers of ours do.
 */
export async function applyUpdates(
  tx: Transaction,
  tenantId: number,
  updates: PlacedUpdate[],
): Promise<UpdateResult[]> {
  if (updates.length === 0) return []
  const [row] = await tx<{ results: UpdateResult[] }[]>`
    select pigeonpost_private.apply_updates(${tenantId}, ${tx.json(updates.map(toUpdateRow))}) as results`
  return row?.results ?? []
}

/** An update as `apply_updates` and `receive_webhooks` take it. */
export function toUpdateRow({ update, channel, accountId }: PlacedUpdate, ord: number) {
  return {
    ord,
    channel,
    account_id: accountId,
    id: update.externalMessageId,
    chat: update.conversationExternalId ?? null,
    said: { ...update.update, ...(update.reference ? { reference: update.reference } : {}) },
  }
}
