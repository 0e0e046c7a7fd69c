import type { Logger } from 'pino'
import { backoffMs } from '../shared/backoff.ts'
import { waitFor } from '../shared/wait.ts'

/** `failures`: the steps that failed in a row; 0 is healthy. */
export type Health = { name: string; failures: number }

export type Service = {
  health(): Health
  /** Schedules a step in `inMs`, unless one is due sooner. */
  wake(inMs?: number): void
  /** Aborts the signal; resolves when the step under way has ended. */
  stop(): Promise<void>
}

export type ServiceOptions = {
  name: string
  logger: Logger
  /** ms from the start of one step to the start of the next. */
  intervalMs: number
  /** ms at most between steps that fail. Default: `intervalMs`, so that a failure changes nothing. */
  maxBackoffMs?: number
  /** Logged with the error of a step. */
  failure: string
  /** @returns ms from its end to the next, in place of the interval */
  step(signal: AbortSignal): Promise<number | void>
}

/** A step that ran for this many ms before it failed had worked: the count of failures starts anew. */
const healthyMs = 10_000

/**
 * Runs `step` repeatedly until it is stopped, never two at once. Each failure in a row doubles the pause that the last
 * successful step asked for, so that an outage of the database neither ends the service nor floods the log.
 */
export function startService(options: ServiceOptions): Service {
  const { name, logger, intervalMs, failure, step } = options
  const maxMs = options.maxBackoffMs ?? intervalMs
  const stopping = new AbortController()
  const { signal } = stopping
  let failures = 0
  let dueAt = 0
  let woken = Promise.withResolvers<void>()

  async function run(): Promise<void> {
    let minMs = intervalMs
    while (!signal.aborted) {
      const startedAt = performance.now()
      dueAt = startedAt + intervalMs
      try {
        const pauseMs = await step(signal)
        failures = 0
        minMs = pauseMs ?? intervalMs
        if (pauseMs !== undefined) dueAt = performance.now() + pauseMs
      } catch (error) {
        if (signal.aborted) return
        const endedAt = performance.now()
        failures = endedAt - startedAt > healthyMs ? 1 : failures + 1
        logger.warn({ err: error }, failure)
        if (maxMs > intervalMs) dueAt = endedAt + backoffMs(failures, { minMs, maxMs })
      }
      for (
        let ms = dueAt - performance.now();
        ms > 0 && !signal.aborted;
        ms = dueAt - performance.now()
      ) {
        woken = Promise.withResolvers<void>()
        await waitFor(woken.promise, ms, signal)
      }
    }
  }

  // Not synchronously: a step may use what this returns.
  const running = Promise.resolve().then(run)
  return {
    health: () => ({ name, failures }),
    wake(inMs = 0) {
      const at = performance.now() + inMs
      if (at >= dueAt) return
      dueAt = at
      woken.resolve()
    },
    async stop() {
      stopping.abort()
      await running
    },
  }
}
