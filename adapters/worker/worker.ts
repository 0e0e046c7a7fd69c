import { setMaxListeners } from 'node:events'
import type { Logger } from 'pino'
import { connect } from '../../db/connect.ts'
import { addDeliverJobs } from '../../db/delivery/add-jobs.ts'
import type { Target } from '../../db/delivery/lease.ts'
import { wakeAccount } from '../../db/delivery/wake.ts'
import type { Provider } from '../channels/channel.ts'
import { createBreakers } from './delivery/breakers.ts'
import { type DeliverContext, deliverTurn } from './delivery/deliver.ts'
import { createFlights, type Flights } from './delivery/in-flight.ts'
import { createOutboundFiles } from '../media/outbound.ts'
import type { MediaOptions } from './media/context.ts'
import { startMedia } from './media/media.ts'
import { createPace } from './delivery/batch-size.ts'
import { startRelay } from './relay/relay.ts'
import { startRunner } from './delivery/runner.ts'
import { startSweeper } from './delivery/sweep.ts'
import { startUpkeep } from './maintenance/maintenance.ts'
import { atMost, within } from '../shared/wait.ts'

export type WorkerOptions = {
  url: string
  logger: Logger
  /** By name, as accounts give it. */
  providers: Map<string, Provider>
  /** ms after which the work of a worker that died is taken over. Default 30,000; requests get 0.8 of it. */
  leaseMs?: number
  /** ms between two looks for accounts that are due and of which no hint came. Default 2,000. */
  sweepMs?: number
  /** Where the internet reaches the API, for providers that report there; null where nowhere. */
  publicUrl?: string | null
  /** Where files lie and who scans them; without it, they wait for a worker that knows, and so does what takes them along. */
  media?: MediaOptions
}

export type Worker = {
  /** Whether its relay notifies in place of the triggers. */
  readonly notifying: boolean
  /**
   * Claims no more, waits up to 2 s for requests that are under way and aborts the rest, records what became of them,
   * gives back what was not sent, notifies once more. Returns within 4 s.
   */
  stop(): Promise<void>
}

const turns = 8
const graceMs = 2_000
const stopMs = 3_300

/**
 * Starts a worker: the relay, a runner of `deliver` turns, and a sweep for accounts that are due. Any number may run on
 * one database. What the database does, a restart included, ends none of it: everything tries again, and logs.
 */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { url, logger, providers } = options
  const sql = connect(url, { max: turns + 4, name: 'pigeonpost worker' })
  const stopping = new AbortController()
  const hardStop = new AbortController()
  for (const { signal } of [stopping, hardStop]) setMaxListeners(0, signal)
  const pace = createPace()
  const breakers = createBreakers(sql, logger)
  const flying = new Map<string, Flights>()

  const sweeper = startSweeper({ sql, logger, everyMs: options.sweepMs ?? 2_000 })
  const upkeep = startUpkeep({ sql, logger })
  const media = options.media ? startMedia({ ...options.media, sql, logger }) : null
  const files = options.media
    ? createOutboundFiles(sql, options.media.storages, options.publicUrl ?? null)
    : null
  const context: DeliverContext = {
    sql,
    logger,
    providers,
    pace,
    breakers,
    leaseMs: options.leaseMs ?? 30_000,
    turnMs: Math.min(1_000, (options.leaseMs ?? 30_000) / 4),
    lingerMs: 250,
    stopping: stopping.signal,
    hardStop: hardStop.signal,
    takesFiles: files !== null,
    flightsOf,
  }

  function flightsOf(target: Target): Flights {
    for (const [key, flights] of flying) {
      if (flights.open + flights.unrecorded === 0) flying.delete(key)
    }
    const key = `${target.tenantId}:${target.accountId}`
    const known = flying.get(key)
    if (known) return known
    const flights = createFlights(target, {
      sql,
      logger,
      pace,
      breakers,
      publicUrl: options.publicUrl ?? null,
      files,
      hardStop: hardStop.signal,
      onRetry: (inMs) => void wake(target, inMs),
    })
    flying.set(key, flights)
    return flights
  }

  /** A retry that was recorded after its turn had ended. */
  async function wake(target: Target, inMs: number): Promise<void> {
    try {
      await wakeAccount(sql, target, inMs)
      sweeper.expect(inMs)
    } catch (error) {
      logger.warn({ err: error, ...target }, 'could not note a retry; the sweep finds it')
    }
  }

  async function deliver(target: Target): Promise<void> {
    if (stopping.signal.aborted) return
    try {
      const { took, dueInMs } = await deliverTurn(context, target)
      if (!took || dueInMs === null || stopping.signal.aborted) return
      if (dueInMs === 0) await addDeliverJobs(sql, [target])
      else sweeper.expect(dueInMs)
    } catch (error) {
      logger.warn({ err: error, ...target }, 'a turn failed; its lease runs out')
    }
  }

  const runner = startRunner({ url, logger, turns, deliver })
  const relay = startRelay({
    url,
    logger,
    async onWoken(woken) {
      const due = woken.filter((account) => !account.leased && account.dueInMs === 0)
      for (const { dueInMs } of woken) if (dueInMs > 0) sweeper.expect(dueInMs)
      await addDeliverJobs(sql, due)
    },
  })

  async function land(): Promise<void> {
    const open = () => [...flying.values()].filter((f) => f.open + f.unrecorded > 0)
    const started = performance.now()
    for (let left = open(); left.length > 0; left = open()) {
      const ms = performance.now() - started
      if (ms > graceMs) hardStop.abort()
      if (ms > graceMs + 1_000) {
        logger.error({ accounts: left.length }, 'ended with outcomes that are not recorded')
        break
      }
      const ever = new AbortController().signal
      await within(Promise.race(left.map((flights) => flights.change())), 50, ever)
    }
    hardStop.abort()
  }

  let stopped: Promise<void> | null = null
  async function stop(): Promise<void> {
    stopping.abort()
    // A database that does not answer must not hold us: what it does not hear, it learns by the leases.
    await atMost(
      stopMs,
      Promise.all([
        sweeper.stop(),
        upkeep.stop(),
        media?.stop(),
        runner.stop(),
        land(),
        relay.stop(),
      ]),
    )
    await sql.end({ timeout: 0.5 })
  }
  return {
    get notifying() {
      return relay.notifying
    },
    stop: async () => (stopped ??= stop()),
  }
}
