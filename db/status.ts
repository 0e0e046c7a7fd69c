import type { Sql } from './connect.ts'
import { type Metrics, readMetrics } from './metrics.ts'

export type Status = Metrics & {
  /** As `server_version` has it. */
  serverVersion: string
  relay: {
    /** A relay holds the notify lock, so that triggers need not notify. */
    notifying: boolean
    /** Events that no reader sees yet: those with ids above the settled one. */
    unsettled: number
    /** Events that the relay has not handled. */
    behind: number
  }
  /** Of the database's NOTIFY queue, from 0 to 1. At 0.5 triggers and relay stop notifying. */
  notifyQueueUsage: number
  /** Webhooks that were kept and could not be understood. */
  inboxFailures: number
}

/** How many accounts it lists. */
const maxAccounts = 100

/** The state of delivery, for operators: of all tenants that the role may see. */
export async function readStatus(sql: Sql): Promise<Status> {
  const [[health], metrics] = await Promise.all([
    sql<(Status['relay'] & Pick<Status, 'serverVersion' | 'notifyQueueUsage' | 'inboxFailures'>)[]>`
      select current_setting('server_version') as "serverVersion",
        exists (
          select from pg_locks l
          where l.locktype = 'advisory' and l.mode = 'ExclusiveLock' and l.granted and l.objid = 0::oid and l.objsubid = 2
            and l.classid::bigint::bit(32)::integer = (select pigeonpost_private.notify_lock_class())
            and l.database = (select d.oid from pg_database d where d.datname = current_database())
        ) as notifying,
        greatest(0, e.last_id - s.settled_id) as unsettled,
        coalesce((
          select max(e.last_id - c.cursor) from pigeonpost_private.log_cursors c
          where c.name = 'relay' and c.tenant_id > 0 and pigeonpost_private.next_log_id(c.tenant_id, c.cursor) is not null), 0) as behind,
        pg_notification_queue_usage() as "notifyQueueUsage",
        (select count(*) from pigeonpost.webhook_inbox w where w.status = 'failed') as "inboxFailures"
      from (select pigeonpost.settle_events() as settled_id) s
      cross join (select pigeonpost_private.last_log_id() as last_id) e`,
    readMetrics(sql, { accounts: maxAccounts }),
  ])
  if (!health) throw new Error('the log has no state')
  const { notifying, unsettled, behind, ...rest } = health
  return { ...rest, relay: { notifying, unsettled, behind }, ...metrics }
}
