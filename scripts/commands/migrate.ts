import { type Command, Option } from 'commander'
import { connect } from '../../db/connect.ts'
import type { Changes } from '../../db/migrate.ts'
import { readEnvironment } from '../app/config.ts'
import { findDatabase } from '../app/database.ts'
import { addHelp } from '../app/help.ts'
import { print, printJson } from '../app/output.ts'

type Options = { check?: boolean; dryRun?: boolean; json?: boolean }

export function addMigrate(program: Command): void {
  const command = program
    .command('migrate')
    .summary('bring the schema of the database to this version')
    .description('Bring the schema of the database to this version. Run again, it changes nothing.')
    .addOption(
      new Option(
        '--check',
        'change nothing; exit with 1 if there are migrations to apply',
      ).conflicts('dryRun'),
    )
    .option('--dry-run', 'change nothing; list what would be applied')
    .option('--json', 'print the result as JSON')
    .action(async (options: Options) => runMigrate(options))
  addHelp(command, {
    environment: ['DATABASE_URL', 'DATABASE_DIRECT_URL', 'PIGEONPOST_DATA', 'LOG_LEVEL'],
    examples: [
      'DATABASE_URL=postgres://owner:secret@db.example.com/app pigeonpost migrate',
      'pigeonpost migrate --check || echo "the schema is not that of this version"',
      'pigeonpost migrate --dry-run --json',
    ],
  })
}

async function runMigrate(options: Options): Promise<void> {
  const { DATABASE_DIRECT_URL: direct } = readEnvironment(['DATABASE_DIRECT_URL'])
  const url = direct ?? (await findDatabase())
  const { committedMigrations } = await import('../../db/migrations.ts')
  const only = options.check || options.dryRun
  const changes = only ? await plan(url) : await apply(url)
  const version = (await committedMigrations()).at(-1) ?? null
  const names = [
    ...changes.worker.map((name) => `graphile-worker ${name}`),
    ...changes.migrations,
    ...changes.fixtures.map((name) => `fixtures/${name}`),
  ]
  if (options.json) printJson({ ...changes, version })
  else if (names.length === 0) print(`Nothing to do: the schema is at ${version}`)
  else for (const name of names) print(`${only ? 'Would apply' : 'Applied'} ${name}`)
  if (options.check && names.length > 0) process.exitCode = 1
}

async function apply(url: string): Promise<Changes> {
  const { migrate } = await import('../../db/migrate.ts')
  return migrate({ url, log: (line) => process.stderr.write(`${line}\n`) })
}

async function plan(url: string): Promise<Changes> {
  const { planMigration } = await import('../../db/migrate.ts')
  const sql = connect(url, { max: 1, name: 'pigeonpost migrate' })
  try {
    return await planMigration(sql)
  } finally {
    await sql.end({ timeout: 1 })
  }
}
