import type { Sql } from '../../db/connect.ts'

/** Sets the clock of delivery to `moment`, which must be to come; it then runs on. */
export async function setClock(sql: Sql, moment: Date | string): Promise<void> {
  await sql`
    insert into pigeonpost_private.clock_offset (ahead) values (${moment instanceof Date ? moment.toISOString() : moment}::timestamptz - clock_timestamp())
    on conflict on constraint clock_offset_pkey do update set ahead = excluded.ahead`
}

/** Moves it on by `ms`. */
export async function advanceClock(sql: Sql, ms: number): Promise<void> {
  await sql`
    insert into pigeonpost_private.clock_offset as o (ahead) values (${ms}::float8 * interval '1 ms')
    on conflict on constraint clock_offset_pkey do update set ahead = o.ahead + excluded.ahead`
}
