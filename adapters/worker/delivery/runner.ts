import { run, type Runner } from 'graphile-worker'
import type { Logger } from 'pino'
import pg from 'pg'
import { z } from 'zod'
import { deliverTask } from '../../../db/delivery/add-jobs.ts'
import type { Target } from '../../../db/delivery/lease.ts'
import { graphileLogger } from './graphile-log.ts'
import { waitFor } from '../../shared/wait.ts'

const payloadSchema = z.object({ tenantId: z.int().positive(), accountId: z.uuid() })

export type JobRunner = { stop(): Promise<void> }

/**
 * Runs `deliver` jobs, `turns` at a time, on a pool of its own. A runner that ends, for whatever the database did to it,
 * is started again.
 */
export function startRunner(options: {
  url: string
  logger: Logger
  turns: number
  deliver: (target: Target) => Promise<void>
}): JobRunner {
  const { logger } = options
  const stopping = new AbortController()
  const pool = new pg.Pool({
    connectionString: options.url,
    // One more than the turns, for LISTEN.
    max: options.turns + 1,
    application_name: 'pigeonpost jobs',
    connectionTimeoutMillis: 10_000,
  })
  // An idle connection that breaks must not end the process.
  const broke = (error: Error) =>
    logger.debug({ err: error }, 'a connection of the job runner broke')
  pool.on('error', broke)
  pool.on('connect', (client) => client.on('error', broke))
  let runner: Runner | null = null

  async function deliver(payload: unknown): Promise<void> {
    const parsed = payloadSchema.safeParse(payload)
    if (!parsed.success) {
      logger.error(
        { payload, reason: z.prettifyError(parsed.error) },
        'a deliver job without sense',
      )
      return
    }
    await options.deliver(parsed.data)
  }

  async function keepRunning(): Promise<void> {
    for (let failures = 0; !stopping.signal.aborted;) {
      const started = performance.now()
      try {
        runner = await run({
          pgPool: pool,
          noHandleSignals: true,
          logger: graphileLogger(logger),
          preset: {
            worker: {
              concurrentJobs: options.turns,
              pollInterval: 2_000,
              preparedStatements: false,
              // In batches, a completion that fails ends the runner, which we start again. Otherwise it is a rejection
              // that nobody handles, and stop() does not wait for it.
              completeJobBatchDelay: 0,
              failJobBatchDelay: 0,
            },
          },
          taskList: { [deliverTask]: deliver },
          crontab: '',
        })
        if (stopping.signal.aborted) await runner.stop().catch(() => {})
        await runner.promise
        if (stopping.signal.aborted) break
        logger.warn('the job runner ended; starting it again')
      } catch (error) {
        if (stopping.signal.aborted) break
        logger.warn({ err: error }, 'the job runner failed; starting it again')
      }
      runner = null
      failures = performance.now() - started > 10_000 ? 1 : failures + 1
      await waitFor(new Promise(() => {}), Math.min(5_000, 50 * 2 ** failures), stopping.signal)
    }
  }

  const running = keepRunning()
  return {
    async stop() {
      stopping.abort()
      await runner?.stop().catch(() => {})
      await running
      await pool.end()
    },
  }
}
