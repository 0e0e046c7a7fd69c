import { EventEmitter } from 'node:events'
import { callbackify } from 'node:util'
import { run, type Runner, type WorkerEvents } from 'graphile-worker'
import type { Logger } from 'pino'
import pg from 'pg'
import { z } from 'zod'
import { deliverTask } from '../../../db/delivery/add-jobs.ts'
import { keepAwake, needWritable, pgOptions } from '../../../db/connection/pg-options.ts'
import type { Target } from '../../../db/delivery/lease.ts'
import { graphileLogger } from './graphile-log.ts'
import { type Service, startService } from '../service.ts'

const payloadSchema = z.object({ tenantId: z.int().positive(), accountId: z.uuid() })

/** In a row, by all of its workers: a server that restarts may give each of eight one. */
const maxErrors = 20

/**
 * Runs `deliver` jobs, `turns` at a time, on a pool of its own. When graphile-worker's runner ends, for whatever failure of
 * the database, it is started again. So is one that cannot take jobs: graphile-worker (0.18.0) asks once for the ids of
 * its tasks and caches the answer, even if it was an error, as from a server that was read-only at that moment.
 */
export function startRunner(options: {
  url: string
  logger: Logger
  turns: number
  deliver: (target: Target) => Promise<void>
}): Service {
  const { logger } = options
  const pool = new pg.Pool({
    ...pgOptions(options.url, 'pigeonpost jobs'),
    // One more than the turns, for LISTEN.
    max: options.turns + 1,
    verify: callbackify(needWritable),
  })
  // An idle connection that breaks must not end the process.
  const broke = (error: Error) =>
    logger.debug({ err: error }, 'a connection of the job runner broke')
  pool.on('error', broke)
  pool.on('connect', (client) => {
    client.on('error', broke)
    keepAwake(client)
  })
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
    async step(signal, works) {
      try {
        const events: WorkerEvents = new EventEmitter()
        const { promise: deaf, reject } = Promise.withResolvers<never>()
        deaf.catch(() => {})
        let errors = 0
        const gotAnswer = () => {
          errors = 0
          works()
        }
        events.on('worker:getJob:empty', gotAnswer).on('job:start', gotAnswer)
        events.on('worker:getJob:error', ({ error }) => {
          errors += 1
          if (errors === maxErrors) reject(error)
        })
        runner = await run({
          events,
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
        await Promise.race([runner.promise, deaf])
        throw new Error('it ended by itself')
      } finally {
        await runner?.stop().catch(() => {})
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
