import { z } from 'zod'
import type { Transaction } from '../connect.ts'
import type { Place } from '../place.ts'
import {
  type Direction,
  messageColumns,
  messageRow,
  type MessageRow,
  type MessageStatus,
} from '../rows.ts'

/** Which messages a list means. What is left out does not matter. */
export type ListFilter = {
  tenantId: number
  accountId?: string | undefined
  /** Whose direct conversations. */
  customerId?: string | undefined
  direction?: Direction | undefined
  contentType?: MessageRow['content_type'] | undefined
  statuses?: MessageStatus[] | undefined
  campaignId?: string | undefined
  /** Stored at this moment or after. */
  since?: Date | undefined
  /** Stored before this moment. */
  until?: Date | undefined
}

export type ListedMessage = MessageRow & {
  /** For the cursor behind it. */
  place: Place
}

/**
 * The tenant's messages, newest first: along (tenant_id, created_at, number), or by the index of a filter that leaves few.
 * @param page.after only what comes after this place: for a cursor
 */
export async function listMessages(
  tx: Transaction,
  filter: ListFilter,
  page: { limit: number; offset?: number; after?: Place | undefined },
): Promise<ListedMessage[]> {
  const { limit, offset = 0, after } = page
  const beyond =
    after === undefined
      ? tx``
      : tx`and (m.created_at, m.number) < (${after.at}::text::timestamptz, ${after.number}::bigint)`
  // The page first, by what indexes hold: rows with their bodies are not carried through a sort.
  const rows = await tx<{ at: string; number: number }[]>`
    select ${tx(messageColumns.map((name) => `m.${name}`))},
      to_char(m.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at
    from (
      select m.id from pigeonpost.messages m where ${means(tx, filter)} ${beyond}
      order by m.created_at desc, m.number desc offset ${offset} limit ${limit}) p
    join pigeonpost.messages_with_state m on m.tenant_id = ${filter.tenantId} and m.id = p.id
    order by m.created_at desc, m.number desc`
  return rows.map((row) => ({
    ...messageRow.parse(row),
    place: { at: row.at, number: row.number },
  }))
}

/**
 * How many messages a filter means: exact up to `most`, and what the planner expects there to be where they are more, so
 * that no list costs a full count.
 */
export async function countMessages(
  tx: Transaction,
  filter: ListFilter,
  most: number,
): Promise<{ total: number; isEstimate: boolean }> {
  const [row] = await tx<{ count: number }[]>`
    select count(*)::integer as count from (
      select from pigeonpost.messages m where ${means(tx, filter)} limit ${most + 1}) m`
  const count = row?.count ?? 0
  if (count <= most) return { total: count, isEstimate: false }
  const [plan] = await tx`
    explain (format json) select from pigeonpost.messages m where ${means(tx, filter)}`
  return { total: Math.max(count, expectedRows.parse(plan?.['QUERY PLAN'])), isEstimate: true }
}

const expectedRows = z
  .tuple([z.object({ Plan: z.object({ 'Plan Rows': z.number() }) })])
  .transform(([{ Plan }]) => Plan['Plan Rows'])

/** In words that the partial indexes have too: those of migration 000003. */
export function means(tx: Transaction, filter: ListFilter) {
  const { tenantId, accountId, customerId, direction, contentType, statuses } = filter
  const { campaignId, since, until } = filter
  return tx`m.tenant_id = ${tenantId}
    ${accountId === undefined ? tx`` : tx`and m.account_id = ${accountId}`}
    ${customerId === undefined ? tx`` : tx`and m.customer_id = ${customerId}`}
    ${direction === undefined ? tx`` : tx`and m.direction = ${direction}`}
    ${direction === undefined ? tx`` : direction === 'inbound' ? tx`and m.direction = 'inbound'` : tx`and m.direction <> 'inbound'`}
    ${contentType === undefined ? tx`` : tx`and m.content_type = ${contentType}`}
    ${contentType === undefined || contentType === 'text' ? tx`` : tx`and m.content_type <> 'text'`}
    ${statuses === undefined ? tx`` : tx`and m.status = any (${statuses}::text[])`}
    ${statuses?.length === 1 && statuses[0] === 'read' ? tx`and m.status = 'read'` : tx``}
    ${campaignId === undefined ? tx`` : tx`and m.campaign_id = ${campaignId}`}
    ${since === undefined ? tx`` : tx`and m.created_at >= ${since}`}
    ${until === undefined ? tx`` : tx`and m.created_at < ${until}`}`
}
