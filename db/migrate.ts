import { readdir } from 'node:fs/promises'
import { connect, type Db } from './connect.ts'
import { PigeonpostError } from './errors.ts'
import { needSession } from './connection/pooler.ts'
import { applyFixtures, changedFixtures } from './fixtures.ts'
import { checkLedger, migrationsFolder, pendingMigrations } from './migrations.ts'

export type MigrateOptions = {
  url: string
  log?: (line: string) => void
}

/** What `migrate` applied or would apply: names of files, in order. */
export type Changes = {
  /** Of migrations/committed. */
  migrations: string[]
  /** Of migrations/fixtures. */
  fixtures: string[]
  /** Of graphile-worker's own schema. */
  worker: string[]
}

/**
 * What `migrate` would do. Changes nothing.
 * @throws PigeonpostError as `migrate` does
 */
export async function planMigration(db: Db): Promise<Changes> {
  const [server] = await db<
    { version: number }[]
  >`select current_setting('server_version_num')::int as version`
  if (server && server.version < 150000) {
    throw new PigeonpostError(`PostgreSQL ${Math.floor(server.version / 10000)} is too old`, {
      code: 'postgres_too_old',
      field: 'DATABASE_URL',
      hint: 'Pigeonpost needs PostgreSQL 15 or newer.',
    })
  }
  await checkLedger(db)
  return {
    migrations: await pendingMigrations(db),
    fixtures: await changedFixtures(db),
    worker: await pendingOfWorker(db),
  }
}

/**
 * Migrates our schema to the newest committed migration, and graphile-worker's schema; then applies the fixtures, if any
 * has changed. Changes nothing when all is up to date. Of two at once, the second waits for the first.
 * @throws PigeonpostError `postgres_too_old` below PostgreSQL 15, `schema_of_pre_release` and `schema_is_newer` where
 * the migrations in the database are not ours; nothing has changed then.
 */
export async function migrate(options: MigrateOptions): Promise<Changes> {
  await needSession(options.url, 'A migration')
  const sql = connect(options.url, { max: 1, name: 'pigeonpost migrate', silenceMs: null })
  try {
    // A lock of our own, waited for: graphile-migrate gives up at once when another run holds its.
    await sql`select pg_advisory_lock(1886416753)`
    const plan = await planMigration(sql)
    const log = (level: string, message: string) => {
      if (level !== 'debug' && level !== 'info') {
        options.log?.(message)
      }
    }
    // Loaded here, because it has some 140 modules that are needed only to migrate.
    const { Logger } = await import('@graphile/logger')
    const { migrate: runCommitted } = await import('graphile-migrate')
    const { Logger: WorkerLogger, runMigrations } = await import('graphile-worker')
    // Each checks by instanceof for its own copy of the same class.
    await runMigrations({ connectionString: options.url, logger: new WorkerLogger(() => log) })
    await runCommitted({
      connectionString: options.url,
      migrationsFolder: migrationsFolder(),
      logger: new Logger(() => log),
    })
    const fixtures = await applyFixtures(sql, {
      always: plan.migrations.length > 0,
      log: options.log,
    })
    return { ...plan, fixtures }
  } finally {
    await sql.end({ timeout: 5 })
  }
}

async function pendingOfWorker(db: Db): Promise<string[]> {
  const [ledger] = await db<{ there: boolean }[]>`
    select to_regclass('graphile_worker.migrations') is not null as there`
  const rows = ledger?.there
    ? await db<{ id: number }[]>`select id from graphile_worker.migrations`
    : []
  const applied = new Set(rows.map(({ id }) => id))
  const names = await readdir(new URL('../sql/', import.meta.resolve('graphile-worker')))
  return names
    .filter((name) => name.endsWith('.sql') && !applied.has(Number.parseInt(name, 10)))
    .toSorted()
}
