import type { Logger } from 'pino'
import pg from 'pg'
import { needWritable, pgOptions } from '../../../db/connection/pg-options.ts'

/** A dedicated session that holds, or waits for, the notify lock. */
export type NotifyLock = {
  /** `asked` until the writers that notify by themselves have ended; `gone` with its connection. */
  readonly state: 'asked' | 'held' | 'gone'
  /** Resolves when the state next changes. */
  changed(): Promise<void>
  /** Keeps the session from its idle timeout. @throws when the connection has another backend than before. */
  ping(): Promise<void>
  /** Releases the lock and ends the connection. */
  release(): Promise<void>
}

/**
 * Requests the notify lock on a direct connection: from then on no trigger notifies, so the caller has to. Null when there
 * is a pooler between: the lock would belong to a shared backend, and outlive us.
 *
 * It waits in the lock's queue: polling with try-lock starves behind writers that hold it shared in turns. The lock is
 * released with the connection, which the server ends when no ping comes for `idleMs`, so that a relay that hangs does not
 * stop notifications.
 */
export async function askForNotifyLock(
  url: string,
  options: {
    logger: Logger
    /** The lock's two keys: notifyLockKeys. */
    keys: [number, number]
    /** Reads the events that triggers notified of; called when connected, just before triggers stop. */
    drain: () => Promise<void>
    idleMs?: number
  },
): Promise<NotifyLock | null> {
  const client = new pg.Client(pgOptions(url, 'pigeonpost notify lock'))
  let state: NotifyLock['state'] = 'asked'
  let changed = Promise.withResolvers<void>()
  const become = (next: NotifyLock['state']) => {
    if (state === next || state === 'gone') return
    state = next
    changed.resolve()
    changed = Promise.withResolvers<void>()
  }
  client.on('error', (error) => {
    options.logger.debug({ error: error.message }, 'the connection with the notify lock broke')
    become('gone')
  })
  client.on('end', () => become('gone'))
  await client.connect()
  try {
    return await ask()
  } catch (error) {
    await client.end().catch(() => {})
    throw error
  }

  async function ask(): Promise<NotifyLock | null> {
    await needWritable(client)
    // Behind a pooler, the process id that it gave us at the start is not that of a backend.
    const announced = (client as unknown as { processID: number | null }).processID
    const pid = await backendPid(client)
    if (announced !== pid || (await backendPid(client)) !== pid) {
      await client.end()
      return null
    }
    await options.drain()
    await client.query(`set idle_session_timeout = ${Math.ceil(options.idleMs ?? 10_000)}`)
    await client.query('set client_connection_check_interval = 5000').catch(() => {
      // Not on every platform; without it, a waiting session whose client died is noticed only when it gets the lock.
    })
    client.query('select pg_advisory_lock($1::integer, $2::integer)', options.keys).then(
      () => become('held'),
      () => become('gone'),
    )
    return {
      get state() {
        return state
      },
      changed: () => changed.promise,
      async ping() {
        if (state !== 'held') return
        if ((await backendPid(client)) !== pid) {
          await client.query('select pg_terminate_backend($1)', [pid])
          throw new Error('the connection with the notify lock changed its backend')
        }
      },
      async release() {
        // Ending the session releases the lock, or its place in the queue.
        if (state === 'held') await client.query('select pg_advisory_unlock_all()').catch(() => {})
        become('gone')
        await client.end().catch(() => {})
      },
    }
  }
}

async function backendPid(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  return rows[0]?.pid ?? -1
}
