import type { Db } from './connect.ts'
import { outboxHeads } from './delivery/outbox-heads.ts'
import { type MediaTaskMetrics, readMediaTasks } from './media/tasks.ts'
import {
  contentType,
  direction,
  messageState,
  type Direction,
  type MessageRow,
  type MessageState,
} from './rows.ts'

type ContentType = MessageRow['content_type']

/** Messages of a tenant, or of all. Each group sums to `total`. */
export type MessageMetrics = {
  total: number
  byStatus: Record<MessageState, number>
  byDirection: Record<Direction, number>
  byType: Record<ContentType, number>
  /** Outbound messages by status. */
  outbound: Record<MessageState, number>
  /** The share of outbound messages, sent or failed, that arrived: (delivered + read) / (sent + delivered + read + failed). Null without any. */
  deliveryRate: number | null
  /** The share of outbound messages that arrived that were read: read / (delivered + read). Null without any. */
  readRate: number | null
}

/** The outbound queue of an account. */
export type AccountMetrics = {
  tenantId: number
  accountId: string
  channel: string
  address: string | null
  status: 'connected' | 'disconnected' | 'disabled'
  /** Why it is not connected, where its provider said so. */
  statusReason: string | null
  provider: string | null
  /** Queued: may be sent as soon as limits allow. */
  waiting: number
  scheduled: number
  /** Under way. */
  sending: number
  /** Between attempts. */
  retrying: number
  /** Sent, delivered or read. */
  completed: number
  failed: number
  canceled: number
  unknown: number
  /** Sent in the last 60 seconds. */
  sentPerMinute: number
  /** Seconds since the oldest waiting message became due; null where none waits. */
  oldestSeconds: number | null
}

export type Metrics = {
  messages: MessageMetrics
  /** By tenant, where there are messages. */
  tenants: { tenantId: number; messages: MessageMetrics }[]
  /** Those with the most messages waiting first, then by messages sent; at most `accounts`. */
  accounts: AccountMetrics[]
  /** How many further accounts are not listed. */
  accountsLeftOut: number
  /** Pending tasks on files, by kind: old scan tasks mean that the scanner is down. */
  mediaTasks: MediaTaskMetrics[]
}

type Count = {
  tenantId: number
  accountId: string
  direction: Direction
  contentType: ContentType
  status: MessageState
  messages: number
}

/**
 * How many messages there are of each kind, exact in one snapshot, and the state of the accounts' queues. It reads counts
 * folded from the log and a few index entries per account, so that the cost does not grow with the number of messages;
 * where no worker folds, it also reads the log since the last fold.
 * @param options.tenantId only this tenant; default: all that the role may see
 * @param options.accounts how many accounts to list
 */
export async function readMetrics(
  db: Db,
  options: { tenantId?: number; accounts: number },
): Promise<Metrics> {
  const tenantId = options.tenantId ?? null
  const counts = await db<Count[]>`
    with recursive heads as (${outboxHeads(db, tenantId)})
    select tenant_id as "tenantId", account_id as "accountId", direction, content_type as "contentType", status, messages
    from pigeonpost_private.read_counts(${tenantId})
    union all
    -- Only queued messages whose state in the outbox differs, so that no other sum changes.
    select h.tenant_id, h.account_id, 'outbound', 'text', s.status, c.messages * s.sign
    from heads h
    cross join lateral (
      select count(*) as messages from pigeonpost.outbox o
      where o.tenant_id = h.tenant_id and o.account_id = h.account_id and o.state = h.state) c
    cross join lateral (values (h.state, 1), ('queued', -1)) s (status, sign)
    where h.state <> 'queued'`
  const byAccount = Map.groupBy(
    counts.filter((count) => count.direction === 'outbound'),
    (count) => count.accountId,
  )
  const queues = [...byAccount].map(([accountId, own]) => ({ accountId, queue: byStatus(own) }))
  const busiest = queues
    .toSorted(
      (a, b) => pending(b.queue) - pending(a.queue) || completed(b.queue) - completed(a.queue),
    )
    .slice(0, options.accounts)
  const details = await readAccounts(
    db,
    busiest.map(({ accountId }) => accountId),
    tenantId,
  )
  const accounts = busiest.flatMap(({ accountId, queue }) => {
    const account = details.get(accountId)
    if (!account) return []
    const { scheduled, sending, retrying, failed, canceled, unknown } = queue
    return {
      ...account,
      waiting: queue.queued,
      scheduled,
      sending,
      retrying,
      completed: completed(queue),
      failed,
      canceled,
      unknown,
    }
  })
  const byTenant = Map.groupBy(counts, (count) => count.tenantId)
  return {
    messages: summarize(counts),
    tenants: [...byTenant]
      .toSorted(([a], [b]) => a - b)
      .map(([tenantId, own]) => ({ tenantId, messages: summarize(own) })),
    accounts,
    accountsLeftOut: queues.length - accounts.length,
    mediaTasks: await readMediaTasks(db, tenantId),
  }
}

type Account = Pick<
  AccountMetrics,
  | 'tenantId'
  | 'accountId'
  | 'channel'
  | 'address'
  | 'status'
  | 'statusReason'
  | 'provider'
  | 'sentPerMinute'
  | 'oldestSeconds'
>

async function readAccounts(
  db: Db,
  ids: string[],
  tenantId: number | null,
): Promise<Map<string, Account>> {
  const rows = await db<Account[]>`
    with account as (
      select a.tenant_id, a.id, a.channel, a.address, a.status, a.status_reason, a.provider from pigeonpost.accounts a
      where a.id = any (${ids}::uuid[]) and (${tenantId}::integer is null or a.tenant_id = ${tenantId})
    ),
    sent as (
      select t.tenant_id, s.account_id, s.messages
      from (select distinct a.tenant_id from account a) t
      cross join lateral pigeonpost_private.sent_since(t.tenant_id, now() - interval '60 s') s
    )
    select a.tenant_id as "tenantId", a.id as "accountId", a.channel, a.address, a.status, a.status_reason as "statusReason", a.provider,
      coalesce(s.messages, 0) as "sentPerMinute",
      case when w.oldest is not null then greatest(0, extract(epoch from now() - w.oldest)) end::double precision as "oldestSeconds"
    from account a
    left join sent s on s.tenant_id = a.tenant_id and s.account_id = a.id
    cross join lateral (
      select min(o.due_at) as oldest from pigeonpost.outbox o
      where o.tenant_id = a.tenant_id and o.account_id = a.id and o.state = 'queued') w`
  return new Map(rows.map((row) => [row.accountId, row]))
}

function pending(queue: Record<MessageState, number>): number {
  return queue.queued + queue.scheduled + queue.retrying + queue.sending
}

function completed(queue: Record<MessageState, number>): number {
  return queue.sent + queue.delivered + queue.read
}

function byStatus(counts: Count[]): Record<MessageState, number> {
  return tally(counts, messageState.options, (count) => count.status)
}

function summarize(counts: Count[]): MessageMetrics {
  const outbound = byStatus(counts.filter((count) => count.direction === 'outbound'))
  const arrived = outbound.delivered + outbound.read
  return {
    total: counts.reduce((sum, count) => sum + count.messages, 0),
    byStatus: byStatus(counts),
    byDirection: tally(counts, direction.options, (count) => count.direction),
    byType: tally(counts, contentType.options, (count) => count.contentType),
    outbound,
    deliveryRate: rate(arrived, outbound.sent + arrived + outbound.failed),
    readRate: rate(outbound.read, arrived),
  }
}

function rate(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole
}

function tally<K extends string>(
  counts: Count[],
  keys: readonly K[],
  keyOf: (count: Count) => K,
): Record<K, number> {
  const sums = Object.fromEntries(keys.map((key) => [key, 0])) as Record<K, number>
  for (const count of counts) sums[keyOf(count)] += count.messages
  return sums
}
