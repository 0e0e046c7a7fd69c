import { NotFoundError } from '../errors.ts'
import type { Db } from '../connect.ts'

export type HistoryEntry = {
  number: number
  direction: 'inbound' | 'outbound' | 'system'
  /** The sender's address on the channel; null for ours. */
  sender: string | null
  name: string | null
  contentType: string
  body: string | null
  mediaUrl: string | null
  /** Its state: what is under way told apart. */
  status: string
  /** When it was said: the provider's time of what came in, ours of what goes out. */
  occurredAt: Date
  revokedAt: Date | null
}

export type HistoryOptions = {
  tenantId: number
  /** A thread's number or uuid. */
  thread: string
  /** How many of the latest messages. */
  limit: number
  /** Only messages before the one with this number: for the previous page. */
  before?: number
}

/**
 * The latest messages of a thread, oldest first: what a RAG pipeline puts before its question. Read backwards along
 * (tenant_id, thread_id, occurred_at, number), so it costs the same whatever else is stored.
 * @throws NotFoundError `thread_exists` where the tenant has no such thread.
 */
export async function threadHistory(db: Db, options: HistoryOptions): Promise<HistoryEntry[]> {
  const { tenantId, thread, limit, before } = options
  const byId = thread.includes('-') ? db`id = ${thread}::uuid` : db`number = ${thread}::bigint`
  const [found] = await db<{ id: string }[]>`
    select id from pigeonpost.threads where tenant_id = ${tenantId} and ${byId}`
  if (!found) {
    throw new NotFoundError(`thread ${thread} does not exist in tenant ${tenantId}`, {
      code: 'thread_exists',
      field: 'thread',
      hint: 'Give the number or the uuid of a thread of this tenant.',
    })
  }
  const rows = await db<HistoryEntry[]>`
    select m.number, m.direction, case when m.direction = 'inbound' then m.address end as sender, c.name,
      m.content_type as "contentType", m.body, m.media_url as "mediaUrl", m.state as status, m.occurred_at as "occurredAt",
      m.revoked_at as "revokedAt"
    from (
      select * from pigeonpost.messages_with_state
      where tenant_id = ${tenantId} and thread_id = ${found.id}
        ${
          before === undefined
            ? db``
            : db`and (occurred_at, number) < (
                select b.occurred_at, b.number from pigeonpost.messages b where b.tenant_id = ${tenantId} and b.number = ${before})`
        }
      order by occurred_at desc, number desc limit ${limit}) m
    left join pigeonpost.customers c on c.tenant_id = m.tenant_id and c.id = m.sender_customer_id
    order by m.occurred_at desc, m.number desc`
  return rows.toReversed()
}
