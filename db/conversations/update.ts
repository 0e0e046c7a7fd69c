import type { Transaction } from '../connect.ts'
import type { ConversationRow } from '../rows.ts'

/** Omitted fields keep their value. */
export type ConversationChange = {
  status?: ConversationRow['status'] | undefined
  groupName?: string | null | undefined
  groupAvatar?: string | null | undefined
  groupMetadata?: Record<string, unknown> | undefined
}

/**
 * Changes a conversation. Closing it ends its thread.
 * @throws the driver's error: 40001 where its thread is being archived at the same time; retry
 */
export async function updateConversation(
  tx: Transaction,
  tenantId: number,
  id: string,
  { status, groupName, groupAvatar, groupMetadata }: ConversationChange,
): Promise<void> {
  const change = {
    ...(status === undefined ? {} : { status }),
    ...(groupName === undefined ? {} : { group_name: groupName }),
    ...(groupAvatar === undefined ? {} : { group_avatar: groupAvatar }),
    ...(groupMetadata === undefined ? {} : { group_metadata: tx.json(groupMetadata as never) }),
  }
  if (Object.keys(change).length === 0) return
  await tx`
    update pigeonpost.conversations set ${tx(change as never)}
    where tenant_id = ${tenantId} and id = ${id}`
}
