import { begin } from '../../db/begin.ts'
import type { Command } from 'commander'
import { listAccounts } from '../../db/accounts/list.ts'
import type { Sql } from '../../db/connect.ts'
import { retryTransient } from '../../db/errors.ts'
import { listenEvents } from '../../db/events/listen.ts'
import { lastEventId } from '../../db/events/read-log.ts'
import { createMessage } from '../../db/messages/create.ts'
import { findMessage } from '../../db/messages/find.ts'
import type { AccountRow, MessageRow } from '../../db/rows.ts'
import { withDatabase } from '../app/database.ts'
import { Failure } from '../app/failure.ts'
import { addHelp } from '../app/help.ts'
import { tenantId, uuid, wholeNumber } from '../app/options.ts'
import { print, printJson } from '../app/output.ts'
import { listenForStop } from '../app/stop.ts'

type Options = {
  to: string
  body: string
  channel?: string
  account?: string
  tenant: number
  wait?: boolean
  timeout: number
  json?: boolean
}

export function addSend(program: Command): void {
  const command = program
    .command('send')
    .summary('queue a message')
    .description('Queue a message by inserting it; a running worker (or "start") delivers it.')
    .requiredOption(
      '--to <address>',
      'the recipient: phone number (+27831234567), mail address, user id',
    )
    .requiredOption('--body <text>', 'text of the message')
    .option(
      '--channel <name>',
      'by its default account; may be left out where there is one account',
    )
    .option('--account <id>', 'the account to send from', uuid)
    .option('--tenant <id>', 'the tenant', tenantId, 1)
    .option('--wait', 'follow its status until it is read, failed, canceled or unknown')
    .option('--timeout <seconds>', 'how long --wait waits', wholeNumber(1, 86_400), 60)
    .option('--json', 'print the message as JSON')
    .action(async (options: Options) => send(options))
  addHelp(command, {
    environment: ['DATABASE_URL', 'PIGEONPOST_DATA', 'LOG_LEVEL'],
    notes: [
      'With --wait, exit code 0 means that it is at least sent, 1 that it failed, was canceled, is of',
      'unknown outcome, or was not sent in time (it stays queued).',
    ],
    examples: [
      `pigeonpost send --to +27831234567 --body 'Hello'`,
      `pigeonpost send --channel fakechat --to +27831234567 --body 'Hello #reply' --wait`,
    ],
  })
}

async function send(options: Options): Promise<void> {
  await withDatabase('send', async (sql) => {
    const account = choose(await listAccounts(sql, options.tenant), options)
    const after = await lastEventId(sql)
    const queued = await insert(sql, account, options)
    if (!options.json) print(`${queued.id}  ${queued.state}`)
    const message = options.wait ? await follow(sql, queued, { ...options, after }) : queued
    if (options.json) {
      const { id, number, state: status, address, channel, error_code, error_message } = message
      printJson({ id, number, status, address, channel, error_code, error_message })
    }
    if (options.wait) judge(message, options.timeout)
  })
}

function choose(accounts: AccountRow[], options: Options): AccountRow {
  const tenant = `tenant ${options.tenant}`
  const channels = [...new Set(accounts.map((account) => account.channel))].join(', ')
  if (options.account) {
    const account = accounts.find(({ id }) => id === options.account)
    if (!account) throw new Failure(`--account: ${tenant} has no account ${options.account}`)
    if (!options.channel || options.channel === account.channel) return account
    throw new Failure(
      `--channel: account ${account.id} serves ${account.channel}, not ${options.channel}; leave --channel out`,
    )
  }
  if (accounts.length === 0) {
    throw new Failure(`--tenant: ${tenant} has no account to send from`)
  }
  const [first, second] = options.channel
    ? accounts.filter(({ channel }) => channel === options.channel).slice(0, 1)
    : accounts
  if (first && !second) return first
  throw new Failure(
    first
      ? `--channel: ${tenant} has ${accounts.length} accounts; name a channel (${channels}), or one by --account`
      : `--channel: ${tenant} has no account of "${options.channel}"; it has ${channels}`,
  )
}

async function insert(sql: Sql, account: AccountRow, options: Options): Promise<MessageRow> {
  const { phoneChannels, toE164 } = await import('../../adapters/channels/shared/phone.ts')
  const phone = phoneChannels.has(account.channel) && !options.to.includes('@')
  const address = phone ? toE164(options.to) : options.to
  if (address === null) {
    throw new Failure(
      `--to: ${JSON.stringify(options.to)} is no phone number; give it in E.164 format, as +27831234567`,
    )
  }
  return retryTransient(async () =>
    begin(sql, async (tx) =>
      createMessage(tx, {
        tenantId: options.tenant,
        accountId: account.id,
        channel: account.channel,
        address,
        contentType: 'text',
        body: options.body,
        mediaUrl: null,
        mediaId: null,
        metadata: {},
        scheduledFor: null,
        createdBy: null,
        idempotencyKey: null,
      }),
    ),
  )
}

const ends = new Set(['read', 'failed', 'canceled', 'unknown'])

/** Prints each change of its status, until a final one, the timeout or Ctrl-C. */
async function follow(
  sql: Sql,
  queued: MessageRow,
  options: Options & { after: number },
): Promise<MessageRow> {
  const done = new AbortController()
  const stop = listenForStop()
  const signal = AbortSignal.any([
    done.signal,
    stop.signal,
    AbortSignal.timeout(options.timeout * 1000),
  ])
  await listenEvents(sql, {
    after: options.after,
    signal,
    onEvents: (events) => {
      for (const { type, payload } of events) {
        if (type !== 'message.status' || payload['message_id'] !== queued.id) continue
        const status = String(payload['status'])
        if (!options.json) print(`${queued.id}  ${status}`)
        if (ends.has(status)) done.abort()
      }
    },
  })
  return (await findMessage(sql, options.tenant, queued.id)) ?? queued
}

function judge(message: MessageRow, seconds: number): void {
  if (['sent', 'delivered', 'read'].includes(message.status)) return
  if (!ends.has(message.status)) {
    throw new Failure(
      `the message is still ${message.state} after ${seconds} s and stays in the queue; does a worker run ("pigeonpost status" tells)?`,
    )
  }
  const reason = [message.error_code, message.error_message].filter(Boolean).join(': ')
  throw new Failure(`the message ended as ${message.status}${reason ? ` (${reason})` : ''}`)
}
