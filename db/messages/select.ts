import type { Db } from '../connect.ts'
import type { MessageStatus } from '../rows.ts'

/** Which outbound messages an operator means. What is left out does not matter. */
export type MessageFilter = {
  tenantId: number
  statuses: MessageStatus[]
  channel?: string | undefined
  accountId?: string | undefined
  campaignId?: string | undefined
  errorCode?: string | undefined
  /** From this moment on: when it failed, or when it was stored for those that did not. */
  since?: Date | undefined
  /** Before this moment. */
  until?: Date | undefined
}

export type Selected = {
  id: string
  number: number
  status: MessageStatus
  errorCode: string | null
}

/** The outbound messages that a filter means, oldest first. They may have moved on when something is done to them. */
export async function selectMessages(
  db: Db,
  filter: MessageFilter,
  limit: number | null,
): Promise<Selected[]> {
  const { channel, accountId, campaignId, errorCode, since, until } = filter
  // Each status by the partial index that has it, or all by that of a campaign: by an order of numbers every message
  // would be read.
  const entries =
    campaignId === undefined
      ? filter.statuses.map((status) => db`m.status = ${status} and ${db.unsafe(entryOf(status))}`)
      : [db`m.status = any (${filter.statuses}::text[]) and m.campaign_id = ${campaignId}`]
  const found = entries
    .map(
      (entry) => db`
      select m.id, m.number, m.status, m.error_code as "errorCode"
      from pigeonpost.messages m
      where m.tenant_id = ${filter.tenantId} and ${entry} and m.direction = 'outbound'
        ${channel === undefined ? db`` : db`and m.channel = ${channel}`}
        ${accountId === undefined ? db`` : db`and m.account_id = ${accountId}`}
        ${errorCode === undefined ? db`` : db`and m.error_code = ${errorCode}`}
        ${since === undefined ? db`` : db`and coalesce(m.failed_at, m.created_at) >= ${since}`}
        ${until === undefined ? db`` : db`and coalesce(m.failed_at, m.created_at) < ${until}`}`,
    )
    .reduce((all, one) => db`${all} union all ${one}`)
  return db<Selected[]>`select * from (${found} offset 0) s order by s.number limit ${limit}`
}

/** In the words of the index. */
function entryOf(status: MessageStatus): string {
  switch (status) {
    case 'failed':
    case 'unknown':
    case 'canceled':
      return `m.problem = '${status}'`
    case 'scheduled':
    case 'retrying':
      return `m.status in ('scheduled', 'retrying')`
    default:
      return `m.status = '${status}'`
  }
}
