import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { type Db, holdsSessions, type Sql } from '../connect.ts'
import type { EventType } from './types.ts'

export type LoggedEvent = {
  /** The cursor. */
  id: number
  event_id: string
  tenant_id: number
  /** A schema newer than this package may log types that are not listed here. */
  type: EventType
  /** By `eventTypes[type].payload`; the body as it stood. */
  payload: Record<string, unknown>
  created_at: Date
}

export type ListenOptions = {
  /** Events after this id: 0 for all that are kept. */
  after: number
  /** Only this tenant's. Default: of all that the role may see. */
  tenantId?: number
  /** Oldest first, 500 at most, each event once; the next call waits for this one. */
  onEvents: (events: LoggedEvent[]) => void | Promise<void>
  /** Wraps each read of the log, to run it as a tenant, say. Default: as the role of `sql`. */
  read?: (after: number) => Promise<LoggedEvent[]>
  /** The pool that LISTENs, where `sql` leads to a pooler that shares sessions. Default: `sql`. */
  listener?: Sql
  /** Stops listening; the promise then resolves. */
  signal: AbortSignal
  /** ms between polls of the log, which need no notification. Default 1,000. */
  lookEveryMs?: number
}

const channel = 'pigeonpost_events'
const maxBatch = 500
const notificationSchema = z.object({ id: z.int(), tenant_id: z.int() })

/**
 * Follows the log by cursor, without gaps and in order. A notification is a hint to read at once; the log is also polled
 * every second, so a lost notification or a broken LISTEN connection delays events and loses none.
 * @throws what `onEvents` throws, and the database's errors
 */
export async function listenEvents(sql: Sql, options: ListenOptions): Promise<void> {
  const { signal } = options
  const lookEveryMs = options.lookEveryMs ?? 1_000
  const read = options.read ?? ((after: number) => readEvents(sql, after, options.tenantId))
  let cursor = options.after
  let notifiedUpTo = 0
  let notified = Promise.withResolvers<void>()
  const wake = () => notified.resolve()
  if (signal.aborted) return
  signal.addEventListener('abort', wake)
  const hear = async (listener: Sql) =>
    listener.listen(
      channel,
      (payload) => {
        const heard = notificationSchema.safeParse(parse(payload))
        if (!heard.success) return
        const { id, tenant_id: tenantId } = heard.data
        if (options.tenantId !== undefined && tenantId !== options.tenantId) return
        notifiedUpTo = Math.max(notifiedUpTo, id)
        wake()
      },
      wake,
    )
  const listening = listen(options.listener ?? sql, hear)
  listening.catch(() => {})

  try {
    for (let misses = 0; !signal.aborted;) {
      notified = Promise.withResolvers<void>()
      const events = await read(cursor)
      const last = events.at(-1)
      if (last && !signal.aborted) {
        await options.onEvents(events)
        cursor = last.id
        misses = 0
      }
      if (events.length === maxBatch) continue
      // We were notified, but an older transaction with a lower id is still open: the event becomes readable in a moment.
      const pending = notifiedUpTo > cursor && misses < 30
      misses = pending ? misses + 1 : 0
      if (!pending) notifiedUpTo = cursor
      await wait(
        notified.promise,
        pending ? Math.min(50, 2 ** misses) : lookEveryMs,
        signal,
        pending,
      )
    }
  } finally {
    signal.removeEventListener('abort', wake)
    await listening.then(
      (request) => request?.unlisten(),
      () => {},
    )
  }
}

/** A pooler that shares sessions accepts LISTEN and forgets it; then there is polling alone. */
async function listen<T>(listener: Sql, hear: (listener: Sql) => Promise<T>): Promise<T | null> {
  return (await holdsSessions(listener)) ? hear(listener) : null
}

/** The settled events after a cursor, oldest first, 500 at most. */
export async function readEvents(
  sql: Db,
  after: number,
  tenantId?: number,
  limit = maxBatch,
): Promise<LoggedEvent[]> {
  return sql<LoggedEvent[]>`
    select id, event_id, tenant_id, type, payload, created_at
    from pigeonpost.read_events(nullif(${after}::bigint, 0), ${limit}, ${tenantId ?? null})`
}

async function wait(
  notified: Promise<void>,
  ms: number,
  signal: AbortSignal,
  fixed: boolean,
): Promise<void> {
  const timer = new AbortController()
  const late = delay(ms, undefined, { signal: AbortSignal.any([timer.signal, signal]) }).catch(
    () => {},
  )
  await (fixed ? late : Promise.race([notified, late]))
  timer.abort()
}

function parse(payload: string): unknown {
  try {
    return JSON.parse(payload)
  } catch {
    return null
  }
}
