import type { Logger } from 'pino'
import type { Sql } from '../../../db/connect.ts'
import { foldCounters, settleEvents } from '../../../db/events/fold.ts'
import { lastEventId } from '../../../db/events/read-log.ts'
import { retainLog } from '../../../db/events/retain.ts'
import { prune, type Pruned, sumPruned } from '../../../db/retention/prune.ts'
import { type Service, startService } from '../service.ts'

const hourMs = 3_600_000
/** From this many events in a fold, writers count as busy, and the next fold waits this many ms. */
const busyFold = 100
const busyMs = 500

/**
 * Maintains the database outside the insert path: folds counters from the log, a moment behind it; every hour creates the
 * log's next partitions, drops those past their retention, and deletes what else is past its own (webhooks, attempts,
 * statuses, parked updates, stored responses), a batch between two folds. Any number of workers may run it; the locks of what it calls make them take turns.
 */
export function startMaintenance(options: { sql: Sql; logger: Logger; everyMs?: number }): Service {
  const { sql, logger, everyMs = 50 } = options
  let seen = -1
  let retainAt = 0
  let pauseMs = everyMs
  let pruning: { batches: AsyncGenerator<Pruned[], void>; found: Pruned[] } | null = null

  /** A login that does not own the tables can fold but not drop partitions: the owner's worker, or the operator, has to. */
  async function retain(): Promise<void> {
    try {
      const { dropped } = await retainLog(sql)
      if (dropped.length > 0)
        logger.info({ dropped }, 'dropped partitions of the log past their retention')
    } catch (error) {
      logger.warn({ err: error }, 'could not maintain the partitions of the log')
    }
  }

  /** One batch, so that folding does not wait for a table that has grown for years. */
  async function pruneSome(): Promise<void> {
    if (!pruning) return
    try {
      const { done, value } = await pruning.batches.next()
      if (!done) {
        pruning.found.push(...value.filter(({ pruned }) => pruned > 0))
        return
      }
      const pruned = sumPruned(pruning.found)
      if (pruned.length > 0) logger.info({ pruned }, 'deleted what was past its retention')
    } catch (error) {
      logger.warn({ err: error }, 'could not delete what is past its retention')
    }
    pruning = null
  }

  async function step(): Promise<number> {
    if (performance.now() >= retainAt) {
      retainAt = performance.now() + hourMs
      await retain()
      pruning ??= { batches: prune(sql), found: [] }
    }
    await pruneSome()
    // Reading the sequence is nearly free; folding takes a lock.
    const last = await lastEventId(sql)
    if (last === seen) return pauseMs
    const started = performance.now()
    const folded = await foldCounters(sql)
    // Do not slow busy writers: what is written to one conversation meanwhile is folded by one update. With many
    // tenants a fold takes long; the pause keeps it to a tenth of the time.
    const tookMs = performance.now() - started
    pauseMs = Math.min(1_000, Math.max(folded >= busyFold ? busyMs : everyMs, 10 * tookMs))
    if (folded === 0 && (await settleEvents(sql)) >= last) seen = last
    return pauseMs
  }

  return startService({
    name: 'maintenance',
    logger,
    intervalMs: everyMs,
    maxBackoffMs: 10_000,
    failure: 'could not fold counters; trying again',
    step,
  })
}
