/** Requests to one account's provider at a time. */
export const concurrency = 10

/** At most so many are `sending` ahead of their outcome, however fast a provider is. */
export const largestGroup = 200

const aheadMs = 25

export type Pace = {
  /** How many messages to mark `sending` together. */
  groupSize(provider: string): number
  saw(provider: string, durationMs: number): void
}

/**
 * How many messages to mark `sending` at once. Those that a crash finds `sending` become `unknown`, so the group is what
 * leaves at once (10) for a provider that takes its time; one that answers within milliseconds gets what it has been
 * taking in 25 ms, up to 200, so that a commit is shared by many.
 */
export function createPace(): Pace {
  const latency = new Map<string, number>()
  return {
    groupSize(provider) {
      const ms = latency.get(provider)
      if (ms === undefined) return concurrency
      return Math.round(Math.min(largestGroup, Math.max(concurrency, (concurrency * aheadMs) / ms)))
    },
    saw(provider, durationMs) {
      const ms = Math.max(0.001, durationMs)
      const before = latency.get(provider)
      // Slower counts at once, faster by and by.
      latency.set(
        provider,
        before === undefined || ms > before * 10 ? ms : before * 0.95 + ms * 0.05,
      )
    },
  }
}
