/** Requests to one account's provider at a time. */
export const concurrency = 10

/** At most so many are marked `sending` together, however fast all is. */
export const maxBatchSize = 200

const groupMs = 50

export type BatchSizer = {
  /** How many messages to mark `sending` together. */
  batchSize(provider: string): number
  /** A request took so many ms. */
  saw(provider: string, durationMs: number): void
  /** Recording `count` outcomes took so many ms. */
  recorded(count: number, durationMs: number): void
}

/**
 * How many messages to mark `sending` at once. Those that a crash finds `sending` become `unknown`, so the group is what
 * leaves at once (10) for a provider that takes its time. A provider that answers within milliseconds gets as many as can
 * be sent and recorded in 50 ms, up to 200, so that they share their commits. One group may be sent while the one before
 * it is being recorded: a crash leaves in doubt what was done in the last 100 ms or so. (With 25 ms, groups shrank to ten
 * on a machine whose commits took 20 ms, and throughput to half.)
 */
export function createBatchSizer(): BatchSizer {
  const latency = new Map<string, number>()
  let recordMs = 0.5
  return {
    batchSize(provider) {
      const ms = latency.get(provider)
      if (ms === undefined) return concurrency
      const each = ms / concurrency + recordMs
      return Math.round(Math.min(maxBatchSize, Math.max(concurrency, groupMs / each)))
    },
    saw(provider, durationMs) {
      latency.set(provider, follow(latency.get(provider), Math.max(0.001, durationMs), 0.05))
    },
    recorded(count, durationMs) {
      if (count >= concurrency) recordMs = follow(recordMs, durationMs / count, 0.2)
    },
  }
}

/** Slower counts at once, faster by and by. */
function follow(before: number | undefined, now: number, share: number): number {
  return before === undefined || now > before * 10 ? now : before * (1 - share) + now * share
}
