import type { PendingQuery, Row } from 'postgres'
import type { Db } from '../connect.ts'

/** Totals are counted up to here; past it they are estimates. */
export const maxCounted = 10_000

export type Counted = { total: number; isEstimate: boolean }

/** A count that stopped at one past `maxCounted`, as a total. */
export function countedUpTo(count: number): Counted {
  return { total: Math.min(count, maxCounted), isEstimate: count > maxCounted }
}

/** Which rows of a list are wanted: those after a key, or those after an offset. */
export type PageRequest = {
  limit: number
  offset?: number | undefined
  /** The key (a uuid) of the last row of the page before. */
  after?: string | undefined
}

export type Page<T> = Counted & {
  rows: T[]
  /** The last row's key, where more rows follow. */
  next: string | null
}

/**
 * One page of a list, highest key first; keys are uuids of version 7, so that is newest first. Reads only the page, along
 * the key's index, and counts `maxCounted` rows at most.
 * @param about.from `from …`, and `about.where` what follows `where`
 * @param about.key the column that orders it, unique in it
 */
export async function readPage<T extends { key: string }>(
  db: Db,
  about: {
    columns: PendingQuery<Row[]>
    from: PendingQuery<Row[]>
    where: PendingQuery<Row[]>
    key: PendingQuery<Row[]>
  },
  { limit, offset = 0, after }: PageRequest,
): Promise<Page<T>> {
  const { columns, from, where, key } = about
  const found = await db<T[]>`
    select ${columns}, ${key} as key from ${from}
    where ${where} ${after === undefined ? db`` : db`and ${key} < ${after}::uuid`}
    order by ${key} desc limit ${limit + 1} offset ${offset}`
  const [counted] = await db<{ total: number }[]>`
    select count(*) as total from (select from ${from} where ${where} limit ${maxCounted + 1}) counted`
  const rows = found.slice(0, limit)
  return {
    rows,
    next: found.length > limit ? (rows.at(-1)?.key ?? null) : null,
    ...countedUpTo(counted?.total ?? 0),
  }
}
