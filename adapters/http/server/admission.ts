import { UnavailableError } from '../../../db/errors.ts'
import { onClientGone } from './disconnect.ts'

export type Gate = <T>(work: () => Promise<T>) => Promise<T>

/**
 * Lets as many works at the database as there are connections, and makes the rest wait in line, but not for ever:
 * behind a pool that is stuck a request gets an answer, and whoever sent it can go elsewhere. Who goes away leaves the
 * line, and its work is not begun.
 * @throws UnavailableError `busy` when the line is full, or after `waitMs` in it; `client_gone` when nobody waits for it.
 */
export function createGate(options: { size: number; line: number; waitMs: number }): Gate {
  const line = new Set<() => void>()
  let free = options.size

  const enter = () =>
    new Promise<void>((resolve, reject) => {
      if (line.size >= options.line) {
        reject(busy())
        return
      }
      let stay = () => {}
      const leave = (error: UnavailableError) => {
        line.delete(next)
        clearTimeout(timer)
        stay()
        reject(error)
      }
      const next = () => {
        line.delete(next)
        clearTimeout(timer)
        stay()
        resolve()
      }
      const timer = setTimeout(() => leave(busy()), options.waitMs)
      line.add(next)
      stay = onClientGone(() => leave(gone()))
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
      const [next] = line
      if (next) next()
      else free += 1
    }
  }
}

function busy(): UnavailableError {
  return new UnavailableError('Too many requests at once', {
    code: 'busy',
    hint: 'Try again in a second.',
  })
}

function gone(): UnavailableError {
  return new UnavailableError('The client went away while it waited', { code: 'client_gone' })
}
