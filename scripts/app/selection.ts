import { type Command, Option } from 'commander'
import type { Sql } from '../../db/connect.ts'
import { retryTransient } from '../../db/errors.ts'
import type { Change, ChangeOptions } from '../../db/messages/change.ts'
import { type MessageFilter, selectMessages } from '../../db/messages/select.ts'
import type { MessageState } from '../../db/rows.ts'
import { Failure } from './failure.ts'
import { time, tenantId, uuid, wholeNumber } from './options.ts'
import { print, printJson } from './output.ts'

export type SelectionOptions = Partial<
  Pick<MessageFilter, 'channel' | 'errorCode' | 'since' | 'until'>
> & {
  status?: MessageState[]
  account?: string
  campaign?: string
  tenant: number
  limit: number
  all?: boolean
  dryRun?: boolean
  json?: boolean
}

/** Adds the options that select messages. */
export function addSelection(command: Command, statuses: MessageState[]): Command {
  return command
    .addOption(new Option('--status <status...>', 'messages in this status').choices(statuses))
    .option('--channel <name>', 'messages of this channel')
    .option('--account <id>', 'messages of this account', uuid)
    .option('--campaign <id>', 'messages of this campaign')
    .option('--error-code <code>', 'messages with this error code')
    .option(
      '--since <time>',
      'failed or stored at or after this time: ISO 8601, or an age (24h)',
      time,
    )
    .option('--until <time>', 'failed or stored before this time', time)
    .option(
      '--limit <n>',
      'maximum number of messages, oldest first',
      wholeNumber(1, 1_000_000),
      1_000,
    )
    .option('--all', 'no limit')
    .option('--dry-run', 'list the messages and change nothing')
    .option('--tenant <id>', 'their tenant', tenantId, 1)
    .option('--json', 'print the result as JSON')
}

export type Work = {
  sql: Sql
  /** Messages named by id; if empty, the options select them. */
  ids: string[]
  options: SelectionOptions
  /** Statuses that the filter selects from by default. */
  statuses: MessageState[]
  change: (sql: Sql, options: ChangeOptions) => Promise<Change[]>
  /** For people: `queued again`. */
  done: string
}

const batchSize = 1_000

/**
 * Changes the named or selected messages in batches of 1,000, one statement each, and prints the result. A selected
 * message whose status has changed meanwhile is reported, but is no failure.
 * @throws {Failure} with exit code 1 if a named message could not be changed
 */
export async function changeSelected(work: Work): Promise<void> {
  const { sql, ids, options } = work
  const { targets, more } = ids.length > 0 ? { targets: ids, more: false } : await select(work)
  if (options.dryRun) return
  const changes: Change[] = []
  for (let at = 0; at < targets.length; at += batchSize) {
    const batch = targets.slice(at, at + batchSize)
    const done = await retryTransient(() =>
      work.change(sql, { tenantId: options.tenant, ids: batch }),
    )
    changes.push(...done)
    if (targets.length > batchSize && !options.json) {
      process.stderr.write(`${Math.min(at + batchSize, targets.length)} of ${targets.length}\n`)
    }
  }
  report(changes, work, more)
}

/** Requires either ids or a filter, never both. */
export function checkSelection(ids: string[], options: SelectionOptions): void {
  const { status, channel, account, campaign, errorCode, since, until, all } = options
  const given = [status, channel, account, campaign, errorCode, since, until, all]
  const filters = given.some((value) => value !== undefined)
  if (ids.length > 0 && (filters || options.dryRun)) {
    throw new Failure('give either ids or options that select messages, not both', { exitCode: 2 })
  }
  if (ids.length === 0 && !filters) {
    throw new Failure('give ids, or select messages: --status, --account, … or --all', {
      exitCode: 2,
    })
  }
}

async function select(work: Work): Promise<{ targets: string[]; more: boolean }> {
  const { options } = work
  const { channel, errorCode, since, until, limit } = options
  const filter: MessageFilter = {
    tenantId: options.tenant,
    statuses: options.status ?? work.statuses,
    accountId: options.account,
    campaignId: options.campaign,
    channel,
    errorCode,
    since,
    until,
  }
  const found = await selectMessages(work.sql, filter, options.all ? null : limit + 1)
  const meant = options.all ? found : found.slice(0, limit)
  const more = found.length > meant.length
  if (options.dryRun && options.json) printJson({ messages: meant, more })
  else if (options.dryRun) {
    for (const { id, number, status, errorCode } of meant) {
      print(`${id}  #${number}  ${status}${errorCode ? ` (${errorCode})` : ''}`)
    }
    print(
      `${meant.length} ${meant.length === 1 ? 'message' : 'messages'}${more ? ', and more' : ''}`,
    )
  }
  return { targets: meant.map(({ id }) => id), more }
}

function report(changes: Change[], { done, ids, options }: Work, more: boolean): void {
  const changed = changes.filter((change) => change.changed)
  const unchanged = changes.filter((change) => !change.changed)
  if (options.json) {
    printJson({
      changed: changed.map(({ id, number, previousStatus, status }) => ({
        id,
        number,
        previousStatus,
        status,
      })),
      unchanged: unchanged.map(({ id, number, status, reason }) => ({
        id,
        number,
        status,
        reason,
      })),
      more,
    })
  } else {
    print(`${changed.length} ${done}${more ? '; there are more: --limit, or --all' : ''}`)
    for (const change of unchanged) print(`${change.id}  ${explainUnchanged(change)}`)
  }
  if (ids.length > 0 && unchanged.length > 0) {
    throw new Failure(`${unchanged.length} of ${changes.length} could not be changed`)
  }
}

/** Why a message was not changed, for people. */
export function explainUnchanged({ status, reason }: Change): string {
  const reasons = {
    unknown_id: 'the tenant has no such message',
    status: `is ${status}`,
    expired: `is ${status}, and the time until which it is valid has passed`,
    account_disabled: `is ${status}, and its account is disabled`,
  }
  return reason ? reasons[reason] : `is ${status}`
}
