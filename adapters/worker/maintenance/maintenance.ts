import type { Logger } from 'pino'
import type { Sql } from '../../../db/connect.ts'
import { foldCounters, settleEvents } from '../../../db/events/fold.ts'
import { lastEventId } from '../../../db/events/read-log.ts'
import { retainLog } from '../../../db/events/retain.ts'
import { forgetRequests } from '../../../db/requests/forget.ts'
import { waitFor } from '../../shared/wait.ts'

export type Upkeep = { stop(): Promise<void> }

const never = new Promise<void>(() => {})
const hourMs = 3_600_000
/** So many events in a fold mean that writers are busy; then so many ms go by before the next. */
const busyFold = 100
const busyMs = 500

/**
 * What the database needs done beside the insert path: counters folded from the log, a moment behind it,
 * the log's next partitions made, those dropped that it keeps no longer, and the answers to POSTs forgotten that are
 * older than a day. Every worker may do it; they take turns by the locks of what they call.
 */
export function startUpkeep(options: { sql: Sql; logger: Logger; everyMs?: number }): Upkeep {
  const { sql, logger } = options
  const everyMs = options.everyMs ?? 50
  const stopping = new AbortController()

  /** A login that is no owner may fold and not drop: then the owner's worker, or the operator, has to. */
  async function retain(): Promise<void> {
    try {
      const { dropped } = await retainLog(sql)
      if (dropped.length > 0) logger.info({ dropped }, 'dropped what the log keeps no longer')
    } catch (error) {
      logger.warn({ err: error }, 'could not look after the partitions of the log')
    }
  }

  async function forget(): Promise<void> {
    try {
      const forgotten = await forgetRequests(sql)
      if (forgotten > 0) logger.info({ forgotten }, 'forgot answers that are older than a day')
    } catch (error) {
      logger.warn({ err: error }, 'could not forget answers that are older than a day')
    }
  }

  async function run(): Promise<void> {
    let seen = -1
    let retainAt = 0
    let failures = 0
    let pauseMs = everyMs
    while (!stopping.signal.aborted) {
      try {
        if (performance.now() >= retainAt) {
          retainAt = performance.now() + hourMs
          await retain()
          await forget()
        }
        // Looking at the sequence is nearly free; folding takes a lock.
        const last = await lastEventId(sql)
        if (last !== seen) {
          const started = performance.now()
          const folded = await foldCounters(sql)
          // Busy writers are left in peace: what is written to one conversation meanwhile is folded by one update. With many
          // tenants a look at each of them takes long; it may take a tenth of the time.
          const tookMs = performance.now() - started
          pauseMs = Math.min(1_000, Math.max(folded >= busyFold ? busyMs : everyMs, 10 * tookMs))
          if (folded === 0 && (await settleEvents(sql)) >= last) seen = last
        }
        failures = 0
      } catch (error) {
        if (stopping.signal.aborted) return
        failures += 1
        logger.warn({ err: error }, 'could not fold counters; trying again')
      }
      await waitFor(never, Math.min(10_000, pauseMs * 2 ** failures), stopping.signal)
    }
  }

  const running = run()
  return {
    async stop() {
      stopping.abort()
      await running
    },
  }
}
