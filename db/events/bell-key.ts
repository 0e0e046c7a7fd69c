import type { Sql } from '../connect.ts'

/** The advisory lock that triggers try, shared, before they ring (pigeonpost_private.may_ring). */
export const bellKey = { class: 1886416755, object: 0 }

/** Whether a backend holds the bell's key, so that triggers leave the ringing to it. */
export async function bellKeyIsHeld(sql: Sql): Promise<boolean> {
  const [row] = await sql<{ held: boolean }[]>`
    select exists (
      select from pg_locks l
      where l.locktype = 'advisory' and l.mode = 'ExclusiveLock' and l.granted
        and l.classid = ${bellKey.class}::bigint::oid and l.objid = ${bellKey.object}::bigint::oid and l.objsubid = 2
        and l.database = (select d.oid from pg_database d where d.datname = current_database())
    ) as held`
  return row?.held ?? false
}
