import { type Command, Option } from 'commander'
import { retryTransient } from '../../db/errors.ts'
import { resolveMessage, type Verdict } from '../../db/messages/resolve.ts'
import { withDatabase } from '../app/database.ts'
import { Failure } from '../app/failure.ts'
import { addHelp } from '../app/help.ts'
import { numberOrUuid, tenantId } from '../app/options.ts'
import { print, printJson } from '../app/output.ts'
import { explainUnchanged } from '../app/selection.ts'

type Options = {
  sent?: boolean
  externalId?: string
  failed?: boolean
  queue?: boolean
  tenant: number
  json?: boolean
}

export function addResolve(program: Command): void {
  const command = program
    .command('resolve')
    .summary('settle a message of unknown outcome')
    .description('Settle a message of unknown outcome: say whether it was sent.')
    .argument('<id>', 'its number or uuid', numberOrUuid)
    .addOption(new Option('--sent', 'it was sent').conflicts(['failed', 'queue']))
    .option('--external-id <id>', "with --sent: the channel's own id of it, for its receipts")
    .addOption(new Option('--failed', 'it was not sent, and is not to be sent').conflicts('queue'))
    .option('--queue', 'send it again, although it may have arrived')
    .option('--tenant <id>', 'its tenant', tenantId, 1)
    .option('--json', 'print the message as JSON')
    .action(async (id: string, options: Options) => resolve(id, options))
  addHelp(command, {
    environment: ['DATABASE_URL', 'PIGEONPOST_DATA', 'LOG_LEVEL'],
    notes: [
      'A message becomes unknown when a worker died, or a provider fell silent, between the request and its answer. A',
      'receipt settles it by itself. --queue gives a provider that takes an idempotency key the same one again.',
    ],
    examples: [
      'pigeonpost resolve 1042 --sent --external-id wamid.HBgL',
      'pigeonpost resolve 1042 --failed',
      'pigeonpost resolve 1042 --queue',
    ],
  })
}

async function resolve(id: string, options: Options): Promise<void> {
  const verdict = verdictOf(options)
  await withDatabase('resolve', async (sql) => {
    const change = await retryTransient(() =>
      resolveMessage(sql, { tenantId: options.tenant, id }, verdict),
    )
    if (!change.changed) throw new Failure(`message ${id} ${explainUnchanged(change)}`)
    const { number, previousStatus, status } = change
    if (options.json) printJson({ id: change.id, number, previousStatus, status })
    else print(`${change.id}  ${status}`)
  })
}

function verdictOf(options: Options): Verdict {
  if (options.externalId !== undefined && !options.sent) {
    throw new Failure('--external-id goes with --sent', { exitCode: 2 })
  }
  if (options.sent) return { status: 'sent', externalMessageId: options.externalId ?? null }
  if (options.failed) return { status: 'failed' }
  if (options.queue) return { status: 'queued' }
  throw new Failure('give its outcome: --sent, --failed or --queue', { exitCode: 2 })
}
