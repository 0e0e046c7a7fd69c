import type { PendingQuery, Row } from 'postgres'
import type { Transaction } from '../connect.ts'
import type { Place } from '../paging/keyset.ts'
import type { Direction, MessageRow, MessageStatus } from '../rows.ts'

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

/** Part of a query. */
export type Fragment = PendingQuery<Row[]>

/**
 * What a filter says of a message `m`, as conditions.
 * @param about.alongNumbers the time is not looked up by its own index: numbers lead, in a range that has it
 */
export function means(
  tx: Transaction,
  filter: ListFilter,
  { alongNumbers = false }: { alongNumbers?: boolean } = {},
): Fragment {
  const { tenantId, accountId, customerId, direction, contentType, statuses } = filter
  const { campaignId, since, until } = filter
  const isTrue = alongNumbers ? tx`is true` : tx``
  return tx`m.tenant_id = ${tenantId}
    ${accountId === undefined ? tx`` : tx`and m.account_id = ${accountId}`}
    ${customerId === undefined ? tx`` : tx`and m.customer_id = ${customerId}`}
    ${direction === undefined ? tx`` : tx`and m.direction = ${direction}`}
    ${contentType === undefined ? tx`` : tx`and m.content_type = ${contentType}`}
    ${statuses === undefined ? tx`` : tx`and m.status = any (${statuses}::text[])`}
    ${campaignId === undefined ? tx`` : tx`and m.campaign_id = ${campaignId}`}
    ${since === undefined ? tx`` : tx`and (m.created_at >= ${since}) ${isTrue}`}
    ${until === undefined ? tx`` : tx`and (m.created_at < ${until}) ${isTrue}`}`
}

/** How a page is found: `columns` of `m` are answered, and `limit` rows at most, in no order. */
export type Newest = { columns: Fragment; limit: number; after?: Place | undefined }

/**
 * The newest messages of some threads by when they were said, along (tenant_id, thread_id, occurred_at, number) of each.
 * The newest `limit` messages are in those `limit` threads that have the latest ones: the others are not read.
 * @param threads which of `threads t`
 */
export function newestOfThreads(
  tx: Transaction,
  filter: ListFilter,
  threads: Fragment,
  { columns, limit, after }: Newest,
): Fragment {
  const messages = tx`pigeonpost.messages m where m.thread_id = t.id and ${means(tx, filter)}
      ${after === undefined ? tx`` : tx`and (m.occurred_at, m.number) < (${after.at}::text::timestamptz, ${after.number}::bigint)`}
    order by m.occurred_at desc, m.number desc`
  return tx`
    select m.* from (
      select t.id from pigeonpost.threads t
      cross join lateral (select m.occurred_at, m.number from ${messages} limit 1) l
      where t.tenant_id = ${filter.tenantId} and ${threads}
      order by l.occurred_at desc, l.number desc limit ${limit}) t
    cross join lateral (select ${columns} from ${messages} limit ${limit}) m`
}
