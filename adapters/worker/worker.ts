import { setMaxListeners } from 'node:events'
import type { Logger } from 'pino'
import { connect } from '../../db/connect.ts'
import { needSession } from '../../db/connection/pooler.ts'
import { addDeliverJobs } from '../../db/delivery/add-jobs.ts'
import type { Target } from '../../db/delivery/lease.ts'
import { wakeAccount } from '../../db/delivery/wake.ts'
import type { Provider } from '../channels/channel.ts'
import { createBreakers } from './delivery/breakers.ts'
import { type DeliverContext, deliverTurn } from './delivery/deliver.ts'
import { createInFlight, type InFlight } from './delivery/in-flight.ts'
import { createOutboundFiles } from '../media/index.ts'
import type { MediaOptions } from './media/context.ts'
import { startMedia } from './media/media.ts'
import { createBatchSizer } from './delivery/batch-size.ts'
import { startRelay } from './relay/relay.ts'
import { startRunner } from './delivery/runner.ts'
import { startSweep } from './delivery/sweep.ts'
import { startMaintenance } from './maintenance/maintenance.ts'
import type { Health, Service } from './service.ts'
import { withTimeout, waitFor } from '../shared/wait.ts'

export type WorkerOptions = {
  url: string
  /** Past a pooler that shares sessions, where `url` leads to one. */
  directUrl?: string | undefined
  logger: Logger
  /** By the name that accounts use. */
  providers: Map<string, Provider>
  /** ms after which the work of a dead worker is taken over. Default 30,000; requests get 0.8 of it. */
  leaseMs?: number
  /** ms between two sweeps for due accounts of which no notification came. Default 2,000. */
  sweepMs?: number
  /** The API's public URL, for providers that report to it; null where it has none. */
  publicUrl?: string | null
  /** Storage and scanner; without them, files and messages with files wait for a worker that has them. */
  media?: MediaOptions
}

export type Worker = {
  /** Whether its relay notifies in place of the triggers. */
  readonly notifying: boolean
  /** Of each of its services. */
  health(): Health[]
  /**
   * Stops claiming, waits up to 2 s for requests under way and aborts the rest, records their outcomes, releases what was
   * not sent, and notifies a last time. Returns within 4 s.
   */
  stop(): Promise<void>
}

const maxTurns = 8
const graceMs = 2_000
const stopMs = 3_300

/**
 * Starts a worker: the relay, a runner of `deliver` turns, and a sweep for accounts that are due. Any number may run on
 * one database. No failure or restart of the database ends any of it: everything retries, and logs.
 */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { url, logger, providers } = options
  const directUrl = options.directUrl ?? url
  await needSession(directUrl, 'The worker')
  const sql = connect(url, { max: maxTurns + 4, name: 'pigeonpost worker' })
  const stopping = new AbortController()
  const hardStop = new AbortController()
  for (const { signal } of [stopping, hardStop]) setMaxListeners(0, signal)
  const batchSizer = createBatchSizer()
  const breakers = createBreakers(sql, logger)
  const byAccount = new Map<string, InFlight>()

  const sweep = startSweep({ sql, logger, everyMs: options.sweepMs ?? 2_000 })
  const files = options.media
    ? createOutboundFiles(sql, options.media.storages, options.publicUrl ?? null)
    : null
  const context: DeliverContext = {
    sql,
    logger,
    providers,
    batchSizer,
    breakers,
    leaseMs: options.leaseMs ?? 30_000,
    turnMs: Math.min(1_000, (options.leaseMs ?? 30_000) / 4),
    lingerMs: 250,
    stopping: stopping.signal,
    hardStop: hardStop.signal,
    takesFiles: files !== null,
    inFlightOf,
  }

  function inFlightOf(target: Target): InFlight {
    for (const [key, inFlight] of byAccount) {
      if (inFlight.open + inFlight.unrecorded === 0) byAccount.delete(key)
    }
    const key = `${target.tenantId}:${target.accountId}`
    const known = byAccount.get(key)
    if (known) return known
    const inFlight = createInFlight(target, {
      sql,
      logger,
      batchSizer,
      breakers,
      publicUrl: options.publicUrl ?? null,
      files,
      hardStop: hardStop.signal,
      onRetry: (inMs) => void wake(target, inMs),
    })
    byAccount.set(key, inFlight)
    return inFlight
  }

  /** A retry that was recorded after its turn had ended. */
  async function wake(target: Target, inMs: number): Promise<void> {
    try {
      await wakeAccount(sql, target, inMs)
      sweep.expect(inMs)
    } catch (error) {
      logger.warn({ err: error, ...target }, 'could not schedule a retry; the sweep finds it')
    }
  }

  async function deliver(target: Target): Promise<void> {
    if (stopping.signal.aborted) return
    try {
      const { took, dueInMs } = await deliverTurn(context, target)
      if (!took || dueInMs === null || stopping.signal.aborted) return
      if (dueInMs === 0) await addDeliverJobs(sql, [target])
      else sweep.expect(dueInMs)
    } catch (error) {
      logger.warn({ err: error, ...target }, 'a turn failed; its lease runs out')
    }
  }

  const runner = startRunner({ url: directUrl, logger, turns: maxTurns, deliver })
  const relay = startRelay({
    url,
    directUrl,
    logger,
    async onWoken(woken) {
      const due = woken.filter((account) => !account.leased && account.dueInMs === 0)
      for (const { dueInMs } of woken) if (dueInMs > 0) sweep.expect(dueInMs)
      await addDeliverJobs(sql, due)
    },
  })

  async function drain(): Promise<void> {
    const open = () => [...byAccount.values()].filter((f) => f.open + f.unrecorded > 0)
    const started = performance.now()
    for (let left = open(); left.length > 0; left = open()) {
      const ms = performance.now() - started
      if (ms > graceMs) hardStop.abort()
      if (ms > graceMs + 1_000) {
        logger.error({ accounts: left.length }, 'ended with outcomes not recorded')
        break
      }
      await waitFor(Promise.race(left.map((inFlight) => inFlight.change())), 50)
    }
    hardStop.abort()
  }

  const services: Service[] = [
    sweep,
    startMaintenance({ sql, logger }),
    ...(options.media ? [startMedia({ ...options.media, sql, logger })] : []),
    runner,
    relay,
  ]

  let stopped: Promise<void> | null = null
  async function stop(): Promise<void> {
    stopping.abort()
    // Do not wait for a database that does not answer: what is not recorded is settled when the leases end.
    await withTimeout(
      stopMs,
      Promise.all([drain(), ...services.map(async (service) => service.stop())]),
    )
    await sql.end({ timeout: 0.5 })
  }
  return {
    get notifying() {
      return relay.notifying
    },
    health: () => services.map((service) => service.health()),
    stop: async () => (stopped ??= stop()),
  }
}
