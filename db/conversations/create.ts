import type { Transaction } from '../connect.ts'
import { conversationColumns, conversationRow, type ConversationRow } from '../rows.ts'

export type NewConversation = {
  tenantId: number
  type: ConversationRow['type']
  accountId: string
  /** Of a direct one. */
  customerId: string | null
  /** The channel's own id: a group's, a mail thread's. */
  externalId: string | null
  groupName: string | null
  groupAvatar: string | null
  groupMetadata: Record<string, unknown>
}

/**
 * Opens a conversation; null where there is one already: the direct one of that customer with that account, or the one
 * with that external id.
 * @throws the driver's error: PPV01 for a group without a name
 */
export async function createConversation(
  tx: Transaction,
  given: NewConversation,
): Promise<ConversationRow | null> {
  const [row] = await tx`
    insert into pigeonpost.conversations (tenant_id, type, account_id, channel, customer_id, external_id, group_name,
      group_avatar, group_metadata)
    values (${given.tenantId}, ${given.type}, ${given.accountId}, '', ${given.customerId}, ${given.externalId},
      ${given.groupName}, ${given.groupAvatar}, ${tx.json(given.groupMetadata as never)})
    on conflict do nothing
    returning ${tx(conversationColumns)}`
  return row ? conversationRow.parse(row) : null
}

/** The existing conversation because of which a new one is not created. */
export async function findInPlace(
  tx: Transaction,
  { tenantId, type, accountId, customerId, externalId }: NewConversation,
): Promise<ConversationRow | null> {
  const place =
    type === 'direct'
      ? tx`type = 'direct' and customer_id = ${customerId} and external_id is not distinct from ${externalId}`
      : tx`type <> 'direct' and external_id = ${externalId}`
  const [row] = await tx`
    select ${tx(conversationColumns)} from pigeonpost.conversations
    where tenant_id = ${tenantId} and account_id = ${accountId} and merged_into is null and ${place}`
  return row ? conversationRow.parse(row) : null
}
