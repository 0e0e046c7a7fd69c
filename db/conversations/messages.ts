import type { Transaction } from '../connect.ts'
import type { Place } from '../place.ts'
import { messageColumns, messageRow, type MessageRow } from '../rows.ts'

export type ConversationMessages = {
  tenantId: number
  /** Its uuid, of one that lives: a conversation that was merged away has no messages. */
  conversationId: string
  limit: number
  offset?: number | undefined
  /** Only those older than this place. */
  after?: Place | undefined
}

/** The messages of a conversation, newest first, along (tenant_id, conversation_id, occurred_at, number). */
export async function listConversationMessages(
  tx: Transaction,
  options: ConversationMessages,
): Promise<(MessageRow & { place: Place })[]> {
  const { tenantId, conversationId, limit, offset = 0, after } = options
  const rows = await tx<{ at: string; number: number }[]>`
    select ${tx(messageColumns)}, to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at
    from pigeonpost.messages_with_state
    where tenant_id = ${tenantId} and conversation_id = ${conversationId}
      ${after === undefined ? tx`` : tx`and (occurred_at, number) < (${after.at}::text::timestamptz, ${after.number}::bigint)`}
    order by occurred_at desc, number desc offset ${offset} limit ${limit}`
  return rows.map((row) => ({
    ...messageRow.parse(row),
    place: { at: row.at, number: row.number },
  }))
}

/** How many messages a conversation has, counted no further than `most`. */
export async function countConversationMessages(
  tx: Transaction,
  { tenantId, conversationId, most }: { tenantId: number; conversationId: string; most: number },
): Promise<number> {
  const [row] = await tx<{ count: number }[]>`
    select count(*)::integer as count from (
      select from pigeonpost.messages where tenant_id = ${tenantId} and conversation_id = ${conversationId} limit ${most}) m`
  return row?.count ?? 0
}
