/**
 * ms to wait after so many failures in a row: `minMs` doubled by each, at most `maxMs`. With `jitter` 0.2 give or take a
 * fifth, so that what failed together is not retried together.
 */
export function backoffMs(
  failures: number,
  options: { minMs: number; maxMs?: number; jitter?: number; random?: () => number },
): number {
  const { minMs, maxMs = Infinity, jitter = 0, random = Math.random } = options
  return Math.min(maxMs, minMs * 2 ** failures) * (1 - jitter + 2 * jitter * random())
}
