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
  const given = updates.map(({ update, channel, accountId }, ord) => ({
    ord,
    channel,
    account_id: accountId,
    id: update.externalMessageId,
    chat: update.conversationExternalId ?? null,
    said: { ...update.update, ...(update.reference ? { reference: update.reference } : {}) },
  }))
  const rows = await tx<{ result: UpdateResult }[]>`
    with applied as materialized (
      select u.ord, pigeonpost.apply_update(${tenantId}, u.channel, u.id, u.said, u.account_id, u.chat) as result
      from (
        select * from jsonb_to_recordset(${tx.json(given)}) r (ord integer, channel text, account_id uuid, id text, chat text, said jsonb)
        order by r.id, r.ord) u
    )
    select a.result from applied a order by a.ord`
  return rows.map(({ result }) => result)
}
