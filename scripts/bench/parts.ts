import { benchApi, describeApi } from './parts/api.ts'
import { benchBulk } from './parts/bulk.ts'
import { benchCost } from './parts/cost.ts'
import { benchDeliveries } from './parts/deliveries.ts'
import { benchHistory } from './parts/history.ts'
import { benchIdle } from './parts/idle.ts'
import { benchLatency } from './parts/latency.ts'
import { describe, type Outcome, verdict } from './rounds.ts'
import { benchLifecycle } from './parts/lifecycle.ts'
import { benchSingle } from './parts/single.ts'
import { benchWebhooks } from './parts/webhooks.ts'
import { benchWorker } from './parts/worker.ts'

export type PartOptions = {
  rounds: number
  /** Length of one sample. */
  seconds: number
  /** Messages inserted for a sample of `worker`. */
  inserts: number
  /** Messages inserted for `cost`, to see what they take. */
  rows: number
  /** Messages stored for `history`. */
  messages: number
  /** Messages sent for a sample of `deliveries`. */
  deliveries: number
  /** For `api`: messages stored, requests a second, and for how many seconds. */
  apiMessages: number
  apiRate: number
  apiSeconds: number
  /** Of `bulk` only these shapes, of `webhooks` only these channels; all by default. */
  only?: readonly string[]
  log: (line: string) => void
}

/** What is written as JSON, and what people read. */
type Measured = { result: unknown; lines: string[] }

const outcome = (measured: Outcome): Measured => ({ result: measured, lines: describe(measured) })
const outcomes = (measured: Outcome[]): Measured => ({
  result: measured,
  lines: measured.flatMap(describe),
})

/** Each part prepares for itself, so that one can be run alone. */
export const parts = {
  single: async (url, options) => outcome(await benchSingle(url, options)),
  worker: async (url, options) => outcome(await benchWorker(url, options)),
  cost: async (url, options) => outcomes(await benchCost(url, options)),
  bulk: async (url, options) => outcome(await benchBulk(url, options)),
  latency: async (url) => {
    const result = await benchLatency(url, { inserts: 300 })
    const lines = result.map(
      ({ name, p50, p99, met }) =>
        `${name}: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms (target 10, 60) ${verdict(met)}`,
    )
    return { result, lines }
  },
  deliveries: async (url, options) => outcome(await benchDeliveries(url, options)),
  lifecycle: async (url) => outcome(await benchLifecycle(url, { messages: 10_000 })),
  idle: async (url) => {
    const result = await benchIdle(url, { queued: 10_000 })
    const line = result
      ? `between sends at 20 a minute, ${result.queued} queued: ${result.betweenSends.toFixed(1)} ms of CPU a second, ` +
        `${result.nothingQueued.toFixed(1)} with nothing queued (target: no more) ${verdict(result.met)}`
      : 'between sends: not measured, this system does not tell what a process used'
    return { result, lines: [line] }
  },
  webhooks: async (url, options) => outcome(await benchWebhooks(url, options)),
  api: async (url, options) => {
    const { apiMessages: messages, apiRate: rate, apiSeconds: seconds, log } = options
    const result = await benchApi(url, { messages, rate, seconds, log })
    return { result, lines: describeApi(result) }
  },
  history: async (url, options) => {
    const result = await benchHistory(url, options)
    const line =
      `last 50 of a thread, p99: ${result.small.p99.toFixed(2)} ms of ${result.small.messages} stored, ` +
      `${result.large.p99.toFixed(2)} ms of ${result.large.messages}: ${result.ratio.toFixed(2)} times ` +
      `(target 1.2) ${verdict(result.met)}`
    return { result, lines: [line] }
  },
} as const satisfies Record<string, (url: string, options: PartOptions) => Promise<Measured>>

export type PartName = keyof typeof parts
