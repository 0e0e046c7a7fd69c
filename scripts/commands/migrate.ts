import type { Command } from 'commander'
import { connect } from '../../db/connect.ts'
import { findDatabase } from '../database.ts'
import { addHelp } from '../help.ts'
import { print, printJson } from '../output.ts'

export function addMigrate(program: Command): void {
  const command = program
    .command('migrate')
    .summary('bring the schema of the database to this version')
    .description('Bring the schema of the database to this version. Run again, it changes nothing.')
    .option('--json', 'print the result as JSON')
    .action(async (options: { json?: boolean }) => runMigrate(options))
  addHelp(command, {
    environment: ['DATABASE_URL', 'PIGEONPOST_DATA', 'LOG_LEVEL'],
    examples: [
      'DATABASE_URL=postgres://owner:secret@db.example.com/app pigeonpost migrate',
      'pigeonpost migrate --json',
    ],
  })
}

async function runMigrate(options: { json?: boolean }): Promise<void> {
  const url = await findDatabase()
  const { committedMigrations, pendingMigrations } = await import('../../db/migrations.ts')
  const { migrate } = await import('../../db/migrate.ts')
  const sql = connect(url, { max: 1, name: 'pigeonpost migrate' })
  try {
    const all = await committedMigrations()
    const applied = await pendingMigrations(sql)
    if (!options.json && applied.length > 0) {
      print(`Applying ${applied.length} of ${all.length} migrations`)
    }
    // Also with none to apply: graphile-worker's own schema may be behind.
    await migrate({ url, log: (line) => process.stderr.write(`${line}\n`) })
    const version = all.at(-1) ?? null
    if (options.json) printJson({ applied, version })
    else if (applied.length === 0) print(`Nothing to do: the schema is at ${version}`)
    else for (const name of applied) print(`Applied ${name}`)
  } finally {
    await sql.end({ timeout: 1 })
  }
}
