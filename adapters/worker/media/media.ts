import type { Logger } from 'pino'
import type { Sql } from '../../../db/connect.ts'
import {
  claimMediaTask,
  finishMediaTask,
  type MediaTask,
  deferMediaTask,
} from '../../../db/media/tasks.ts'
import { isReferenced } from '../../../db/media/orphans.ts'
import { InvalidKeyError, readKey } from '../../storage/index.ts'
import type { MediaContext, MediaOptions } from './context.ts'
import { fetchMedia } from './fetch.ts'
import { scanStored } from './scan.ts'
import { retryDelay } from '../delivery/outcome.ts'
import { type Service, startService } from '../service.ts'

const maxConcurrentTasks = 5
/** Maximum for one tenant, so that its slow hosts do not hold up other tenants' files. */
const maxPerTenant = 4
const everyMs = 1_000
/** Lease of a whole task; the requests in it have shorter timeouts. */
const leaseMs = 300_000
const maxPauseMs = 300_000

/**
 * Works off the tasks on files: fetches those that messages name, scans those that wait for the scanner, deletes those that
 * no row has any more. Any number of workers may run; each takes over what another left. What fails because of our own
 * parts (storage, scanner, database) is retried until it works.
 */
export function startMedia(options: MediaOptions & { sql: Sql; logger: Logger }): Service {
  const { sql, logger } = options
  const stopping = new AbortController()
  const context: MediaContext = { ...options, signal: stopping.signal }
  const open = new Map<Promise<void>, number>()

  async function run(task: MediaTask): Promise<void> {
    try {
      await (task.kind === 'fetch'
        ? fetchMedia(context, task)
        : task.kind === 'scan'
          ? scanStored(context, task)
          : deleteStored(context, task))
    } catch (error) {
      const stopped = stopping.signal.aborted
      const pauseMs = stopped ? 0 : Math.min(maxPauseMs, retryDelay(Math.min(task.attempt, 8)))
      const why = error instanceof Error ? error.message : String(error)
      if (!stopped) logger.warn({ err: error, ...task }, 'a task with a file failed; trying again')
      await deferMediaTask(sql, task, pauseMs, why.slice(0, 500)).catch((lost: unknown) =>
        logger.warn({ err: lost, ...task }, 'could not reschedule a task; its lease runs out'),
      )
    }
  }

  /** Starts another task; false where none is due or the limit is reached. */
  async function begin(): Promise<boolean> {
    if (stopping.signal.aborted || open.size >= maxConcurrentTasks) return false
    const tenants = [...open.values()]
    const except = [...new Set(tenants)].filter(
      (tenant) => tenants.filter((one) => one === tenant).length >= maxPerTenant,
    )
    const task = await claimMediaTask(sql, { except, leaseMs })
    if (!task) return false
    const going: Promise<void> = run(task).finally(() => {
      open.delete(going)
      service.wake()
    })
    open.set(going, task.tenantId)
    return true
  }

  const service = startService({
    name: 'media',
    logger,
    intervalMs: everyMs,
    failure: 'could not look for files to process',
    async step() {
      while (await begin());
    },
  })
  return {
    ...service,
    async stop() {
      stopping.abort()
      await service.stop()
      await Promise.all(open.keys())
    },
  }
}

/** Deletes an object that no row has, any more or at all; the task's subject is `storage:key`. */
async function deleteStored(
  { sql, storages, logger }: MediaContext,
  task: MediaTask,
): Promise<void> {
  const [name = '', key = ''] = task.subject.split(/:([^]*)/, 2)
  try {
    // Of two concurrent moves, the slower one may have announced an object that the faster one has put and kept.
    const named = await isReferenced(sql, { ...readKey(key), storage: name, key })
    if (!named) await (await storages.get(name)).delete(key)
  } catch (error) {
    if (!(error instanceof InvalidKeyError)) throw error
    logger.error({ err: error, ...task }, 'invalid delete task: not a key of ours')
  }
  await finishMediaTask(sql, task)
}
