import { z } from 'zod'
import type { Transaction } from '../connect.ts'
import type { Place } from '../paging/keyset.ts'
import { messageColumns, messageRow, type MessageRow } from '../rows.ts'
import { type Fragment, type ListFilter, means, newestOfThreads, type Newest } from './filter.ts'
import { type Cell, choosePath, countCells, newestAlong } from './path.ts'

export type { ListFilter } from './filter.ts'

export type ListedMessage = MessageRow & {
  /** Key of this row, for a cursor. */
  place: Place
}

/**
 * The tenant's messages, newest first: by number, or a customer's by `occurred_at`. Reads along the index with the fewest
 * rows that do not match (`choosePath`), and not at all where no message can match.
 * @param page.after only rows after this key: for paging by cursor
 */
export async function listMessages(
  tx: Transaction,
  filter: ListFilter,
  page: { limit: number; offset?: number; after?: Place | undefined },
): Promise<ListedMessage[]> {
  const { limit, offset = 0, after } = page
  const found = await newest(tx, filter, {
    columns: tx`m.id, m.number, ${timeOf(tx, filter)} as at`,
    limit: offset + limit,
    after,
  })
  if (!found) return []
  const order = filter.customerId === undefined ? tx`p.number desc` : tx`p.at desc, p.number desc`
  // First the page's keys, from indexes alone: rows with their bodies do not go through a sort.
  const rows = await tx<{ at: string; number: number }[]>`
    select ${tx(messageColumns.map((name) => `m.${name}`))},
      to_char(p.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at
    from (select * from (${found.query}) p order by ${order} offset ${offset} limit ${limit}) p
    cross join lateral (
      select * from pigeonpost.messages_with_state m where m.tenant_id = ${filter.tenantId} and m.id = p.id offset 0) m
    order by ${order}`
  return rows.map((row) => ({
    ...messageRow.parse(row),
    place: { at: row.at, number: row.number },
  }))
}

/**
 * How many messages match a filter: exact where the folded counts suffice, and up to `most`; beyond that the planner's
 * estimate, so that no list needs a full count.
 */
export async function countMessages(
  tx: Transaction,
  filter: ListFilter,
  most: number,
): Promise<{ total: number; isEstimate: boolean }> {
  const cells = await readCells(tx, filter)
  const total = cells && countCells(filter, cells)
  if (total !== null) return { total, isEstimate: false }
  const found = await newest(tx, filter, { columns: tx`m.number`, limit: most + 1 }, cells)
  if (!found) return { total: 0, isEstimate: false }
  const [row] = await tx<{ count: number }[]>`
    select count(*)::integer as count from (select from (${found.query}) m limit ${most + 1}) m`
  const count = row?.count ?? 0
  if (count <= most) return { total: count, isEstimate: false }
  const [plan] = await tx`
    explain (format json) select from pigeonpost.messages m where ${means(tx, filter)}`
  return { total: Math.max(count, expectedRows.parse(plan?.['QUERY PLAN'])), isEstimate: true }
}

const expectedRows = z
  .tuple([z.object({ Plan: z.object({ 'Plan Rows': z.number() }) })])
  .transform(([{ Plan }]) => Plan['Plan Rows'])

/** The query for the newest matches of a filter, unordered, to be part of another; null where none can match. */
export async function newest(
  tx: Transaction,
  filter: ListFilter,
  about: Newest,
  known?: Cell[] | null,
): Promise<{ query: Fragment } | null> {
  const { tenantId, customerId, direction, contentType, statuses, since, until } = filter
  if (customerId !== undefined) {
    return { query: newestOfThreads(tx, filter, tx`t.customer_id = ${customerId}`, about) }
  }
  const cells =
    known ?? ((direction ?? contentType ?? statuses) ? await readCells(tx, filter) : null)
  const path = choosePath(filter, cells)
  if (path === null) return null
  const ranges =
    (since ?? until)
      ? await tx<{ low: number; high: string }[]>`
          select low, high::text as high
          from pigeonpost_private.number_ranges(${tenantId}, ${since ?? null}, ${until ?? null})`
      : null
  return { query: newestAlong(tx, filter, path, ranges, about) }
}

function timeOf(tx: Transaction, filter: ListFilter) {
  return filter.customerId === undefined ? tx`m.created_at` : tx`m.occurred_at`
}

/** How many events that are not folded yet are read; where no worker folds, that may be the whole log. */
const maxUnfolded = 10_000

/** The tenant's counts by kind, exact now; null where it takes too long to tell. */
async function readCells(tx: Transaction, { tenantId }: ListFilter): Promise<Cell[] | null> {
  const [unfolded] = await tx<{ ids: number }[]>`
    select pigeonpost_private.unfolded_ids(${tenantId}) as ids`
  if (!unfolded || unfolded.ids > maxUnfolded) return null
  const cells = await tx<Cell[]>`
    select account_id as "accountId", direction, content_type as "contentType", status, messages
    from pigeonpost_private.read_counts(${tenantId})`
  return [...cells]
}
