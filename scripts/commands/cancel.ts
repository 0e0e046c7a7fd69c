import type { Command } from 'commander'
import { cancelable, cancelMessages } from '../../db/messages/cancel.ts'
import { withDatabase } from '../app/database.ts'
import { addHelp } from '../app/help.ts'
import {
  addSelection,
  changeSelected,
  checkSelection,
  type SelectionOptions,
} from '../app/selection.ts'
import { each } from './retry.ts'

export function addCancel(program: Command): void {
  const command = program
    .command('cancel')
    .summary('cancel messages that are not sent yet')
    .description(
      'Cancel messages that are not sent yet: scheduled, queued, or waiting for a retry.',
    )
    .argument('[id...]', 'numbers or uuids of messages; without any, the options select them', each)
  addSelection(command, cancelable).action(async (ids: string[], options: SelectionOptions) => {
    checkSelection(ids, options)
    await withDatabase('cancel', async (sql) =>
      changeSelected({
        sql,
        ids,
        options,
        statuses: cancelable,
        change: cancelMessages,
        done: 'canceled',
      }),
    )
  })
  addHelp(command, {
    environment: ['DATABASE_URL', 'PIGEONPOST_DATA', 'LOG_LEVEL'],
    notes: ['A message that is "sending" is with the provider already and cannot be canceled.'],
    examples: [
      'pigeonpost cancel 1042 1043',
      'pigeonpost cancel --campaign spring-2026 --all',
      'pigeonpost cancel --status scheduled --account 0193a1b2-0000-7000-8000-000000000001 --dry-run',
    ],
  })
}
