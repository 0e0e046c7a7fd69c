import type { Command } from 'commander'
import { retryMessages } from '../../db/messages/retry.ts'
import { withDatabase } from '../app/database.ts'
import { addHelp } from '../app/help.ts'
import { numberOrUuid } from '../app/options.ts'
import {
  addSelection,
  changeSelected,
  checkSelection,
  type SelectionOptions,
} from '../app/selection.ts'

export function addRetry(program: Command): void {
  const command = program
    .command('retry')
    .summary('send failed messages again')
    .description('Queue failed messages again, with a full number of attempts.')
    .argument('[id...]', 'their numbers or uuids; or select messages by options', each)
  addSelection(command, ['failed']).action(async (ids: string[], options: SelectionOptions) => {
    checkSelection(ids, options)
    await withDatabase('retry', async (sql) =>
      changeSelected({
        sql,
        ids,
        options,
        statuses: ['failed'],
        change: retryMessages,
        done: 'queued again',
      }),
    )
  })
  addHelp(command, {
    environment: ['DATABASE_URL', 'PIGEONPOST_DATA', 'LOG_LEVEL'],
    notes: [
      'Only failed messages: one whose outcome is unknown may have arrived; see "pigeonpost resolve". One that is past its',
      'valid_until, or whose account is disabled, stays failed.',
    ],
    examples: [
      'pigeonpost retry 1042',
      'pigeonpost retry --status failed --channel whatsapp --since 24h --error-code 131026 --dry-run',
      'pigeonpost retry --account 0193a1b2-0000-7000-8000-000000000001 --all',
    ],
  })
}

/** For commander: collects a repeatable argument. */
export function each(text: string, before: string[] = []): string[] {
  return [...before, numberOrUuid(text)]
}
