import type { Db } from '../connect.ts'
import { conversationColumns, conversationRow, type ConversationRow } from '../rows.ts'

/**
 * A conversation by its uuid, or by its number given in digits; null where the tenant has none. One that was merged away
 * is the one that it was merged into.
 */
export async function findConversation(
  db: Db,
  tenantId: number,
  id: string,
): Promise<ConversationRow | null> {
  const column = id.includes('-') ? db`c.id = ${id}::uuid` : db`c.number = ${id}::bigint`
  const [row] = await db`
    with recursive line as (
      select c.* from pigeonpost.conversations c where c.tenant_id = ${tenantId} and ${column}
      union all
      select c.* from line l join pigeonpost.conversations c on c.tenant_id = l.tenant_id and c.id = l.merged_into)
    select ${db(conversationColumns)} from line where merged_into is null`
  return row ? conversationRow.parse(row) : null
}

/** The counters of one conversation, exact now: derived from its messages. */
export async function countConversation(
  db: Db,
  tenantId: number,
  id: string,
): Promise<Pick<ConversationRow, 'last_message_at' | 'unread_count' | 'total_messages'>> {
  const [counters] = await db<
    Pick<ConversationRow, 'last_message_at' | 'unread_count' | 'total_messages'>[]
  >`
    select last_message_at, unread_count, total_messages from pigeonpost.conversation_counters(${tenantId}, ${id})`
  return counters ?? { last_message_at: null, unread_count: 0, total_messages: 0 }
}
