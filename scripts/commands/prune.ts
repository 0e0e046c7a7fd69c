import type { Command } from 'commander'
import { prune, type Pruned, sumPruned } from '../../db/retention/prune.ts'
import { withDatabase } from '../app/database.ts'
import { addHelp } from '../app/help.ts'
import { tenantId } from '../app/options.ts'
import { print, printJson } from '../app/output.ts'

type Options = { tenant?: number; dryRun?: boolean; json?: boolean }

export function addPrune(program: Command): void {
  const command = program
    .command('prune')
    .summary('delete what is past its retention')
    .description(
      'Delete stored webhooks, delivery attempts, statuses, parked updates and stored answers that are past their retention.',
    )
    .option('--dry-run', 'count them, and delete nothing')
    .option('--tenant <id>', 'of this tenant only', tenantId)
    .option('--json', 'print the result as JSON')
    .action(async (options: Options) => run(options))
  addHelp(command, {
    environment: ['DATABASE_URL', 'PIGEONPOST_DATA', 'LOG_LEVEL'],
    notes: [
      'A worker does this every hour, so it is for a look, or for right away. By default webhooks stay 30 days (those that',
      'failed until they are processed or dismissed: pigeonpost replay), attempts and statuses of messages that have ended',
      '90, updates that no message claimed 30, and answers to requests with an Idempotency-Key one. A tenant sets its own in',
      'days, null for ever: update pigeonpost.tenants set settings = settings || \'{"retention": {"webhook_inbox": 7}}\'',
    ],
    examples: ['pigeonpost prune --dry-run', 'pigeonpost prune --tenant 3 --json'],
  })
}

async function run({ tenant, dryRun, json }: Options): Promise<void> {
  const found: Pruned[] = []
  await withDatabase('prune', async (sql) => {
    for await (const batch of prune(sql, { tenantId: tenant, dryRun })) found.push(...batch)
  })
  const sums = sumPruned(found)
  if (json) {
    printJson({ [dryRun ? 'wouldPrune' : 'pruned']: sums })
    return
  }
  let total = 0
  for (const { tenantId: id, kind, days, pruned } of sums) {
    total += pruned
    if (pruned > 0) print(`tenant ${id}  ${kind}  ${pruned} older than ${days} days`)
  }
  print(`${total} ${total === 1 ? 'row' : 'rows'} ${dryRun ? 'would be deleted' : 'deleted'}`)
}
