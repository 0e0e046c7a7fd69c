import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { connect, type Sql } from '../../../db/connect.ts'
import { notifyLockIsHeld, notifyLockKeys } from '../../../db/events/notify-lock.ts'
import {
  lastEventId,
  type LogBatch,
  type LogState,
  readLog,
  type Woken,
} from '../../../db/events/read-log.ts'
import { askForNotifyLock, type NotifyLock } from './notify-lock.ts'
import { pause, withTimeout } from '../../shared/wait.ts'
import { type Service, startService } from '../service.ts'

export type Relay = Service & {
  /** Whether it notifies instead of the triggers. */
  readonly notifying: boolean
  /** Releases the lock, notifies of what no trigger did, and ends. Takes 3 s at most, whatever the database does. */
  stop(): Promise<void>
}

export type RelayOptions = {
  url: string
  /** For the notify lock, which needs a session of its own. Default: `url`. */
  directUrl?: string
  logger: Logger
  /** Called after the commit that made these accounts due. Errors are logged; the wake-ups are in the table anyway. */
  onWoken: (woken: Woken[]) => Promise<void>
  /** ms between polls of the log while it is idle: a notification is delayed by half of it on average. */
  idleMs?: number
  /** ms after which the server takes the notify lock from a relay that hangs. */
  keyIdleMs?: number
}

const everything = Number.MAX_SAFE_INTEGER
/** ms between two saves of the cursors while there is something to read. */
const saveEveryMs = 500

/**
 * A batch of this many events means that writers are busy; then the next batch waits this many ms. A batch costs writers as
 * much with 30 events as with 300, and polling every 4 ms took a seventh of 8 writers' inserts.
 */
const busyRead = 10
const busyMs = 25

/**
 * Starts the relay: it follows the log, notifies of its events in batches, and wakes accounts that have something to send.
 * Any number may run; one leads, the others wait for the notify lock and take over when its holder's session ends. It
 * survives every loss of its connections.
 *
 * It polls the log's sequence, one cheap query, every `idleMs`; reads a batch when that has advanced; and polls again, with
 * growing pauses, while there are ids that have not committed.
 */
export function startRelay(options: RelayOptions): Relay {
  const { logger } = options
  const idleMs = options.idleMs ?? 8
  const stopping = new AbortController()
  const sql = connect(options.url, { max: 2, name: 'pigeonpost relay' })

  let key: NotifyLock | null = null
  let keyAskAt = 0
  let pingedAt = 0
  let state: LogState | null = null
  /** All tenants' logs are read and settled up to here. */
  let cursor = 0
  let savedAt = 0
  let lastRead = 0
  /** We notify of events up to here; null while the triggers do. */
  let notifyUpTo: number | null = null
  /** A hole that stays open makes reading the holes more expensive; then not every batch reads them. */
  let holesAt = 0

  async function step(): Promise<LogBatch | null> {
    const started = performance.now()
    const skipHoles = started < holesAt
    // A successor that starts from an old saved cursor notifies twice; saving every time would cost more than reading.
    const saveCursors = started - savedAt > saveEveryMs || lastRead === 0
    const batch = await readLog(sql, state, { notifyUpTo, skipHoles, saveCursors })
    if (!batch) return null
    lastRead = batch.read
    if (saveCursors) savedAt = started
    state = batch.state
    cursor = batch.cursor
    if (!skipHoles && [...state.positions.values()].some(({ holes }) => holes.length > 0)) {
      const now = performance.now()
      holesAt = now + 4 * (now - started)
    }
    if (notifyUpTo !== null && notifyUpTo < everything && cursor >= notifyUpTo) notifyUpTo = null
    if (batch.woken.length > 0) {
      await options.onWoken(batch.woken).catch((error: unknown) => {
        logger.warn({ err: error }, 'could not add jobs; the sweep finds the accounts')
      })
    }
    return batch
  }

  /** Reads what the triggers notified of, then requests the lock; or waits behind the relay that holds it. */
  async function askForKey(): Promise<void> {
    const taken = await notifyLockIsHeld(sql)
    key = await askForNotifyLock(options.directUrl ?? options.url, {
      logger,
      keys: await notifyLockKeys(sql),
      async drain() {
        if (taken) return
        let batch: LogBatch | null
        do batch = await step()
        while (batch?.more && !stopping.signal.aborted)
      },
      ...(options.keyIdleMs === undefined ? {} : { idleMs: options.keyIdleMs }),
    })
    if (!key) {
      keyAskAt = performance.now() + 60_000
      logger.warn('the relay reaches the database through a pooler: each writer notifies by itself')
      return
    }
    if (taken) await standBy(key)
    if (stopping.signal.aborted) return
    // Events that may have been notified of are notified of again, rather than not at all.
    notifyUpTo = everything
    pingedAt = performance.now()
  }

  /** While another relay holds the lock, we wait in its queue. */
  async function standBy(mine: NotifyLock): Promise<void> {
    logger.debug('another relay holds the notify lock; waiting')
    while (mine.state === 'asked' && !stopping.signal.aborted) {
      await Promise.race([mine.changed(), pause(1_000, stopping.signal)])
      if (mine.state === 'asked' && !(await notifyLockIsHeld(sql))) break
    }
    state = null
  }

  async function keepKey(): Promise<void> {
    const now = performance.now()
    if (key?.state === 'gone') {
      key = null
      keyAskAt = now + 250
      // Triggers notify again; the events that they did not notify of have ids drawn before now.
      notifyUpTo = await lastEventId(sql)
      logger.info('lost the notify lock; asking again')
    } else if (!key && now >= keyAskAt) {
      await askForKey()
    } else if (key && now - pingedAt > 1_000) {
      pingedAt = now
      // Part of the loop on purpose: a relay that no longer reads loses the lock.
      await key.ping().catch((error: unknown) => {
        logger.warn({ err: error }, 'lost the notify lock')
        const lost = key
        key = null
        notifyUpTo = everything
        return lost?.release()
      })
    }
  }

  async function follow(works: () => void): Promise<void> {
    let last = -1
    let quiet = 0
    let analyzeFile = 0
    while (!stopping.signal.aborted) {
      await keepKey()
      if (!key && (await notifyLockIsHeld(sql))) {
        // The lock's holder notifies for all, from the cursor on, so only the holder moves it.
        state = null
        notifyUpTo = null
        await pause(100, stopping.signal)
        continue
      }
      const now = await lastEventId(sql)
      works()
      const moved = now !== last
      if (moved) {
        quiet = 0
        last = now
      }
      // The cursor is saved when nothing is read any more, so that a successor does not notify twice.
      const open = state === null || cursor < now || state.unsaved.size > 0
      let pauseMs = open ? Math.min(idleMs, 4) : idleMs
      if (moved || (open && performance.now() >= analyzeFile)) {
        const batch = await step()
        if (batch?.more) continue
        quiet = batch && batch.read > 0 ? 0 : quiet + 1
        analyzeFile = performance.now() + Math.min(50, 2 ** Math.min(quiet, 6))
        if (batch && batch.read >= busyRead) pauseMs = busyMs
      }
      await pause(pauseMs, stopping.signal)
    }
  }

  async function finish(): Promise<void> {
    const deadline = performance.now() + 1_000
    const hadNotified = notifyUpTo !== null
    await key?.release()
    if (!hadNotified) return
    const upTo = await lastEventId(sql)
    notifyUpTo = upTo
    while (performance.now() < deadline) {
      const batch = await readLog(sql, state, { notifyUpTo, saveCursors: true })
      if (!batch) return
      state = batch.state
      if (batch.cursor >= upTo) return
      if (!batch.more) await delay(5)
    }
  }

  const service = startService({
    name: 'relay',
    logger,
    intervalMs: 50,
    maxBackoffMs: 5_000,
    failure: 'the relay lost the database; starting over',
    async step(_, works) {
      state = null
      await follow(works)
    },
  })
  let stopped: Promise<void> | null = null
  return {
    ...service,
    get notifying() {
      return key?.state === 'held' && notifyUpTo === everything
    },
    stop() {
      stopped ??= (async () => {
        stopping.abort()
        await withTimeout(1_000, service.stop())
        await withTimeout(
          1_500,
          finish().catch((error: unknown) => {
            logger.warn({ err: error }, 'the relay could not notify before it ended')
          }),
        )
        await endSoon(sql)
      })()
      return stopped
    },
  }
}

async function endSoon(sql: Sql): Promise<void> {
  await sql.end({ timeout: 0.3 })
}
