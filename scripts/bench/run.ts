import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type EmbeddedPostgres,
  removeEmbedded,
  startEmbedded,
} from '../../adapters/postgres/embedded.ts'
import { migrate } from '../../db/migrate.ts'
import { listenForStop } from '../stop.ts'
import { benchApi, describeApi } from './api.ts'
import { benchDeliveries } from './deliveries.ts'
import { benchHistory } from './history.ts'
import { benchIdle } from './idle.ts'
import { benchInserts } from './insert.ts'
import { benchLatency } from './latency.ts'
import { machine, type Outcome, verdict } from './rounds.ts'
import { benchWebhooks } from './webhooks.ts'

export type BenchOptions = {
  parts: readonly ('inserts' | 'latency' | 'history' | 'deliveries' | 'webhooks' | 'api')[]
  rounds: number
  /** Length of one sample. */
  seconds: number
  /** Messages stored for `history`. */
  messages: number
  /** Messages sent for a sample of `deliveries`. */
  deliveries: number
  /** For `api`: messages stored, requests a second, and for how many seconds. */
  apiMessages: number
  apiRate: number
  apiSeconds: number
  /** A file for the results as JSON; none by default. */
  output?: string
  log: (line: string) => void
}

/**
 * Measures in a database of its own, with PostgreSQL's own durability, and leaves nothing but the results; nor does one
 * that is stopped by a signal, whose process ends with 130.
 */
export async function runBench(options: BenchOptions): Promise<void> {
  const { requested, signal } = listenForStop()
  const folder = await mkdtemp(join(tmpdir(), 'pigeonpost-bench-'))
  const server = await startEmbedded({
    folder: join(folder, 'pg'),
    settings: { shared_buffers: '1GB', max_wal_size: '4GB', checkpoint_timeout: '30min' },
  })
  try {
    // What is under way then fails with the database that it measures, and nobody waits for it.
    await Promise.race([measure(server, options), requested])
  } finally {
    await server.stop()
    await removeEmbedded(server.folder)
    await rm(folder, { recursive: true, force: true })
  }
  if (signal.aborted) {
    options.log('stopped; nothing is left of it')
    process.exit(130)
  }
}

async function measure(server: EmbeddedPostgres, options: BenchOptions): Promise<void> {
  await migrate({ url: server.url })
  const results: Record<string, unknown> = { machine: machine(), rounds: options.rounds }
  if (options.parts.includes('inserts')) {
    const inserts = await benchInserts(server.url, options)
    results['inserts'] = inserts
    for (const outcome of inserts) print(outcome, options.log)
  }
  if (options.parts.includes('latency')) {
    const latency = await benchLatency(server.url, { inserts: 300 })
    results['latency'] = latency
    for (const { name, p50, p99, met } of latency) {
      options.log(
        `${name}: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms (target 10, 60) ${verdict(met)}`,
      )
    }
  }
  if (options.parts.includes('deliveries')) {
    const deliveries = await benchDeliveries(server.url, options)
    results['deliveries'] = deliveries
    print(deliveries, options.log)
    const idle = await benchIdle(server.url, { queued: 10_000 })
    results['idle'] = idle
    options.log(
      idle
        ? `between sends at 20 a minute, ${idle.queued} queued: ${idle.betweenSends.toFixed(1)} ms of CPU a second, ` +
            `${idle.nothingQueued.toFixed(1)} with nothing queued (target: no more) ${verdict(idle.met)}`
        : 'between sends: not measured, this system does not tell what a process used',
    )
  }
  if (options.parts.includes('webhooks')) {
    const webhooks = await benchWebhooks(server.url, options)
    results['webhooks'] = webhooks
    print(webhooks, options.log)
  }
  if (options.parts.includes('api')) {
    const { apiMessages: messages, apiRate: rate, apiSeconds: seconds, log } = options
    const api = await benchApi(server.url, { messages, rate, seconds, log })
    results['api'] = api
    for (const line of describeApi(api)) log(line)
  }
  if (options.parts.includes('history')) {
    const history = await benchHistory(server.url, options)
    results['history'] = history
    options.log(
      `last 50 of a thread, p99: ${history.small.p99.toFixed(2)} ms of ${history.small.messages} stored, ` +
        `${history.large.p99.toFixed(2)} ms of ${history.large.messages}: ${history.ratio.toFixed(2)} times ` +
        `(target 1.2) ${verdict(history.met)}`,
    )
  }
  if (options.output) await writeFile(options.output, `${JSON.stringify(results, null, 2)}\n`)
}

function print(outcome: Outcome, log: (line: string) => void): void {
  for (const [name, rate] of Object.entries(outcome.medians)) {
    log(`${outcome.title}: ${name} ${rate.toFixed(0)} rows/s (median)`)
  }
  for (const { name, ratio, target, met } of outcome.ratios) {
    log(`${outcome.title}: ${ratio.toFixed(2)} ${name} (target ${target}) ${verdict(met)}`)
  }
}
