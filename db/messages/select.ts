import type { Db } from '../connect.ts'
import type { MessageState } from '../rows.ts'

/** Filters for the outbound messages of an operator's command; an absent filter matches all. */
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

const underWay: ReadonlySet<MessageState> = new Set(['scheduled', 'queued', 'sending', 'retrying'])
const problems: ReadonlySet<MessageState> = new Set(['failed', 'unknown', 'canceled'])

/** The outbound messages that match a filter, oldest first. Their state may have changed by the time of the command. */
export async function selectMessages(
  db: Db,
  filter: MessageFilter,
  limit: number | null,
): Promise<Selected[]> {
  const { tenantId, statuses, channel, accountId, campaignId, errorCode, since, until } = filter
  // Messages under way are found by the outbox, failed ones by the index of problems, a campaign's by its index. In the
  // order of numbers every message would be read.
  const sources =
    campaignId !== undefined
      ? [
          db`pigeonpost.messages_with_state m where m.campaign_id = ${campaignId} and m.state = any (${statuses}::text[])`,
        ]
      : statuses.map((state) => {
          if (underWay.has(state)) {
            return db`pigeonpost.outbox o
              join pigeonpost.messages_with_state m on m.tenant_id = o.tenant_id and m.id = o.message_id
              where o.tenant_id = ${tenantId} and o.state = ${state}`
          }
          return problems.has(state)
            ? db`pigeonpost.messages_with_state m where m.problem = ${state}`
            : db`pigeonpost.messages_with_state m where m.status = ${state}`
        })
  const found = sources
    .map(
      (source) => db`
      select m.id, m.number, m.state as status, m.error_code as "errorCode"
      from ${source} and m.tenant_id = ${tenantId} and m.direction = 'outbound'
        ${channel === undefined ? db`` : db`and m.channel = ${channel}`}
        ${accountId === undefined ? db`` : db`and m.account_id = ${accountId}`}
        ${errorCode === undefined ? db`` : db`and m.error_code = ${errorCode}`}
        ${since === undefined ? db`` : db`and coalesce(m.failed_at, m.created_at) >= ${since}`}
        ${until === undefined ? db`` : db`and coalesce(m.failed_at, m.created_at) < ${until}`}`,
    )
    .reduce((all, one) => db`${all} union all ${one}`)
  return db<Selected[]>`select * from (${found} offset 0) s order by s.number limit ${limit}`
}
