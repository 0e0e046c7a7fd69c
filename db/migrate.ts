import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Logger } from '@graphile/logger'
import { migrate as runCommitted } from 'graphile-migrate'
import { Logger as WorkerLogger, runMigrations } from 'graphile-worker'
import { connect } from './connect.ts'
import { PigeonpostError } from './errors.ts'
import { applyFixtures } from './fixtures.ts'
import { pendingMigrations } from './migrations.ts'

/** The folder `migrations` of this package, from the sources as from dist/. */
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

export interface MigrateOptions {
  url: string
  log?: (line: string) => void
}

/**
 * Brings the schema to the newest committed migration, and graphile-worker's beside it; then applies the fixtures, where
 * one of them has changed. Changes nothing when all is there already. Two at once: the second waits for the first.
 * @throws PigeonpostError `postgres_too_old` below PostgreSQL 15.
 */
export async function migrate(options: MigrateOptions): Promise<void> {
  const sql = connect(options.url, { max: 1, name: 'pigeonpost migrate' })
  try {
    const [server] = await sql<
      { version: number }[]
    >`select current_setting('server_version_num')::int as version`
    if (server && server.version < 150000) {
      throw new PigeonpostError(`PostgreSQL ${Math.floor(server.version / 10000)} is too old`, {
        code: 'postgres_too_old',
        field: 'DATABASE_URL',
        hint: 'Pigeonpost needs PostgreSQL 15 or newer.',
      })
    }
    // A lock of our own, waited for: graphile-migrate gives up at once when another run holds its.
    await sql`select pg_advisory_lock(1886416753)`
    const log = (level: string, message: string) => {
      if (level !== 'debug' && level !== 'info') {
        options.log?.(message)
      }
    }
    // Each checks by instanceof for its own copy of the same class.
    await runMigrations({ connectionString: options.url, logger: new WorkerLogger(() => log) })
    const pending = await pendingMigrations(sql)
    await runCommitted({
      connectionString: options.url,
      migrationsFolder: migrationsFolder(),
      logger: new Logger(() => log),
    })
    await applyFixtures(sql, { always: pending.length > 0 })
  } finally {
    await sql.end({ timeout: 5 })
  }
}
