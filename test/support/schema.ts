import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Db, Sql } from '../../db/connect.ts'
import { applyFixtures } from '../../db/fixtures.ts'

export const migrationsFolder = join(import.meta.dirname, '..', '..', 'migrations')

/**
 * The schema in an empty database, by its committed files and fixtures, without graphile-migrate: that keeps a pool which
 * ends the process when its database goes, as a test may want.
 */
export async function applyCommitted(sql: Sql): Promise<void> {
  const folder = join(migrationsFolder, 'committed')
  for (const name of (await readdir(folder)).toSorted()) {
    await sql.unsafe(await readFile(join(folder, name), 'utf8'))
  }
  await applyFixtures(sql, { always: true })
}

/** Every row of every table of ours, as one hash per table: equal before and after means that nothing was written. */
export async function contents(sql: Db): Promise<Record<string, string>> {
  const tables = await sql<{ name: string }[]>`
    select c.relnamespace::regnamespace::text || '.' || c.relname as name from pg_class c
    where c.relnamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace)
      and c.relkind in ('r', 'p') and not c.relispartition order by 1`
  const [row] = await sql.unsafe<{ all: Record<string, string> }[]>(
    `select jsonb_object_agg(name, hash) as all from (${tables
      .map(
        ({ name }) =>
          `select '${name}' as name, count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' order by t::text)), '') as hash from ${name} t`,
      )
      .join(' union all ')}) x`,
  )
  return row?.all ?? {}
}
