import { setTimeout as delay } from 'node:timers/promises'
import type { Sql } from '../../db/connect.ts'
import { type Child, startChild } from './child.ts'
import { cpuMs } from './cpu.ts'

/**
 * ms of CPU in a window, of a worker that has nothing left to do and of its backends: it polls, and clocks tick every
 * 10 ms for each of them. One that is catching up uses far more.
 */
const quietMs = 60
const windowMs = 500

/** ms of CPU, of Node and of its backends. */
type Used = { node: number; backends: number }

/** A worker that is started and stopped between samples, and has caught up whenever one begins. */
export type BackgroundWorker = {
  /** Starts it and waits until it has done all that there is to do; or stops it. */
  runs(wanted: boolean): Promise<void>
  /** ms of CPU so far; null where it does not run, or the system does not tell. */
  usedMs(): Promise<Used | null>
  /** The same at the moment at which it had caught up: what it uses while we make sure of that is left out. */
  usedMsCaughtUp(): Promise<Used | null>
  stop(): Promise<void>
}

export function createBackgroundWorker(sql: Sql, url: string): BackgroundWorker {
  let child: Child | null = null
  const used = async () => (child ? usedBy(sql, child) : null)
  const stop = async () => {
    const running = child
    child = null
    await running?.stop()
  }
  return {
    async runs(wanted) {
      if (!wanted) return stop()
      if (!child) {
        child = startChild('worker', [url])
        await child.next('ready')
      }
      await quiet(used)
    },
    usedMs: used,
    usedMsCaughtUp: async () => quiet(used),
    stop,
  }
}

/** Waits until a worker has nothing left to do. */
export async function caughtUp(sql: Sql, child: Child): Promise<void> {
  await quiet(() => usedBy(sql, child))
}

/** Waits until two windows in a row passed in which next to nothing was done, and tells what was used before them. */
async function quiet(used: () => Promise<Used | null>): Promise<Used | null> {
  let [first, before] = [await used(), await used()]
  for (let windows = 0; windows < 2;) {
    await delay(windowMs)
    const after = await used()
    if (!before || !after) return null
    const ms = after.node + after.backends - before.node - before.backends
    windows = ms <= quietMs ? windows + 1 : 0
    if (windows === 0) first = after
    before = after
  }
  return first
}

async function usedBy(sql: Sql, child: Child): Promise<Used | null> {
  // Whoever is no part of the benchmark is the worker's.
  const sessions = await sql<{ pid: number }[]>`
    select pid from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend' and application_name not like 'bench%'`
  const own = child.next('cpuMs')
  child.tell('cpu')
  const ms = await Promise.all(sessions.map(async ({ pid }) => cpuMs(pid)))
  if (ms.every((one) => one === null)) return null
  return { node: await own, backends: ms.reduce<number>((sum, one) => sum + (one ?? 0), 0) }
}
