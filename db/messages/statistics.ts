import type { Transaction } from '../connect.ts'
import { type ListFilter, newest } from './list.ts'
import type { KindCount } from './path.ts'

/**
 * How many messages there are of each kind, exact in this snapshot: from the counts folded from the log, so that the cost
 * does not grow with the number of messages, plus the log after them, which is long only where no worker folds.
 */
export async function countKinds(
  tx: Transaction,
  { tenantId, accountId }: Pick<ListFilter, 'tenantId' | 'accountId'>,
): Promise<KindCount[]> {
  return tx<KindCount[]>`
    select direction, content_type as "contentType", status, sum(messages)::bigint as messages
    from pigeonpost_private.read_counts(${tenantId})
    ${accountId === undefined ? tx`` : tx`where account_id = ${accountId}`}
    group by 1, 2, 3`
}

/** The same for the matches of a filter, counted one by one: the newest `most` of them at most. */
export async function countKindsAmong(
  tx: Transaction,
  filter: ListFilter,
  most: number,
): Promise<KindCount[]> {
  const columns = tx`m.number, m.direction, m.content_type, m.status`
  const found = await newest(tx, filter, { columns, limit: most })
  if (!found) return []
  return tx<KindCount[]>`
    select direction, content_type as "contentType", status, count(*) as messages
    from (select * from (${found.query}) m order by m.number desc limit ${most}) m
    group by 1, 2, 3`
}
