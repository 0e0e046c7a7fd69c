import type { Command } from 'commander'
import { listenEvents, type LoggedEvent } from '../../db/events/listen.ts'
import { lastEventId } from '../../db/events/read-log.ts'
import { withDatabase } from '../app/database.ts'
import { addHelp } from '../app/help.ts'
import { collect, tenantId, wholeNumber } from '../app/options.ts'
import { onReaderGone, print, printJson } from '../app/output.ts'
import { listenForStop } from '../app/stop.ts'

type Options = {
  after?: number
  type?: string[]
  tenant?: number
  limit?: number
  bodies?: boolean
  json?: boolean
}

export function addTail(program: Command): void {
  const command = program
    .command('tail')
    .summary('print events as they happen')
    .description('Print events as they happen, one line each, until Ctrl-C. Bodies are left out.')
    .option(
      '--after <id>',
      'start after this event id; 0: from the oldest',
      wholeNumber(0, 2 ** 53 - 1),
    )
    .option(
      '--type <type>',
      'only this type, or all with this prefix (message.*); repeatable',
      collect,
    )
    .option('--tenant <id>', 'only this tenant', tenantId)
    .option('--limit <n>', 'stop after this many events', wholeNumber(1, 2 ** 31 - 1))
    .option('--bodies', "print messages' bodies, too")
    .option('--json', 'print JSON Lines')
    .action(async (options: Options) => tail(options))
  addHelp(command, {
    environment: ['DATABASE_URL', 'PIGEONPOST_DATA', 'LOG_LEVEL'],
    examples: [
      'pigeonpost tail',
      'pigeonpost tail --after 0 --type message.inbound.created --type message.status',
      `pigeonpost tail --json --type 'message.*' | jq .payload.message_id`,
    ],
  })
}

async function tail(options: Options): Promise<void> {
  const stop = listenForStop()
  onReaderGone(stop.request)
  const wanted = createFilter(options)
  await withDatabase('tail', async (sql) => {
    let left = options.limit ?? Infinity
    await listenEvents(sql, {
      after: options.after ?? (await lastEventId(sql)),
      signal: stop.signal,
      onEvents: (events) => {
        for (const event of events.filter(wanted)) {
          if (left <= 0 || stop.signal.aborted) return
          show(event, options)
          left -= 1
          if (left === 0) stop.request()
        }
      },
    })
  })
}

function createFilter(options: Options): (event: LoggedEvent) => boolean {
  const types = options.type ?? ['*']
  return (event) =>
    (options.tenant === undefined || event.tenant_id === options.tenant) &&
    types.some((type) =>
      type.endsWith('*') ? event.type.startsWith(type.slice(0, -1)) : event.type === type,
    )
}

/** Fields that the line shows already, or that only `--bodies` shows. */
const leftOut = new Set(['event_id', 'timestamp', 'body', 'status', 'previous_status'])

function show(event: LoggedEvent, options: Options): void {
  const { body, ...rest } = event.payload
  const payload = options.bodies ? event.payload : rest
  if (options.json) {
    printJson({ ...event, payload })
    return
  }
  const change = [rest['previous_status'], rest['status']].filter(Boolean).join(' → ')
  const parts = [
    event.created_at.toISOString(),
    `#${event.id}`,
    event.type,
    ...(change ? [change] : []),
    ...Object.entries(rest)
      .filter(([name]) => !leftOut.has(name))
      .map(([name, value]) => `${name}=${plain(value)}`),
    ...(options.bodies && 'body' in event.payload ? [`body=${quote(body)}`] : []),
  ]
  print(parts.join(' '))
}

/** Plain if it is one word, else JSON, so that a value can neither break the line nor control the terminal. */
function plain(value: unknown): string {
  return typeof value === 'string' && /^[\w.:@+-]+$/.test(value) ? value : quote(value)
}

function quote(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
