import { setTimeout as delay } from 'node:timers/promises'
import { backoffMs } from './backoff.ts'

/** Resolves with `change`, after `ms`, or when `signal` aborts, whichever is first. Never throws. */
export async function waitFor(
  change: Promise<void>,
  ms: number,
  signal?: AbortSignal,
): Promise<void> {
  if (signal?.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  const aborted = () => resolve()
  signal?.addEventListener('abort', aborted)
  void change.then(resolve)
  await promise
  clearTimeout(timer)
  signal?.removeEventListener('abort', aborted)
}

/** Resolves after `ms`, or when `signal` aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // Not `waitFor` with a promise that stays pending: each call would leave a reaction on it for good.
  await delay(ms, undefined, { signal }).catch(() => {})
}

/** Waits for `work` up to `ms`, and ignores what it throws. */
export async function withTimeout(ms: number, work: Promise<unknown>): Promise<void> {
  const settled = Promise.withResolvers<void>()
  void work.catch(() => {}).finally(settled.resolve)
  await waitFor(settled.promise, ms)
}

/**
 * Retries `work` with backoff until it succeeds.
 * @throws its last error when `forMs` have passed or `signal` aborts
 */
export async function retryUntil<T>(
  work: () => Promise<T>,
  options: { forMs: number; signal: AbortSignal },
): Promise<T> {
  const until = performance.now() + options.forMs
  for (let failures = 0; ; failures++) {
    try {
      return await work()
    } catch (error) {
      const ms = backoffMs(failures, { minMs: 20, maxMs: 1_000 })
      if (options.signal.aborted || performance.now() + ms > until) throw error
      await pause(ms, options.signal)
    }
  }
}
