import type { Logger } from 'pino'
import type { Sql } from '../../../db/connect.ts'
import { addDeliverJobs } from '../../../db/delivery/add-jobs.ts'
import { findDueAccounts, sweepOutbox } from '../../../db/delivery/sweep.ts'
import { type Service, startService } from '../service.ts'

export type Sweep = Service & {
  /** Runs the sweep in `ms`, when an account will be due. */
  expect(ms: number): void
}

/**
 * Adds a job for each account that is due: exactly on time where one is expected, every `everyMs` otherwise. Every third
 * time it also looks for messages whose account has no wake-up.
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
