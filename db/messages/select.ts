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
  // By the index on status, or on a campaign: an order by number could make the planner read every message instead.
  return db<Selected[]>`
    select s.id, s.number, s.status, s."errorCode"
    from (
      select m.id, m.number, m.status, m.error_code as "errorCode"
      from pigeonpost.messages m
      where m.tenant_id = ${filter.tenantId} and m.status = any (${filter.statuses}::text[]) and m.direction = 'outbound'
        ${channel === undefined ? db`` : db`and m.channel = ${channel}`}
        ${accountId === undefined ? db`` : db`and m.account_id = ${accountId}`}
        ${campaignId === undefined ? db`` : db`and m.campaign_id = ${campaignId}`}
        ${errorCode === undefined ? db`` : db`and m.error_code = ${errorCode}`}
        ${since === undefined ? db`` : db`and coalesce(m.failed_at, m.created_at) >= ${since}`}
        ${until === undefined ? db`` : db`and coalesce(m.failed_at, m.created_at) < ${until}`}
      offset 0) s
    order by s.number limit ${limit}`
}
