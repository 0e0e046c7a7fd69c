import { type Command, Option } from 'commander'
import { scanAgain } from '../../../db/media/tasks.ts'
import { readEnvironment } from '../../app/config.ts'
import { withDatabase } from '../../app/database.ts'
import { Failure } from '../../app/failure.ts'
import { addHelp } from '../../app/help.ts'
import { openScanner } from '../../app/media.ts'
import { tenantId, wholeNumber } from '../../app/options.ts'
import { print, printJson } from '../../app/output.ts'

type Options = { status: 'unscanned' | 'failed'; tenant: number; limit: number; json?: boolean }

const names = [
  'DATABASE_URL',
  'PIGEONPOST_DATA',
  'CLAMD_HOST',
  'CLAMD_PORT',
  'CLAMD_SOCKET',
  'LOG_LEVEL',
] as const

export function addRescan(media: Command): void {
  const command = media
    .command('rescan')
    .summary('have stored files scanned for viruses')
    .description(
      'Have the workers scan files that were stored while no scanner was configured, or that it could not scan.',
    )
    .addOption(
      new Option('--status <status>', 'those in this status')
        .choices(['unscanned', 'failed'])
        .default('unscanned'),
    )
    .option(
      '--limit <n>',
      'maximum number of files, oldest first',
      wholeNumber(1, 1_000_000),
      1_000,
    )
    .option('--tenant <id>', 'whose they are', tenantId, 1)
    .option('--json', 'print the result as JSON')
    .action(async (options: Options) => rescan(options))
  addHelp(command, {
    environment: names,
    notes: [
      'Unscanned files are served and sent until the scanner has spoken; then they are clean, infected (and deleted), or',
      'failed (not scannable: larger than it takes, say), and only what is clean is served on. Failed files stay failed until',
      'they are scanned. The workers need the scanner, too. Scans stand in one line with files that are fetched: queue',
      'as many as they do in a few minutes, and see "pigeonpost status".',
    ],
    examples: [
      'CLAMD_HOST=127.0.0.1 pigeonpost media rescan',
      'CLAMD_SOCKET=/run/clamav/clamd.ctl pigeonpost media rescan --status failed --tenant 101 --limit 100',
    ],
  })
}

async function rescan(options: Options): Promise<void> {
  const scanner = await openScanner(readEnvironment(names))
  if (!scanner) throw new Failure('there is no scanner: set CLAMD_HOST or CLAMD_SOCKET')
  await scanner.check()
  await withDatabase('media rescan', async (sql) => {
    const { status, tenant, limit } = options
    const { queued, left } = await scanAgain(sql, { status, tenantId: tenant, limit })
    if (options.json) printJson({ queued, left })
    else
      print(`${queued} files wait for their scan${left > 0 ? `; ${left} more: run it again` : ''}`)
  })
}
