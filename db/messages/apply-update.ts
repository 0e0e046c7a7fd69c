import type { InboundUpdate } from '../../adapters/channels/channel.ts'
import type { Transaction } from '../connect.ts'

export type UpdateResult = 'applied' | 'ignored' | 'parked'

/**
 * A receipt, edit, revoke or reaction for the message with that external id, or that was sent with the attempt id which
 * it hands back, by pigeonpost.apply_update: `ignored`
 * where it brings nothing new, `parked` where its message is not here yet.
 */
export async function applyUpdate(
  tx: Transaction,
  about: { tenantId: number; channel: string; accountId: string | null },
  update: InboundUpdate,
): Promise<UpdateResult> {
  const { tenantId, channel, accountId } = about
  const said = { ...update.update, ...(update.reference ? { reference: update.reference } : {}) }
  const [answer] = await tx<{ result: UpdateResult }[]>`
    select pigeonpost.apply_update(${tenantId}, ${channel}, ${update.externalMessageId}, ${tx.json(said)},
      coalesce(${accountId}::uuid, (
        select a.id from pigeonpost.accounts a where a.tenant_id = ${tenantId} and a.channel = ${channel}
          and a.address = pigeonpost.normalize_address(${channel}, ${update.accountAddress ?? null}))),
      ${update.conversationExternalId ?? null}) as result`
  return answer?.result ?? 'ignored'
}
