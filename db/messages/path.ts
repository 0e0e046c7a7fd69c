import type { Transaction } from '../connect.ts'
import {
  contentType,
  type Direction,
  direction,
  type MessageRow,
  type MessageStatus,
} from '../rows.ts'
import { type Fragment, type ListFilter, means, type Newest } from './filter.ts'

/**
 * The index along which messages are read, newest first: the one with the fewest rows that covers all matches. Each ends
 * with the number, so that a page reads only the rows between its first and last.
 */
export type Path = 'number' | 'account' | 'campaign' | 'kind' | 'failed' | 'outbox'

/** How many messages there are of one kind. */
export type KindCount = {
  direction: Direction
  contentType: MessageRow['content_type']
  status: MessageStatus
  messages: number
}

/** Rows of message_counts: how many of each kind there are. */
export type Cell = KindCount & { accountId: string }

const problems: MessageStatus[] = ['failed', 'unknown', 'canceled']
/** How many messages under way may be sorted for a page; where there are more, reading from the newest finds them soon. */
const maxSorted = 10_000

/**
 * @param cells all of the tenant; null where there are no counts
 * @returns null where no message can match
 */
export function choosePath(filter: ListFilter, cells: Cell[] | null): Path | null {
  if (cells && tally(cells.filter((cell) => isMeant(filter, cell))) === 0) return null
  if (filter.campaignId !== undefined) return 'campaign'
  const paths: [path: Path, leads: boolean, population: (cell: Cell) => boolean][] = [
    ['failed', isFailed(filter), ({ status }) => filter.statuses?.includes(status) ?? false],
    ['outbox', isUnderWay(filter, cells), ({ status }) => status === 'queued'],
    ['kind', isUnusual(filter), (cell) => isMeant(kindOf(filter), cell)],
    ['account', filter.accountId !== undefined, (cell) => cell.accountId === filter.accountId],
    ['number', true, () => true],
  ]
  const open = paths.filter(([, leads]) => leads)
  const [best] = cells
    ? open
        .map(([path, , population]) => [path, tally(cells.filter(population))] as const)
        .toSorted(([, a], [, b]) => a - b)
    : open
  return best?.[0] ?? 'number'
}

/** How many messages match a filter, if the counts suffice to tell. */
export function countCells(filter: ListFilter, cells: Cell[]): number | null {
  const { campaignId, customerId, since, until } = filter
  if (campaignId ?? customerId ?? since ?? until) return null
  return tally(cells.filter((cell) => isMeant(filter, cell)))
}

/** Along one path, the newest by number. @param ranges (low, high] of numbers, apart from each other */
export function newestAlong(
  tx: Transaction,
  filter: ListFilter,
  path: Path,
  ranges: { low: number; high: string }[] | null,
  { columns, limit, after }: Newest,
): Fragment {
  if (path === 'outbox') {
    return tx`
      select ${columns} from pigeonpost.outbox o
      join pigeonpost.messages m on m.tenant_id = o.tenant_id and m.id = o.message_id
      where o.tenant_id = ${filter.tenantId} and ${means(tx, filter)}
        ${after === undefined ? tx`` : tx`and m.number < ${after.number}::bigint`}
      order by m.number desc limit ${limit}`
  }
  const keys = path === 'kind' ? kinds(filter) : []
  const source = {
    number: () => tx`(values (0)) s`,
    account: () => tx`(values (0)) s`,
    campaign: () => tx`(values (0)) s`,
    failed: () => tx`unnest(${filter.statuses ?? problems}::text[]) s (problem)`,
    kind: () =>
      tx`unnest(${keys.map((key) => key.direction)}::text[], ${keys.map((key) => key.type)}::text[]) s (direction, content_type)`,
  }[path]()
  // Worded as in the predicates of the partial indexes, so that the planner matches them.
  const entry = {
    number: () => tx``,
    account: () => tx``,
    campaign: () => tx`and m.campaign_id is not null`,
    failed: () => tx`and m.problem is not null and m.problem = s.problem`,
    kind: () =>
      tx`and (m.direction <> 'inbound' or m.content_type <> 'text') and m.direction = s.direction and m.content_type = s.content_type`,
  }[path]()
  return tx`
    select m.* from ${source}
    ${
      ranges === null
        ? tx``
        : tx`cross join unnest(${ranges.map(({ low }) => String(low))}::bigint[], ${ranges.map(({ high }) => high)}::bigint[]) r (low, high)`
    }
    cross join lateral (
      select ${columns} from pigeonpost.messages m where ${means(tx, filter, { alongNumbers: true })} ${entry}
        ${ranges === null ? tx`` : tx`and m.number > r.low and m.number <= r.high`}
        ${after === undefined ? tx`` : tx`and m.number < ${after.number}::bigint`}
      order by m.number desc limit ${limit}) m`
}

function tally(cells: Cell[]): number {
  return cells.reduce((sum, { messages }) => sum + messages, 0)
}

function isMeant(filter: ListFilter, cell: Cell): boolean {
  return (
    (filter.accountId === undefined || filter.accountId === cell.accountId) &&
    (filter.direction === undefined || filter.direction === cell.direction) &&
    (filter.contentType === undefined || filter.contentType === cell.contentType) &&
    (filter.statuses === undefined || filter.statuses.includes(cell.status))
  )
}

function kindOf({ tenantId, direction, contentType }: ListFilter): ListFilter {
  return { tenantId, direction, contentType }
}

function isFailed({ statuses }: ListFilter): boolean {
  return statuses !== undefined && statuses.every((status) => problems.includes(status))
}

function isUnderWay({ statuses }: ListFilter, cells: Cell[] | null): boolean {
  if (statuses?.length !== 1 || statuses[0] !== 'queued') return false
  return cells !== null && tally(cells.filter(({ status }) => status === 'queued')) <= maxSorted
}

/** Whether the filter excludes inbound texts, which are not in the index of kinds. */
function isUnusual(filter: ListFilter): boolean {
  const { direction, contentType } = filter
  return (
    (direction !== undefined && direction !== 'inbound') ||
    (contentType !== undefined && contentType !== 'text')
  )
}

/** All kinds that can match a filter. */
function kinds(filter: ListFilter) {
  return direction.options
    .flatMap((one) => contentType.options.map((type) => ({ direction: one, type })))
    .filter(
      (kind) =>
        (filter.direction ?? kind.direction) === kind.direction &&
        (filter.contentType ?? kind.type) === kind.type,
    )
}
