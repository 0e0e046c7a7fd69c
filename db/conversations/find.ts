import type { Db } from '../connect.ts'
import { conversationColumns, conversationRow, type ConversationRow } from '../rows.ts'

/**
 * A conversation by its uuid, or by its number given in digits; null where the tenant has none. For one that was merged
 * away, the one that it was merged into.
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

/** The counters of one conversation, exact now. */
export async function countConversation(db: Db, tenantId: number, id: string): Promise<Counters> {
  const [counters] = await db<Counters[]>`
    select k.* from pigeonpost.conversations c
    cross join lateral (${exactCounters(db)}) k
    where c.tenant_id = ${tenantId} and c.id = ${id}`
  return counters ?? { last_message_at: null, unread_count: 0, total_messages: 0 }
}

/**
 * exact_counters() of a conversation `c`, as part of a query. Where there are few messages they are counted inline: calling
 * a function that sets its own search_path costs 0.2 ms, more than the count.
 */
export function exactCounters(db: Db) {
  return db`
    select max(k.last_message_at) as last_message_at, coalesce(sum(k.unread), 0)::bigint as unread_count,
      coalesce(sum(k.total), 0)::bigint as total_messages
    from pigeonpost.threads t
    cross join lateral (
      select max(m.occurred_at) as last_message_at, count(*) as total,
        count(*) filter (where m.direction = 'inbound' and m.status = 'delivered') as unread
      from pigeonpost.messages m where m.tenant_id = c.tenant_id and m.thread_id = t.id) k
    where t.tenant_id = c.tenant_id and t.conversation_id = c.id and c.total_messages <= 1000
    having c.total_messages <= 1000
    union all
    select x.* from pigeonpost_private.exact_counters(c.tenant_id, c.id, null) x where c.total_messages > 1000`
}
