import { Unavailable } from '../../db/errors.ts'

export type Gate = <T>(work: () => Promise<T>) => Promise<T>

/**
 * Lets as many works at the database as there are connections, and makes the rest wait in line, but not for ever:
 * behind a pool that is stuck a request gets an answer, and whoever sent it can go elsewhere.
 * @throws Unavailable `busy` when the line is full, or after `waitMs` in it.
 */
export function createGate(options: { size: number; line: number; waitMs: number }): Gate {
  const line: (() => void)[] = []
  let free = options.size

  const enter = () =>
    new Promise<void>((resolve, reject) => {
      if (line.length >= options.line) {
        reject(busy())
        return
      }
      const next = () => {
        clearTimeout(timer)
        resolve()
      }
      const timer = setTimeout(() => {
        line.splice(line.indexOf(next), 1)
        reject(busy())
      }, options.waitMs)
      line.push(next)
    })

  return async (work) => {
    if (free > 0) {
      free -= 1
    } else {
      await enter()
    }
    try {
      return await work()
    } finally {
      // The place goes to the next in line without becoming free in between.
      const next = line.shift()
      if (next) next()
      else free += 1
    }
  }
}

function busy(): Unavailable {
  return new Unavailable('Too many requests at once', {
    code: 'busy',
    hint: 'Try again in a second.',
  })
}
