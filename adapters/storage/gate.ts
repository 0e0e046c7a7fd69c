/**
 * Uploads of one process over the network at once. Each may hold two parts of 5 MiB and copies of them, and what was
 * sent is freed late: sixty of 5 MB at once took 325 MB, four at a time 50.
 */
export const uploadsAtOnce = 4

/** Lets so many through at once, the others in their order. */
export function createGate(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  let inside = 0
  const waiting: (() => void)[] = []
  return async (work) => {
    if (inside < most) inside += 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      // Whoever waits takes the place, so that nobody slips in between.
      const next = waiting.shift()
      if (next) next()
      else inside -= 1
    }
  }
}
