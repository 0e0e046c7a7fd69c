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

type Counters = Pick<ConversationRow, 'last_message_at' | 'unread_count' | 'total_messages'>

/** The counters of one conversation, exact now: derived from its messages. */
export async function countConversation(db: Db, tenantId: number, id: string): Promise<Counters> {
  const [counters] = await db<Counters[]>`
    select * from (${exactCounters(db, db`${tenantId}::integer`, db`${id}::uuid`)}) k`
  return counters ?? { last_message_at: null, unread_count: 0, total_messages: 0 }
}

/**
 * What the function conversation_counters() reads, as part of a query: with its own search_path a function is not
 * inlined, and each call costs 0.2 ms under row-level security, more than the reading itself.
 */
export function exactCounters(db: Db, tenantId: ReturnType<Db>, id: ReturnType<Db>) {
  const messages = db`pigeonpost.messages m where m.tenant_id = ${tenantId} and m.conversation_id = ${id}`
  return db`
    select (select max(m.occurred_at) from ${messages}) as last_message_at,
      (select count(*) from ${messages} and m.direction = 'inbound' and m.status = 'delivered') as unread_count,
      (select count(*) from ${messages}) as total_messages`
}
