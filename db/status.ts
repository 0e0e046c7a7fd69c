import type { Sql } from './connect.ts'

export type OutboundStatus =
  | 'scheduled'
  | 'queued'
  | 'sending'
  | 'sent'
  | 'delivered'
  | 'read'
  | 'retrying'
  | 'failed'
  | 'canceled'
  | 'unknown'

export type WaitingAccount = {
  tenantId: number
  accountId: string
  channel: string
  address: string | null
  status: 'connected' | 'disconnected' | 'disabled'
  provider: string | null
  /** Messages that are queued, scheduled or between tries. */
  waiting: number
  /** Seconds since the oldest of them could have been sent; null where all are due later. */
  oldestSeconds: number | null
}

export type Status = {
  /** As `server_version` has it. */
  serverVersion: string
  relay: {
    /** A relay holds the bell's key, so that triggers need not ring. */
    ringing: boolean
    /** Events that no reader sees yet: drawn after the last id up to which nothing can come any more. */
    unsettled: number
    /** Events that the relay has not handled. */
    behind: number
  }
  /** Of the database's NOTIFY queue, from 0 to 1. At 0.5 triggers and relay stop ringing. */
  notifyQueueUsage: number
  /** Outbound messages by status, of all tenants. */
  outbound: Record<OutboundStatus, number>
  /** Those with the most messages waiting first, 100 at most. */
  waiting: WaitingAccount[]
  /** Webhooks that were kept and could not be understood. */
  inboxFailures: number
}

const none: Record<OutboundStatus, number> = {
  scheduled: 0,
  queued: 0,
  sending: 0,
  sent: 0,
  delivered: 0,
  read: 0,
  retrying: 0,
  failed: 0,
  canceled: 0,
  unknown: 0,
}

/** How delivery stands, for operators. Counts every outbound message, so it is dear on a large database: not for polling. */
export async function readStatus(sql: Sql): Promise<Status> {
  const [[health], outbound, waiting] = await Promise.all([
    sql<(Status['relay'] & Pick<Status, 'serverVersion' | 'notifyQueueUsage' | 'inboxFailures'>)[]>`
      select current_setting('server_version') as "serverVersion",
        exists (
          select from pg_locks l
          where l.locktype = 'advisory' and l.mode = 'ExclusiveLock' and l.granted
            and l.classid = 1886416755::oid and l.objid = 0::oid and l.objsubid = 2
            and l.database = (select d.oid from pg_database d where d.datname = current_database())
        ) as ringing,
        greatest(0, e.last_id - s.settled_id) as unsettled,
        greatest(0, e.last_id - coalesce((
          select c.cursor from pigeonpost.event_consumers c where c.tenant_id = 0 and c.name = '$relay'), 0)) as behind,
        pg_notification_queue_usage() as "notifyQueueUsage",
        (select count(*) from pigeonpost.webhook_inbox w where w.status = 'failed') as "inboxFailures"
      from pigeonpost_private.log_state s
      cross join (select case when is_called then last_value else 0 end as last_id from pigeonpost.events_id_seq) e`,
    sql<{ status: OutboundStatus; count: number }[]>`
      select m.status, count(*) from pigeonpost.messages m where m.direction = 'outbound' group by m.status`,
    sql<WaitingAccount[]>`
      select a.tenant_id as "tenantId", a.id as "accountId", a.channel, a.address, a.status, a.provider, w.waiting,
        extract(epoch from now() - w.oldest)::double precision as "oldestSeconds"
      from (
        select m.tenant_id, m.account_id, count(*) as waiting,
          min(case when m.status = 'queued' then coalesce(m.scheduled_for, m.created_at) else m.next_attempt_at end)
            filter (where m.status = 'queued' or m.next_attempt_at <= now()) as oldest
        from pigeonpost.messages m where m.status in ('queued', 'scheduled', 'retrying')
        group by m.tenant_id, m.account_id
      ) w
      join pigeonpost.accounts a on a.tenant_id = w.tenant_id and a.id = w.account_id
      order by w.waiting desc, a.tenant_id, a.id limit 100`,
  ])
  if (!health) throw new Error('the log has no state')
  const { ringing, unsettled, behind, ...rest } = health
  return {
    ...rest,
    relay: { ringing, unsettled, behind },
    outbound: { ...none, ...Object.fromEntries(outbound.map((row) => [row.status, row.count])) },
    waiting: [...waiting],
  }
}
