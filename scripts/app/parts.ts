import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'

export type Part = {
  name: string
  /** ms that this part may take to stop before the next one is stopped. */
  limit: number
  stop: () => Promise<void> | void
  /** It runs in a process of its own. */
  outlivesUs?: boolean
}

export type Parts = {
  add(part: Part): void
  /** Stops all, the last one added first. Never throws: every part is stopped. */
  stop(): Promise<void>
  /** Tells parts that would outlive this process to end, without waiting for long. */
  abandon(): Promise<void>
}

/** "Ends within 5 s", less what it takes to exit. */
const totalMs = 4_700

/**
 * The running parts, in the order in which they were started. A part that takes too long to stop is
 * abandoned: its work is leased, and the next start takes it over.
 */
export function createParts(logger: Logger): Parts {
  const running: Part[] = []
  return {
    add: (part) => void running.push(part),
    async stop() {
      const deadline = performance.now() + totalMs
      for (;;) {
        // It stays in the list until it has ended, for `abandon`.
        const part = running.at(-1)
        if (!part) return
        const limit = Math.max(0, Math.min(part.limit, deadline - performance.now()))
        const ended = (async () => part.stop())().then(
          () => 'ended' as const,
          (error: unknown) => {
            logger.error({ err: error }, `${part.name} did not end well`)
            return 'failed' as const
          },
        )
        const outcome = await Promise.race([ended, delay(limit, 'late' as const, { ref: false })])
        if (outcome === 'late')
          logger.warn(`${part.name} did not end within ${Math.round(limit)} ms`)
        else logger.debug(`${part.name} ended`)
        running.pop()
      }
    },
    async abandon() {
      const left = running.filter((part) => part.outlivesUs)
      await Promise.race([Promise.allSettled(left.map(async (part) => part.stop())), delay(250)])
    },
  }
}
