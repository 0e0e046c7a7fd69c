import type { Sql } from '../connect.ts'

/**
 * The advisory lock that triggers try, shared, before they notify (pigeonpost_private.may_notify). Its first key is salted
 * against collisions with other applications' advisory locks.
 */
export async function notifyLockKeys(sql: Sql): Promise<[number, number]> {
  const [row] = await sql<{ class: number }[]>`
    select pigeonpost_private.notify_lock_class() as class`
  return [row?.class ?? 0, 0]
}

/** Whether some session holds the notify lock, so that triggers need not notify. */
export async function notifyLockIsHeld(sql: Sql): Promise<boolean> {
  const [row] = await sql<{ held: boolean }[]>`
    select exists (
      select from pg_locks l
      where l.locktype = 'advisory' and l.mode = 'ExclusiveLock' and l.granted
        and l.classid::bigint::bit(32)::integer = (select pigeonpost_private.notify_lock_class())
        and l.objid = 0::oid and l.objsubid = 2
        and l.database = (select d.oid from pg_database d where d.datname = current_database())
    ) as held`
  return row?.held ?? false
}
