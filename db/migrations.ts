import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Db } from './connect.ts'
import { PigeonpostError } from './errors.ts'

/** The folder `migrations` of this package, found from the sources as well as from dist/. */
export function migrationsFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'migrations', 'committed'))) {
    const parent = dirname(folder)
    if (parent === folder) {
      throw new Error('the package lacks its folder "migrations"')
    }
    folder = parent
  }
  return join(folder, 'migrations')
}

/** The migrations of this package, oldest first: `000001-schema.sql`. */
export async function committedMigrations(): Promise<string[]> {
  const folder = join(migrationsFolder(), 'committed')
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).toSorted()
  // Without this check an empty database would count as migrated.
  if (names.length === 0) throw new Error(`there are no migrations in ${folder}`)
  return names
}

type Applied = { number: number; hash: string }

/** The migrations that the database has, oldest first. None where `migrate` never ran. */
async function appliedMigrations(db: Db): Promise<Applied[]> {
  const [ledger] = await db<{ there: boolean }[]>`
    select to_regclass('graphile_migrate.migrations') is not null as there`
  if (!ledger?.there) return []
  return db<Applied[]>`
    select substring(filename from '^\\d+')::integer as number, hash from graphile_migrate.migrations order by filename`
}

/** What `migrate` would apply, oldest first. */
export async function pendingMigrations(db: Db): Promise<string[]> {
  const applied = new Set((await appliedMigrations(db)).map(({ number }) => number))
  return (await committedMigrations()).filter((name) => !applied.has(Number.parseInt(name, 10)))
}

/**
 * Refuses a database whose migrations are not a prefix of ours: ours could not be applied to it.
 * @throws PigeonpostError `schema_of_pre_release` or `schema_is_newer`
 */
export async function checkLedger(db: Db): Promise<void> {
  const ours = new Map<number, string>()
  for (const name of await committedMigrations()) {
    const text = await readFile(join(migrationsFolder(), 'committed', name), 'utf8')
    ours.set(Number.parseInt(name, 10), /^--! Hash: (\S+)$/m.exec(text)?.[1] ?? '')
  }
  for (const { number, hash } of await appliedMigrations(db)) {
    if (!ours.has(number)) {
      throw new PigeonpostError(
        `the database has migration ${number}, which this version of Pigeonpost does not know`,
        {
          code: 'schema_is_newer',
          field: 'DATABASE_URL',
          hint: 'A newer version migrated it: install that one.',
        },
      )
    }
    if (ours.get(number) !== hash) {
      throw new PigeonpostError(
        `the schema in this database comes from a pre-release of Pigeonpost (its migration ${number} is not ours), and there is no way from there to this version`,
        {
          code: 'schema_of_pre_release',
          field: 'DATABASE_URL',
          hint: 'Make a new database and name it in DATABASE_URL; for the embedded one, move the data folder away.',
        },
      )
    }
  }
}
