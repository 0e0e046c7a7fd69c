import { UnavailableError } from '../../../db/errors.ts'
import { onDisconnect } from './disconnect.ts'

export type Admit = <T>(work: () => Promise<T>) => Promise<T>

/**
 * Admits as many callers as the pool has connections; the rest queue, up to `waitMs`: behind a pool that is stuck a
 * request gets an answer, and its sender can go elsewhere. A client that disconnects leaves the queue, and its work is not
 * begun.
 * @throws UnavailableError `busy` when the queue is full, or after `waitMs` in it; `client_gone` when nobody waits for it.
 */
export function createAdmission(options: {
  /** Callers at once. */
  size: number
  maxQueued: number
  waitMs: number
}): Admit {
  const queue = new Set<() => void>()
  let free = options.size

  const enter = () =>
    new Promise<void>((resolve, reject) => {
      if (queue.size >= options.maxQueued) {
        reject(busy())
        return
      }
      let unsubscribe = () => {}
      const leave = (error: UnavailableError) => {
        queue.delete(next)
        clearTimeout(timer)
        unsubscribe()
        reject(error)
      }
      const next = () => {
        queue.delete(next)
        clearTimeout(timer)
        unsubscribe()
        resolve()
      }
      const timer = setTimeout(() => leave(busy()), options.waitMs)
      queue.add(next)
      unsubscribe = onDisconnect(() => leave(gone()))
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
      // The place goes to the next in the queue without becoming free in between.
      const [next] = queue
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
