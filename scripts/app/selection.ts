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

/** The options by which a command on many messages says which. */
export function addSelection(command: Command, statuses: MessageState[]): Command {
  return command
    .addOption(new Option('--status <status...>', 'those in this status').choices(statuses))
    .option('--channel <name>', 'of this channel')
    .option('--account <id>', 'of this account', uuid)
    .option('--campaign <id>', 'of this campaign')
    .option('--error-code <code>', 'with this error')
    .option(
      '--since <time>',
      'that failed, or were stored, since: ISO 8601 or so long ago (24h)',
      time,
    )
    .option('--until <time>', 'that failed, or were stored, before', time)
    .option('--limit <n>', 'at most so many, the oldest first', wholeNumber(1, 1_000_000), 1_000)
    .option('--all', 'all that there are, without a limit')
    .option('--dry-run', 'tell which they are, and change nothing')
    .option('--tenant <id>', 'whose they are', tenantId, 1)
    .option('--json', 'print the result as JSON')
}

export type Work = {
  sql: Sql
  /** Those that are meant by name; with none, the options say which. */
  ids: string[]
  options: SelectionOptions
  /** What the filter looks through. */
  statuses: MessageState[]
  change: (sql: Sql, options: ChangeOptions) => Promise<Change[]>
  /** For people: `queued again`. */
  done: string
}

const batchSize = 1_000

/**
 * Changes the messages that are named or meant, in batches of 1,000 that are a statement each, and prints what became of
 * them. Those that a filter meant and that have moved on meanwhile are told of, and no failure.
 * @throws {Failure} with exit code 1 where one that was named could not be changed, 2 where nothing says which are meant
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

/** A command that names no message has to say which it means. */
export function checkSelection(ids: string[], options: SelectionOptions): void {
  const { status, channel, account, campaign, errorCode, since, until, all } = options
  const given = [status, channel, account, campaign, errorCode, since, until, all]
  const filters = given.some((value) => value !== undefined)
  if (ids.length > 0 && (filters || options.dryRun)) {
    throw new Failure('give ids, or say which are meant by options, not both', { exitCode: 2 })
  }
  if (ids.length === 0 && !filters) {
    throw new Failure('give ids, or say which are meant: --status, --account, … or --all', {
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
