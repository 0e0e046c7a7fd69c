import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Db } from './connect.ts'
import { migrationsFolder } from './migrate.ts'

/** The migrations of this package, oldest first: `000001-foundation.sql`. */
export async function committedMigrations(): Promise<string[]> {
  const folder = join(migrationsFolder(), 'committed')
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).toSorted()
  // Or else an empty database would pass for a migrated one.
  if (names.length === 0) throw new Error(`there are no migrations in ${folder}`)
  return names
}

/** Those that the database has, oldest first, by number alone: `000001.sql`. None where `migrate` never ran. */
export async function appliedMigrations(db: Db): Promise<string[]> {
  const [ledger] = await db<{ there: boolean }[]>`
    select to_regclass('graphile_migrate.migrations') is not null as there`
  if (!ledger?.there) return []
  const rows = await db<{ filename: string }[]>`
    select filename from graphile_migrate.migrations order by filename`
  return rows.map((row) => row.filename)
}

/** What `migrate` would apply, oldest first. */
export async function pendingMigrations(db: Db): Promise<string[]> {
  const number = (name: string): number => Number.parseInt(name, 10)
  const applied = new Set((await appliedMigrations(db)).map(number))
  return (await committedMigrations()).filter((name) => !applied.has(number(name)))
}
