/** Concurrent requests to one account's provider. */
export const maxOpen = 10

/** Maximum number of messages marked `sending` together, however fast the provider is. */
export const maxBatchSize = 200

const groupMs = 50

export type BatchSizer = {
  /** How many messages to mark `sending` together. */
  batchSize(provider: string): number
  /** Reports that a request took so many ms. */
  saw(provider: string, durationMs: number): void
  /** Reports that recording `count` outcomes took so many ms. */
  recorded(count: number, durationMs: number): void
}

/**
 * How many messages to mark `sending` at once. Messages that are `sending` when the process crashes become `unknown`, so for
 * a slow provider the group is as large as the number of concurrent requests (10). For a provider that answers within
 * milliseconds it is as many as can be sent and recorded in 50 ms, up to 200, so that they share their commits. One group
 * may be sent while the one before it is being recorded: a crash leaves in doubt what was sent in the last 100 ms or so.
 * (With 25 ms, groups shrank to ten on a machine whose commits took 20 ms, and throughput to half.)
 */
export function createBatchSizer(): BatchSizer {
  const latency = new Map<string, number>()
  let recordMs = 0.5
  return {
    batchSize(provider) {
      const ms = latency.get(provider)
      if (ms === undefined) return maxOpen
      const each = ms / maxOpen + recordMs
      return Math.round(Math.min(maxBatchSize, Math.max(maxOpen, groupMs / each)))
    },
    saw(provider, durationMs) {
      latency.set(provider, follow(latency.get(provider), Math.max(0.001, durationMs), 0.05))
    },
    recorded(count, durationMs) {
      if (count >= maxOpen) recordMs = follow(recordMs, durationMs / count, 0.2)
    },
  }
}

/** A moving average: a slower value applies at once, a faster one gradually. */
function follow(before: number | undefined, now: number, share: number): number {
  return before === undefined || now > before * 10 ? now : before * (1 - share) + now * share
}
