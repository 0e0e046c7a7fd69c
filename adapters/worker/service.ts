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
  /**
   * @param works a step that does not return while all is well calls it when it is, as often as it likes
   * @returns ms from its end to the next, in place of the interval
   */
  step(signal: AbortSignal, works: () => void): Promise<number | void>
}

/**
 * Runs `step` repeatedly until it is stopped, never two at once. Each failure in a row doubles the pause that the last
 * successful step asked for, so that an outage of the database neither ends the service nor floods the log: that is told
 * of the first failure, of the first of another kind, and of the recovery.
 */
export function startService(options: ServiceOptions): Service {
  const { name, logger, intervalMs, failure, step } = options
  const maxMs = options.maxBackoffMs ?? intervalMs
  const stopping = new AbortController()
  const { signal } = stopping
  let failures = 0
  let failingSince = 0
  let toldOf = ''
  let dueAt = 0
  let woken = Promise.withResolvers<void>()

  function works(): void {
    if (failures > 0) {
      const seconds = Math.round((performance.now() - failingSince) / 1_000)
      logger.info({ service: name, failures, seconds }, 'works again')
    }
    failures = 0
    toldOf = ''
  }

  function failed(error: unknown): void {
    if (failures === 0) failingSince = performance.now()
    failures += 1
    const kind = error instanceof Error ? error.message : String(error)
    logger[kind === toldOf ? 'debug' : 'warn']({ err: error, service: name }, failure)
    toldOf = kind
  }

  async function run(): Promise<void> {
    let minMs = intervalMs
    while (!signal.aborted) {
      dueAt = performance.now() + intervalMs
      try {
        const pauseMs = await step(signal, works)
        works()
        minMs = pauseMs ?? intervalMs
        if (pauseMs !== undefined) dueAt = performance.now() + pauseMs
      } catch (error) {
        if (signal.aborted) return
        failed(error)
        if (maxMs > intervalMs) dueAt = performance.now() + backoffMs(failures, { minMs, maxMs })
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
