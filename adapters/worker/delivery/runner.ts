import { run, type Runner } from 'graphile-worker'
import type { Logger } from 'pino'
import pg from 'pg'
import { z } from 'zod'
import { deliverTask } from '../../../db/delivery/add-jobs.ts'
import type { Target } from '../../../db/delivery/lease.ts'
import { graphileLogger } from './graphile-log.ts'
import { type Service, startService } from '../service.ts'

const payloadSchema = z.object({ tenantId: z.int().positive(), accountId: z.uuid() })

/**
 * Runs `deliver` jobs, `turns` at a time, on a pool of its own. When graphile-worker's runner ends, for whatever failure of
 * the database, it is started again.
 */
export function startRunner(options: {
  url: string
  logger: Logger
  turns: number
  deliver: (target: Target) => Promise<void>
}): Service {
  const { logger } = options
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
        'invalid deliver job payload',
      )
      return
    }
    await options.deliver(parsed.data)
  }

  const service = startService({
    name: 'runner',
    logger,
    intervalMs: 50,
    maxBackoffMs: 5_000,
    failure: 'the job runner ended; starting it again',
    async step(signal) {
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
        if (signal.aborted) await runner.stop().catch(() => {})
        await runner.promise
        throw new Error('it ended by itself')
      } finally {
        runner = null
      }
    },
  })
  return {
    ...service,
    async stop() {
      const ended = service.stop()
      await runner?.stop().catch(() => {})
      await ended
      await pool.end()
    },
  }
}
