import type { Db } from '../connect.ts'
import { messageStatus, type MessageState } from '../rows.ts'

/** Which outbound messages an operator means. What is left out does not matter. */
export type MessageFilter = {
  tenantId: number
  statuses: MessageState[]
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
  status: MessageState
  errorCode: string | null
}

const ended: ReadonlySet<MessageState> = new Set(
  messageStatus.options.filter((status) => status !== 'queued'),
)

/** The outbound messages that a filter means, oldest first. They may have moved on when something is done to them. */
export async function selectMessages(
  db: Db,
  filter: MessageFilter,
  limit: number | null,
): Promise<Selected[]> {
  const { channel, accountId, campaignId, errorCode, since, until } = filter
  // What is under way by the outbox, the rest by the message's own status.
  const underWay = filter.statuses.filter((state) => !ended.has(state))
  const messages = db`(
    select m.* from pigeonpost.messages_with_state m
    where m.tenant_id = ${filter.tenantId} and m.status = any (${filter.statuses.filter((state) => ended.has(state))}::text[])
    ${
      underWay.length === 0
        ? db``
        : db`union all
    select m.* from pigeonpost.outbox o
    join pigeonpost.messages_with_state m on m.tenant_id = o.tenant_id and m.id = o.message_id
    where o.tenant_id = ${filter.tenantId} and o.state = any (${underWay}::text[])`
    })`
  // By the index on status, or on a campaign: an order by number could make the planner read every message instead.
  return db<Selected[]>`
    select s.id, s.number, s.status, s."errorCode"
    from (
      select m.id, m.number, m.state as status, m.error_code as "errorCode"
      from ${messages} m
      where m.direction = 'outbound'
        ${channel === undefined ? db`` : db`and m.channel = ${channel}`}
        ${accountId === undefined ? db`` : db`and m.account_id = ${accountId}`}
        ${campaignId === undefined ? db`` : db`and m.campaign_id = ${campaignId}`}
        ${errorCode === undefined ? db`` : db`and m.error_code = ${errorCode}`}
        ${since === undefined ? db`` : db`and coalesce(m.failed_at, m.created_at) >= ${since}`}
        ${until === undefined ? db`` : db`and coalesce(m.failed_at, m.created_at) < ${until}`}
      offset 0) s
    order by s.number limit ${limit}`
}
