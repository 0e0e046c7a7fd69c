import type { Command } from 'commander'
import { readStatus, type Status } from '../../db/status.ts'
import { withDatabase } from '../database.ts'
import { addHelp } from '../help.ts'
import { print, printJson, printTable } from '../output.ts'

export function addStatus(program: Command): void {
  const command = program
    .command('status')
    .summary('tell what waits, was sent and failed')
    .description('Tell what waits, what was sent and what failed, and whether a worker runs.')
    .option('--json', 'print it as JSON')
    .action(async (options: { json?: boolean }) => status(options))
  addHelp(command, {
    environment: ['DATABASE_URL', 'PIGEONPOST_DATA', 'LOG_LEVEL'],
    notes: ['Counts every outbound message: dear on a large database, not for polling.'],
    examples: ['pigeonpost status', 'pigeonpost status --json | jq .outbound.failed'],
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
  print(`worker         ${relay.ringing ? 'runs' : 'none runs: nothing is delivered'}`)
  print(`log            ${relay.behind} events not handled, ${relay.unsettled} not readable yet`)
  print(`notify queue   ${Math.round(found.notifyQueueUsage * 100)} % full`)
  print(`inbox          ${found.inboxFailures} webhooks that could not be understood`)
  print()
  printTable(['outbound', 'messages'], Object.entries(found.outbound))
  if (found.waiting.length === 0) return
  print()
  printTable(
    ['waiting', 'oldest', 'tenant', 'channel', 'address', 'status', 'provider', 'account'],
    found.waiting.map((account) => [
      account.waiting,
      account.oldestSeconds === null ? 'due later' : `${Math.round(account.oldestSeconds)} s`,
      account.tenantId,
      account.channel,
      account.address ?? '-',
      account.status,
      account.provider ?? 'none',
      account.accountId,
    ]),
  )
}
