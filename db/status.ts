import type { Sql } from './connect.ts'
import { type Metrics, readMetrics } from './metrics.ts'

export type Status = Metrics & {
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
  /** Webhooks that were kept and could not be understood. */
  inboxFailures: number
}

/** How many accounts it lists. */
const mostAccounts = 100

/** How delivery stands, for operators: of all tenants that the role may see. */
export async function readStatus(sql: Sql): Promise<Status> {
  const [[health], metrics] = await Promise.all([
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
    readMetrics(sql, { accounts: mostAccounts }),
  ])
  if (!health) throw new Error('the log has no state')
  const { ringing, unsettled, behind, ...rest } = health
  return { ...rest, relay: { ringing, unsettled, behind }, ...metrics }
}
