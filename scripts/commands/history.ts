import type { Command } from 'commander'
import { type HistoryEntry, threadHistory } from '../../db/messages/history.ts'
import { withDatabase } from '../app/database.ts'
import { addHelp } from '../app/help.ts'
import { numberOrUuid, tenantId, wholeNumber } from '../app/options.ts'
import { onReaderGone, print, printJson } from '../app/output.ts'

type Options = { tenant: number; limit: number; before?: number; json?: boolean }

export function addHistory(program: Command): void {
  const command = program
    .command('history')
    .summary('print the messages of a thread')
    .description('Print the latest messages of a thread, oldest first.')
    .argument('<thread>', 'its number or uuid', numberOrUuid)
    .option('--tenant <id>', 'its tenant', tenantId, 1)
    .option('--limit <n>', 'maximum number of messages, the latest', wholeNumber(1, 10_000), 50)
    .option('--before <number>', 'only messages before this one', wholeNumber(1, 2 ** 53))
    .option('--json', 'print JSON Lines')
    .action(async (thread: string, options: Options) => history(thread, options))
  addHelp(command, {
    environment: ['DATABASE_URL', 'PIGEONPOST_DATA', 'LOG_LEVEL'],
    examples: ['pigeonpost history 17', 'pigeonpost history 17 --tenant 101 --limit 200 --json'],
  })
}

async function history(thread: string, options: Options): Promise<void> {
  onReaderGone(() => process.exit(0))
  await withDatabase('history', async (sql) => {
    const messages = await threadHistory(sql, {
      tenantId: options.tenant,
      thread,
      limit: options.limit,
      ...(options.before === undefined ? {} : { before: options.before }),
    })
    for (const message of messages) {
      if (options.json) printJson(message)
      else print(line(message))
    }
    if (messages.length === 0 && !options.json) print('Nothing was said before that.')
  })
}

function line(message: HistoryEntry): string {
  const who =
    message.direction === 'inbound' ? (message.name ?? message.sender ?? 'them') : message.direction
  const what = message.revokedAt
    ? '(revoked)'
    : [
        message.contentType === 'text' ? null : `[${message.contentType}]`,
        message.body,
        message.mediaUrl,
      ]
        .filter(Boolean)
        .join(' ')
  const status = message.direction === 'outbound' ? ` (${message.status})` : ''
  // Lines of one message stay together, and nothing in it moves the cursor of a terminal.
  const text = what.replaceAll(/[\u007f-\u009f\u2028\u2029]/g, '').replaceAll('\n', '\n    ')
  return `${message.occurredAt.toISOString()} #${message.number} ${who}${status}: ${text}`
}
