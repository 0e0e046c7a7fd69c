import type postgres from 'postgres'
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { pino } from 'pino'
import type { Test } from 'tap'
import type {
  OutboundMessage,
  Provider,
  SendContext,
  SendOutcome,
} from '../../../../adapters/channels/channel.ts'
import { createBreakers } from '../../../../adapters/worker/delivery/breakers.ts'
import { type DeliverContext, deliverTurn } from '../../../../adapters/worker/delivery/deliver.ts'
import type { OutboundFiles } from '../../../../adapters/media/outbound.ts'
import { createInFlight, type InFlight } from '../../../../adapters/worker/delivery/in-flight.ts'
import { createBatchSizer } from '../../../../adapters/worker/delivery/batch-size.ts'
import { connect, type Sql } from '../../../../db/connect.ts'
import type { Target } from '../../../../db/delivery/lease.ts'
import { wakeAccount } from '../../../../db/delivery/wake.ts'
import { testDatabase } from '../../../support/database.ts'
import { reach } from '../../../support/pooler.ts'

export const silent = pino({ level: 'silent' })

/** A database with our own pool, where bigint is a number. */
export async function deliveryDatabase(t: Test): Promise<{ url: string; sql: Sql }> {
  const { url } = await testDatabase(t)
  return { url, sql: pool(t, url) }
}

export function pool(t: Test, url: string): Sql {
  const sql = connect(reach(url).url, { max: 8, silenceMs: null })
  t.teardown(async () => sql.end({ timeout: 1 }))
  return sql
}

/** A provider that answers by script, and remembers what it was asked in which order. */
export type Scripted = Provider & { requests: OutboundMessage[] }

export function scripted(
  answer?: (message: OutboundMessage, context: SendContext) => Promise<SendOutcome> | SendOutcome,
  options: { takesIdempotencyKey?: boolean } = {},
): Scripted {
  const requests: OutboundMessage[] = []
  return {
    name: 'scripted',
    channels: ['whatsapp'],
    requests,
    takesIdempotencyKey: () => options.takesIdempotencyKey ?? false,
    async send(message, context) {
      requests.push(message)
      return answer ? answer(message, context) : sent()
    },
  }
}

export function sent(externalMessageId: string = randomUUID()): SendOutcome {
  return { outcome: 'sent', externalMessageId }
}

export function notSent(retryable: boolean, retryAfterMs?: number): SendOutcome {
  return {
    outcome: 'not_sent',
    retryable,
    errorCode: '500',
    errorMessage: 'no',
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  }
}

/** An account of tenant 1 that nothing limits. */
export async function addAccount(sql: Sql, provider: string | null = 'scripted'): Promise<Target> {
  const [row] = await sql<Target[]>`
    insert into pigeonpost.accounts (tenant_id, channel, address, provider, rate_per_minute, daily_limit)
    values (1, 'whatsapp', ${`+1555${String(Math.random()).slice(2, 9)}`}, ${provider}, null, null)
    returning tenant_id as "tenantId", id as "accountId"`
  if (!row) throw new Error('no account')
  return row
}

/** Queues outbound messages, one per body, and makes the account due. */
export async function queue(
  sql: Sql,
  target: Target,
  bodies: string[],
  more: { priority?: number; validUntil?: Date; scheduledFor?: Date } = {},
): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    insert into pigeonpost.messages (tenant_id, account_id, channel, direction, address, body, priority, valid_until,
      scheduled_for)
    select ${target.tenantId}::integer, ${target.accountId}::uuid, 'whatsapp', 'outbound',
      '+1777' || lpad((b.n % 50)::text, 7, '0'), b.body, ${more.priority ?? 0}::smallint,
      ${more.validUntil ?? null}::timestamptz, ${more.scheduledFor ?? null}::timestamptz
    from unnest(${bodies}::text[]) with ordinality b (body, n) order by b.n
    returning id`
  await wakeAccount(sql, target, 0)
  return rows.map((row) => row.id)
}

export function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `message ${index}`)
}

export type MessageRow = {
  id: string
  body: string
  status: string
  attempts: number
  /** While it is in the outbox. */
  attempt_id: string | null
  external_message_id: string | null
  error_code: string | null
  next_attempt_at: Date | null
  sent_at: Date | null
}

export async function readMessages(sql: Sql): Promise<MessageRow[]> {
  return sql<MessageRow[]>`
    select m.id, m.body, m.state as status, m.attempts, o.attempt_id, m.external_message_id, m.error_code, m.next_attempt_at, m.sent_at
    from pigeonpost.messages_with_state m left join pigeonpost.outbox o on o.message_id = m.id
    where m.direction = 'outbound' order by m.number`
}

export async function readMessage(sql: Sql): Promise<MessageRow> {
  const [message] = await readMessages(sql)
  if (!message) throw new Error('no message')
  return message
}

export async function readAttempts(sql: Sql): Promise<Record<string, unknown>[]> {
  return sql`
    select message_id, attempt, provider, outcome, error_code, external_message_id
    from pigeonpost.delivery_attempts order by started_at, attempt`
}

/**
 * Whether `ms` is what is left of a time that began between this call and the next: of `least` to `most` ms, less what the
 * test itself has taken since.
 */
export function countdown(): (ms: number | null, least: number, most?: number) => boolean {
  const started = performance.now()
  return (ms, least, most = least) => {
    const taken = performance.now() - started
    return ms !== null && ms <= most && ms > least - taken - 10
  }
}

/**
 * A turn of a worker, and the recording of what it sent: a turn that a provider's answer cuts short returns before its
 * outcomes are in the database. A test that gives `lingerMs` or stops the worker wants to see what is under way, and gets
 * the turn alone.
 */
export async function takeTurn(context: DeliverContext, target: Target) {
  const turn = await deliverTurn(context, target)
  const inFlight = context.inFlightOf(target)
  if (context.lingerMs !== recordedAll || context.stopping.aborted) return turn
  while (inFlight.open + inFlight.unrecorded > 0) await inFlight.change()
  return turn
}

const recordedAll = 60_000

/**
 * What a worker gives its turns; `stop` and `hardStop` are the test's to abort. Unless a test says otherwise, a turn ends
 * when all is sent and recorded, however long that takes on a busy machine: one that has a request hang gives `lingerMs`.
 */
export function turnContext(
  t: Test,
  sql: Sql,
  provider: Provider,
  options: Partial<Pick<DeliverContext, 'leaseMs' | 'turnMs' | 'lingerMs' | 'batchSizer'>> & {
    files?: OutboundFiles
  } = {},
): DeliverContext & { stop: AbortController; hard: AbortController } {
  const stop = new AbortController()
  const hard = new AbortController()
  const flying = new Map<string, InFlight>()
  const batchSizer = options.batchSizer ?? createBatchSizer()
  const breakers = createBreakers(sql, silent)
  t.teardown(() => {
    stop.abort()
    hard.abort()
  })
  return {
    sql,
    logger: silent,
    providers: new Map([[provider.name, provider]]),
    batchSizer,
    breakers,
    leaseMs: options.leaseMs ?? 30_000,
    turnMs: options.turnMs ?? 60_000,
    lingerMs: options.lingerMs ?? recordedAll,
    stop,
    hard,
    stopping: stop.signal,
    hardStop: hard.signal,
    takesFiles: options.files !== undefined,
    inFlightOf(target) {
      const known = flying.get(target.accountId)
      if (known) return known
      const inFlight = createInFlight(target, {
        sql,
        logger: silent,
        batchSizer,
        breakers,
        publicUrl: null,
        files: options.files ?? null,
        hardStop: hard.signal,
        onRetry: () => {},
      })
      flying.set(target.accountId, inFlight)
      return inFlight
    },
  }
}

export type Bell = { id: number; type: string; backend: number }

/** Hears every bell, and which backend rang it. */
export async function hearBells(t: Test, url: string): Promise<Bell[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  t.teardown(async () => client.end().catch(() => {}))
  const bells: Bell[] = []
  client.on('notification', ({ payload, processId }) => {
    const { id, type } = JSON.parse(payload ?? '{}') as { id: number; type: string }
    bells.push({ id, type, backend: processId })
  })
  await client.query('listen pigeonpost_events')
  return bells
}

let inserted = 0

/** One inbound message, which makes an event and wakes nobody. */
export async function insertInbound(sql: Pick<Sql, 'unsafe'>): Promise<void> {
  inserted += 1
  await sql.unsafe(
    `insert into pigeonpost.messages (tenant_id, channel, direction, address, external_message_id, body)
    values (1, 'whatsapp', 'inbound', $1, $2, 'hello')`,
    [`+2783${String(1_000_000 + (inserted % 40))}`, `in-${inserted}`],
  )
}

export async function eventIds(sql: Sql, after = 0): Promise<number[]> {
  const rows = await sql<{ id: number }[]>`
    select id from pigeonpost.event_log where id > ${after} order by id`
  return rows.map((row) => row.id)
}

/**
 * A connection of one's own, until `release()`. postgres.js (3.4.9) never answers a reservation that has to open the
 * connection where it fetches no types, so one is opened first.
 */
export async function reserve(sql: Sql): Promise<postgres.ReservedSql<{ bigint: number }>> {
  await sql`select`
  return sql.reserve()
}
