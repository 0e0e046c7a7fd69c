import type { PendingQuery, Row } from 'postgres'
import type { Transaction } from '../connect.ts'
import type { Place } from '../paging/keyset.ts'
import type { Direction, MessageRow, MessageStatus } from '../rows.ts'

/** Filters for messages; an absent filter matches all. */
export type ListFilter = {
  tenantId: number
  accountId?: string | undefined
  /** Messages of this customer's direct conversations. */
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
 * A filter as SQL conditions on a message `m`.
 * @param about.alongNumbers reads by number, in a range that covers the time, so the index of times is not to be used
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

/** How a page is read: `columns` of `m` are selected, and `limit` rows at most, unordered. */
export type Newest = { columns: Fragment; limit: number; after?: Place | undefined }

/**
 * The newest messages of some threads by `occurred_at`, read along (tenant_id, thread_id, occurred_at, number) of each.
 * The newest `limit` messages are all in the `limit` threads with the latest messages: other threads are not read.
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
