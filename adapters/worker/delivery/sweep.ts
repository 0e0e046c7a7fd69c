import type { Logger } from 'pino'
import type { Sql } from '../../../db/connect.ts'
import { addDeliverJobs } from '../../../db/delivery/add-jobs.ts'
import { findDueAccounts, sweepOutbox } from '../../../db/delivery/sweep.ts'
import { within } from '../../shared/wait.ts'

export type Sweeper = {
  /** An account will be due in `ms`; the sweep is there then. */
  expect(ms: number): void
  stop(): Promise<void>
}

/**
 * Rings the doorbell of accounts that are due: at the exact moment where one is expected, every `everyMs` otherwise, and
 * looks every third time for messages that no wake-up stands for.
 */
export function startSweeper(options: { sql: Sql; logger: Logger; everyMs: number }): Sweeper {
  const { sql, logger, everyMs } = options
  const stopping = new AbortController()
  let nextAt = 0
  let changed = Promise.withResolvers<void>()

  async function sweep(): Promise<void> {
    for (let round = 0; !stopping.signal.aborted; round++) {
      nextAt = performance.now() + everyMs
      try {
        if (round % 3 === 0) await sweepOutbox(sql)
        const { due, nextInMs } = await findDueAccounts(sql)
        await addDeliverJobs(sql, due)
        if (nextInMs !== null) expect(nextInMs)
      } catch (error) {
        if (!stopping.signal.aborted) logger.warn({ err: error }, 'could not look for due accounts')
      }
      while (!stopping.signal.aborted && performance.now() < nextAt) {
        const { promise } = changed
        await within(promise, nextAt - performance.now(), stopping.signal)
      }
    }
  }

  function expect(ms: number): void {
    const at = performance.now() + Math.max(ms, 5)
    if (at >= nextAt) return
    nextAt = at
    changed.resolve()
    changed = Promise.withResolvers<void>()
  }

  const running = sweep()
  return {
    expect,
    async stop() {
      stopping.abort()
      await running
    },
  }
}
