import type { Transaction } from '../connect.ts'
import { newestOfThreads } from '../messages/filter.ts'
import type { Place } from '../paging/keyset.ts'
import { messageColumns, messageRow, type MessageRow } from '../rows.ts'

export type ConversationMessages = {
  tenantId: number
  /** The uuid of a conversation that was not merged away: one that was has no messages. */
  conversationId: string
  limit: number
  offset?: number | undefined
  /** Only messages older than this key. */
  after?: Place | undefined
}

/** The messages of a conversation, newest first by when they were said: merged from its threads. */
export async function listConversationMessages(
  tx: Transaction,
  options: ConversationMessages,
): Promise<(MessageRow & { place: Place })[]> {
  const { tenantId, conversationId, limit, offset = 0, after } = options
  const found = newestOfThreads(tx, { tenantId }, tx`t.conversation_id = ${conversationId}`, {
    columns: tx`m.id, m.occurred_at, m.number`,
    limit: offset + limit,
    after,
  })
  const rows = await tx<{ at: string; number: number }[]>`
    select ${tx(messageColumns.map((name) => `m.${name}`))},
      to_char(p.occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at
    from (select * from (${found}) p order by p.occurred_at desc, p.number desc offset ${offset} limit ${limit}) p
    cross join lateral (
      select * from pigeonpost.messages_with_state m where m.tenant_id = ${tenantId} and m.id = p.id offset 0) m
    order by p.occurred_at desc, p.number desc`
  return rows.map((row) => ({
    ...messageRow.parse(row),
    place: { at: row.at, number: row.number },
  }))
}

/** How many messages a conversation has; stops counting at `most`. */
export async function countConversationMessages(
  tx: Transaction,
  { tenantId, conversationId, most }: { tenantId: number; conversationId: string; most: number },
): Promise<number> {
  const [row] = await tx<{ count: number }[]>`
    select count(*)::integer as count from (
      select from pigeonpost.threads t
      cross join lateral (
        select from pigeonpost.messages m where m.tenant_id = ${tenantId} and m.thread_id = t.id limit ${most}) m
      where t.tenant_id = ${tenantId} and t.conversation_id = ${conversationId} limit ${most}) m`
  return row?.count ?? 0
}
