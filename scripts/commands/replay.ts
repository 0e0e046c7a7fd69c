import type { Command } from 'commander'
import type { Sql } from '../../db/connect.ts'
import {
  dismissWebhooks,
  findKept,
  type InboxFilter,
  type InboxRow,
  selectInbox,
} from '../../db/inbox/select.ts'
import { withDatabase } from '../app/database.ts'
import { Failure } from '../app/failure.ts'
import { addHelp } from '../app/help.ts'
import { time, tenantId, uuid, wholeNumber } from '../app/options.ts'
import { print, printJson } from '../app/output.ts'

type Options = Partial<Pick<InboxFilter, 'channel' | 'errorCode' | 'since' | 'until'>> & {
  account?: string
  processed?: boolean
  all?: boolean
  dryRun?: boolean
  dismiss?: boolean
  limit: number
  tenant: number
  json?: boolean
}

type Told = { id: string; status: string; stored: number; duplicates: number; error: string | null }

const pageSize = 500

export function addReplay(program: Command): void {
  const command = program
    .command('replay')
    .summary('process stored webhooks again')
    .description(
      'Process webhooks from the inbox again: those that failed, or others. Nothing is stored twice.',
    )
    .argument(
      '[id...]',
      'uuids of webhooks in the inbox; without any, the options select them',
      each,
    )
    .option('--channel <name>', 'webhooks of this channel')
    .option('--account <id>', 'webhooks of this account', uuid)
    .option('--error-code <code>', 'webhooks that failed with this error code')
    .option('--since <time>', 'received at or after this time: ISO 8601, or an age (24h)', time)
    .option('--until <time>', 'received before this time', time)
    .option('--processed', 'include those that did not fail')
    .option(
      '--limit <n>',
      'maximum number of webhooks, oldest first',
      wholeNumber(1, 1_000_000),
      1_000,
    )
    .option('--all', 'no limit')
    .option(
      '--dismiss',
      'do not process them: they count as failed no more, and are deleted in time',
    )
    .option('--dry-run', 'list the webhooks and their errors, and change nothing')
    .option('--tenant <id>', 'their tenant', tenantId, 1)
    .option('--json', 'print the result as JSON')
    .action(async (ids: string[], options: Options) => {
      check(ids, options)
      await withDatabase('replay', async (sql) => replay(sql, ids, options))
    })
  addHelp(command, {
    environment: ['DATABASE_URL', 'PIGEONPOST_DATA', 'LOG_LEVEL'],
    notes: [
      'Exit code 1 if one of them fails again; it stays in the inbox with its error, until it is processed or dismissed.',
    ],
    examples: [
      'pigeonpost replay --all --dry-run',
      'pigeonpost replay --channel whatsapp --error-code payload_unreadable --since 7d',
      'pigeonpost replay 0193a1b2-0000-7000-8000-000000000001',
      'pigeonpost replay --dismiss 0193a1b2-0000-7000-8000-000000000001',
    ],
  })
}

function each(text: string, before: string[] = []): string[] {
  return [...before, uuid(text)]
}

function check(ids: string[], options: Options): void {
  const { channel, account, errorCode, since, until, all } = options
  if (options.dismiss && options.processed) {
    throw new Failure('--dismiss is for those that failed, without --processed', { exitCode: 2 })
  }
  const filtered = [channel, account, errorCode, since, until, all].some((v) => v !== undefined)
  if (ids.length > 0 === filtered) {
    throw new Failure(
      filtered
        ? 'give ids, or say which are meant by options, not both'
        : 'give ids, or say which are meant: --channel, --error-code, --since, … or --all',
      { exitCode: 2 },
    )
  }
}

async function replay(sql: Sql, ids: string[], options: Options): Promise<void> {
  const rows = await find(sql, ids, options)
  if (options.dryRun) {
    tell(rows, options)
    return
  }
  if (options.dismiss) {
    await dismiss(sql, rows, options)
    return
  }
  const { createReplay } = await import('../../adapters/inbound/index.ts')
  const again = createReplay(sql)
  const told: Told[] = []
  for (const [done, { id }] of rows.entries()) {
    const kept = await findKept(sql, options.tenant, id)
    if (!kept) continue
    told.push(await once(async () => again(options.tenant, kept), id))
    if (done > 0 && done % pageSize === 0 && !options.json) {
      process.stderr.write(`${done} of ${rows.length}\n`)
    }
  }
  const failed = told.filter(({ status }) => status === 'failed')
  const stored = told.reduce((sum, one) => sum + one.stored, 0)
  if (options.json) printJson({ replayed: told })
  else {
    for (const { id, error } of failed) print(`${id}  ${error}`)
    print(
      `${told.length} replayed: ${told.length - failed.length} processed, ${failed.length} failed, ${stored} messages stored`,
    )
  }
  if (failed.length > 0) throw new Failure(`${failed.length} of ${told.length} failed again`)
}

async function dismiss(sql: Sql, rows: InboxRow[], { tenant, json }: Options): Promise<void> {
  const dismissed: string[] = []
  for (let at = 0; at < rows.length; at += pageSize) {
    const ids = rows.slice(at, at + pageSize).map(({ id }) => id)
    dismissed.push(...(await dismissWebhooks(sql, tenant, ids)))
  }
  if (json) printJson({ dismissed })
  else print(`${dismissed.length} dismissed`)
}

async function once(
  work: () => Promise<{
    status: string
    messages: unknown[]
    duplicates: number
    error?: { code: string; message: string }
  }>,
  id: string,
): Promise<Told> {
  const { isRetryable, PigeonpostError } = await import('../../db/errors.ts')
  try {
    const { status, messages, duplicates, error } = await work()
    const why = error ? `${error.code}: ${error.message}` : null
    return { id, status, stored: messages.length - duplicates, duplicates, error: why }
  } catch (error) {
    if (!(error instanceof PigeonpostError) || isRetryable(error)) throw error
    const why = `${error.details.code}: ${error.message}`
    return { id, status: 'failed', stored: 0, duplicates: 0, error: why }
  }
}

async function find(sql: Sql, ids: string[], options: Options): Promise<InboxRow[]> {
  const { channel, errorCode, since, until } = options
  const filter: InboxFilter = {
    tenantId: options.tenant,
    ...(ids.length > 0
      ? { ids }
      : { statuses: options.processed ? ['failed', 'processed', 'dismissed'] : ['failed'] }),
    channel,
    errorCode,
    since,
    until,
    accountId: options.account,
  }
  const rows: InboxRow[] = []
  const limit = options.all ? Infinity : options.limit
  while (rows.length < limit) {
    const page = await selectInbox(sql, filter, {
      limit: Math.min(pageSize, limit - rows.length),
      after: rows.at(-1)?.id,
    })
    rows.push(...page)
    if (page.length < pageSize) break
  }
  const found = new Set(rows.map(({ id }) => id))
  const missing = ids.filter((id) => !found.has(id))
  if (missing.length > 0) {
    throw new Failure(`tenant ${options.tenant} has no webhook ${missing.join(', ')} in its inbox`)
  }
  return rows
}

function tell(rows: InboxRow[], { json }: Options): void {
  if (json) {
    printJson({ webhooks: rows })
    return
  }
  for (const { id, channel, status, receivedAt, errorCode, errorField, errorMessage } of rows) {
    const why = errorCode ? `${errorCode} (${errorField ?? ''}): ${errorMessage ?? ''}` : ''
    print(`${id}  ${receivedAt.toISOString()}  ${channel}  ${status}  ${why}`.trimEnd())
  }
  print(`${rows.length} ${rows.length === 1 ? 'webhook' : 'webhooks'}`)
}
