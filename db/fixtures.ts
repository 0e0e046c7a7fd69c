import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { begin } from './begin.ts'
import type { Db, Sql } from './connect.ts'
import { migrationsFolder } from './migrate.ts'

/** A file of migrations/fixtures: functions, triggers, views, policies, grants and comments of one topic. */
export type Fixture = { name: string; sha256: string; text: string }

/** The fixtures of this package, in the order in which they are applied. */
export async function readFixtures(): Promise<Fixture[]> {
  const folder = join(migrationsFolder(), 'fixtures')
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).toSorted()
  if (names.length === 0) throw new Error(`there are no fixtures in ${folder}`)
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(folder, name), 'utf8')
      return { name, text, sha256: createHash('sha256').update(text).digest('hex') }
    }),
  )
}

/** The names of those that differ from what the database has recorded as applied last; all where it has no record. */
export async function changedFixtures(db: Db): Promise<string[]> {
  const fixtures = await readFixtures()
  const [ledger] = await db<{ there: boolean }[]>`
    select to_regclass('pigeonpost_private.fixtures') is not null as there`
  if (!ledger?.there) return fixtures.map(({ name }) => name)
  const rows = await db<{ name: string; sha256: string }[]>`
    select name, sha256 from pigeonpost_private.fixtures`
  const applied = new Map(rows.map(({ name, sha256 }) => [name, sha256]))
  return fixtures.filter(({ name, sha256 }) => applied.get(name) !== sha256).map(({ name }) => name)
}

/**
 * Applies the fixtures, all of them and in one transaction, where one of them has changed or `always` is set (a migration
 * has run): policies and grants name tables and functions of the others. Each can be applied again and changes nothing then.
 * @returns the names of those that had changed
 */
export async function applyFixtures(
  sql: Sql,
  options: { always?: boolean } = {},
): Promise<string[]> {
  const changed = await changedFixtures(sql)
  if (changed.length === 0 && !options.always) return []
  const fixtures = await readFixtures()
  await begin(sql, async (tx) => {
    for (const { text } of fixtures) await tx.unsafe(text)
    await tx`
      insert into pigeonpost_private.fixtures (name, sha256)
      select * from unnest(${fixtures.map(({ name }) => name)}::text[], ${fixtures.map(({ sha256 }) => sha256)}::text[])
      on conflict (name) do update set sha256 = excluded.sha256, applied_at = now()
      where fixtures.sha256 <> excluded.sha256`
    await tx`
      delete from pigeonpost_private.fixtures f where f.name <> all (${fixtures.map(({ name }) => name)}::text[])`
  })
  return changed
}
