import type { Logger } from 'pino'
import type { Sql } from '../../../db/connect.ts'
import { addDeliverJobs } from '../../../db/delivery/add-jobs.ts'
import { findDueAccounts, sweepOutbox } from '../../../db/delivery/sweep.ts'
import { type Service, startService } from '../service.ts'

export type Sweep = Service & {
  /** An account will be due in `ms`; the sweep runs then. */
  expect(ms: number): void
}

/**
 * Adds a job for each account that is due: at the exact moment where one is expected, every `everyMs` otherwise. Every
 * third time it also looks for messages that no wake-up stands for.
 */
export function startSweep(options: { sql: Sql; logger: Logger; everyMs: number }): Sweep {
  const { sql, logger, everyMs } = options
  let round = 0
  const service = startService({
    name: 'sweep',
    logger,
    intervalMs: everyMs,
    failure: 'could not look for due accounts',
    async step() {
      if (round++ % 3 === 0) await sweepOutbox(sql)
      const { due, nextInMs } = await findDueAccounts(sql)
      await addDeliverJobs(sql, due)
      if (nextInMs !== null) expect(nextInMs)
    },
  })
  const expect = (ms: number) => service.wake(Math.max(ms, 5))
  return { ...service, expect }
}
