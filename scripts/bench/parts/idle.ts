import { setTimeout as delay } from 'node:timers/promises'
import { connect, type Sql } from '../../../db/connect.ts'
import { type Child, startChild } from '../child.ts'
import { cpuMs } from '../cpu.ts'
import { prepare, queue } from './deliveries.ts'
import { median } from '../rounds.ts'

/** ms of CPU per second, of the worker and of its database sessions. */
export type Idle = { nothingQueued: number; betweenSends: number; queued: number; met: boolean }

const perMinute = 20
const windowMs = 2_000
const windows = 5
/** By how much two measurements of the same differ: a fifth on a busy machine, and clocks tick every 10 ms. */
const noise = { share: 0.2, ms: 5 }

/**
 * What a worker costs between the sends of an account that may send 20 a minute and has thousands queued, against a
 * worker that has nothing to do. Null where the system does not tell what a process used (no /proc).
 */
export async function benchIdle(url: string, options: { queued: number }): Promise<Idle | null> {
  const sql = connect(url, { max: 2, name: 'bench' })
  const [target] = await prepare(sql, 1, perMinute)
  if (!target) throw new Error('no account')
  await queue(sql, [target], options.queued)
  const worker = startChild('worker', [url, '1'])
  try {
    await worker.next('ready')
    await delay(windowMs)
    if ((await usedMs(sql, worker)) === null) return null
    const nothingQueued: number[] = []
    const betweenSends: number[] = []
    for (let i = 0; i < windows; i += 1) nothingQueued.push(await measure(sql, worker))
    await sql`update pigeonpost.accounts set status = 'connected' where id = ${target.accountId}`
    await worker.next('sent')
    for (let i = 0; i < windows; i += 1) {
      await worker.next('sent')
      // The turn ends; the next send is 3 s after the one before.
      await delay(500)
      betweenSends.push(await measure(sql, worker))
    }
    const result = { nothingQueued: median(nothingQueued), betweenSends: median(betweenSends) }
    const maxMs = result.nothingQueued * (1 + noise.share) + noise.ms
    const met = result.betweenSends <= maxMs
    return { ...result, queued: options.queued, met }
  } finally {
    await worker.stop()
    await sql.end()
  }
}

async function measure(sql: Sql, worker: Child): Promise<number> {
  const before = await usedMs(sql, worker)
  const started = performance.now()
  await delay(windowMs)
  const after = await usedMs(sql, worker)
  return ((after ?? 0) - (before ?? 0)) / ((performance.now() - started) / 1000)
}

/** ms that the worker and the sessions which live now have used so far. */
async function usedMs(sql: Sql, worker: Child): Promise<number | null> {
  const sessions = await sql<{ pid: number }[]>`
    select pid from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend' and application_name <> 'bench'`
  const own = worker.next('cpuMs')
  worker.tell('cpu')
  const used = await Promise.all(sessions.map(async ({ pid }) => cpuMs(pid)))
  if (used.every((ms) => ms === null)) return null
  return (await own) + used.reduce<number>((sum, ms) => sum + (ms ?? 0), 0)
}
