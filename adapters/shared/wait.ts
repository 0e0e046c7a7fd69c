/** Resolves with `change`, after `ms`, or when `signal` aborts. */
export async function within(
  change: Promise<void>,
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  const aborted = () => resolve()
  signal.addEventListener('abort', aborted)
  void change.then(resolve)
  await promise
  clearTimeout(timer)
  signal.removeEventListener('abort', aborted)
}

/** Waits for `work`, for at most `ms`; what it throws is passed over. */
export async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  const done = Promise.withResolvers<void>()
  void work.catch(() => {}).finally(done.resolve)
  await within(done.promise, ms, new AbortController().signal)
}

/**
 * Does `work` again, with growing pauses, until it succeeds.
 * @throws its last error when `forMs` have passed or `signal` aborts
 */
export async function persist<T>(
  work: () => Promise<T>,
  options: { forMs: number; signal: AbortSignal },
): Promise<T> {
  const until = performance.now() + options.forMs
  for (let failures = 0; ; failures++) {
    try {
      return await work()
    } catch (error) {
      const ms = Math.min(1_000, 20 * 2 ** failures)
      if (options.signal.aborted || performance.now() + ms > until) throw error
      await within(new Promise(() => {}), ms, options.signal)
    }
  }
}
