import type { Command } from 'commander'
import { readStatus, type Status } from '../../db/status.ts'
import { withDatabase } from '../app/database.ts'
import { addHelp } from '../app/help.ts'
import { print, printJson, printTable } from '../app/output.ts'

export function addStatus(program: Command): void {
  const command = program
    .command('status')
    .summary('show what waits, was sent and failed')
    .description(
      'Show what waits, what was sent and what failed, in total and by account, and whether a worker runs.',
    )
    .option('--json', 'print it as JSON')
    .action(async (options: { json?: boolean }) => status(options))
  addHelp(command, {
    environment: ['DATABASE_URL', 'PIGEONPOST_DATA', 'LOG_LEVEL'],
    notes: [
      'Reads counts that the worker keeps, so it costs the same however much is stored; where no worker has run for',
      'long, it counts what has happened since.',
    ],
    examples: ['pigeonpost status', 'pigeonpost status --json | jq .messages.outbound.failed'],
  })
}

async function status(options: { json?: boolean }): Promise<void> {
  await withDatabase('status', async (sql) => {
    const found = await readStatus(sql)
    if (options.json) printJson(found)
    else show(found)
  })
}

function show(found: Status): void {
  const { relay } = found
  print(`PostgreSQL     ${found.serverVersion}`)
  print(`worker         ${relay.notifying ? 'runs' : 'none runs: nothing is delivered'}`)
  print(`log            ${relay.behind} events not handled, ${relay.unsettled} not readable yet`)
  print(`notify queue   ${Math.round(found.notifyQueueUsage * 100)} % full`)
  print(`inbox          ${found.inboxFailures} webhooks that could not be understood`)
  print(`files          ${files(found)}`)
  print()
  const { messages } = found
  printTable(['outbound', 'messages'], Object.entries(messages.outbound))
  print()
  printTable(
    ['of', 'messages', 'of', 'messages'],
    beside(Object.entries(messages.byDirection), Object.entries(messages.byType)),
  )
  print()
  print(`delivered      ${percent(messages.deliveryRate)} of what left or failed`)
  print(`read           ${percent(messages.readRate)} of what was delivered`)
  if (found.accounts.length === 0) return
  print()
  printTable(
    [
      'account',
      'tenant',
      'channel',
      'address',
      'status',
      'provider',
      'waiting',
      'oldest',
      'scheduled',
      'sending',
      'retrying',
      'completed',
      'failed',
      'unknown',
      'sent/min',
    ],
    found.accounts.map((account) => [
      account.accountId,
      account.tenantId,
      account.channel,
      account.address ?? '-',
      account.status,
      account.provider ?? 'none',
      account.waiting,
      account.oldestSeconds === null ? '-' : `${Math.round(account.oldestSeconds)} s`,
      account.scheduled,
      account.sending,
      account.retrying,
      account.completed,
      account.failed,
      account.unknown,
      account.sentPerMinute,
    ]),
  )
  for (const account of found.accounts) {
    if (account.statusReason === null) continue
    print(`account ${account.accountId} is ${account.status}: ${account.statusReason}`)
  }
  if (found.accountsLeftOut > 0) print(`and ${found.accountsLeftOut} accounts more`)
}

/** Pending tasks on files, and their age: shows a scanner or a storage that is down. */
function files({ mediaTasks }: Status): string {
  const words = { fetch: 'to be fetched', scan: 'to be scanned', delete: 'to be deleted' }
  const waiting = mediaTasks.filter(({ tasks }) => tasks > 0)
  if (waiting.length === 0) return 'none waits'
  return waiting
    .map(
      ({ kind, tasks, oldestSeconds: age }) => `${tasks} ${words[kind]} (for ${Math.round(age)} s)`,
    )
    .join(', ')
}

type Entry = [string, number]

/** Two lists as the columns of one table. */
function beside(left: Entry[], right: Entry[]): (string | number)[][] {
  return Array.from({ length: Math.max(left.length, right.length) }, (_, row) => [
    ...(left[row] ?? ['', '']),
    ...(right[row] ?? ['', '']),
  ])
}

function percent(rate: number | null): string {
  return rate === null ? 'none' : `${(100 * rate).toFixed(1)} %`
}
