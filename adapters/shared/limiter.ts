export type Limiter = <T>(
  work: () => Promise<T>,
  options?: { weight?: number; signal?: AbortSignal | undefined },
) => Promise<T>

/**
 * Lets works of `size` in all run at once; the others wait in the order in which they came, for as long as it takes or
 * until their signal aborts. A work of `weight` 2 takes two places. The first in line is never overtaken, so a heavy one
 * gets its turn too.
 */
export function createLimiter(size: number): Limiter {
  const line: { weight: number; start: () => void }[] = []
  let free = size

  const advance = () => {
    for (let next = line[0]; next && next.weight <= free; next = line[0]) {
      line.shift()
      free -= next.weight
      next.start()
    }
  }

  const enter = async (weight: number, signal: AbortSignal | undefined) =>
    new Promise<void>((resolve, reject) => {
      const leave = () => {
        line.splice(line.indexOf(entry), 1)
        reject(signal?.reason as Error)
        advance()
      }
      const entry = {
        weight,
        start: () => {
          signal?.removeEventListener('abort', leave)
          resolve()
        },
      }
      signal?.addEventListener('abort', leave, { once: true })
      line.push(entry)
      advance()
    })

  return async (work, { weight = 1, signal } = {}) => {
    signal?.throwIfAborted()
    const taken = Math.min(weight, size)
    await enter(taken, signal)
    try {
      // It may have been aborted while its turn came.
      signal?.throwIfAborted()
      return await work()
    } finally {
      free += taken
      advance()
    }
  }
}

/**
 * For what decodes files: two at once in a process, whoever asks, since the memory that it takes lies outside of
 * JavaScript's heap and is bounded by nothing else.
 */
export const heavyWork: Limiter = createLimiter(2)
