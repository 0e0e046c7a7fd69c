import { setTimeout as delay } from 'node:timers/promises'

/**
 * Waits until `look` answers with something truthy, and returns that. What it looks at must be
 * observable (a row, an event, a lock in pg_locks), never the clock.
 *
 * An error thrown by `look` counts as "not yet"; the last one is the cause of the final error.
 *
 * @param options.timeout ms, 300,000 by default: it ends a test that hangs, and holds nothing to a time
 * @param options.every ms between looks, 20 by default
 * @param options.what completes the sentence "timed out after 300000 ms waiting for …"
 */
export async function waitFor<T>(
  look: () => T | Promise<T>,
  options: { what: string; timeout?: number; every?: number },
): Promise<NonNullable<T>> {
  const timeout = options.timeout ?? 300_000
  const deadline = Date.now() + timeout
  let cause: unknown
  for (;;) {
    try {
      const seen = await look()
      if (seen) return seen
      cause = undefined
    } catch (error) {
      cause = error
    }
    if (Date.now() >= deadline) {
      throw new Error(`timed out after ${timeout} ms waiting for ${options.what}`, { cause })
    }
    await delay(options.every ?? 20)
  }
}
