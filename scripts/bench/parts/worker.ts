import { connect } from '../../../db/connect.ts'
import { startClients } from '../clients.ts'
import { interleave, median, type Outcome } from '../rounds.ts'
import { prepareSingles } from './single.ts'
import { createBackgroundWorker } from '../background-worker.ts'

const lanes = 8

/**
 * What a worker does for each inbound message (it relays, folds and counts), as CPU of its process and of its backends
 * from the first insert until it has caught up, over what a backend uses for one insert into the et_messages contract's tables. The
 * messages come as fast as 8 clients can write them, which is to its advantage: it works in larger batches.
 */
export async function benchWorker(
  url: string,
  options: { rounds: number; inserts: number; log: (line: string) => void },
): Promise<Outcome> {
  const sql = connect(url, { max: 2, name: 'bench' })
  const clients = startClients(lanes)
  const worker = createBackgroundWorker(sql, url)
  const each = Math.ceil(options.inserts / lanes)
  const shares: Record<'Node' | 'backends', number[]> = { Node: [], backends: [] }
  try {
    const works = await prepareSingles(sql, url)
    const outcome = await interleave(
      'worker, CPU per inbound message',
      [
        {
          name: 'backend, literal insert',
          async run() {
            await worker.runs(true)
            return clients.cpu(works.literal, each * 2)
          },
        },
        {
          name: 'worker',
          async run() {
            await worker.runs(true)
            const before = await worker.usedMs()
            await clients.count(works.ours, { count: each })
            const after = await worker.usedMsCaughtUp()
            if (!before || !after) return Number.NaN
            const perMessage = (ms: number) => (ms * 1000) / (each * lanes)
            shares.Node.push(perMessage(after.node - before.node))
            shares.backends.push(perMessage(after.backends - before.backends))
            return perMessage(after.node + after.backends - before.node - before.backends)
          },
        },
      ],
      [
        {
          name: 'of the CPU of a literal insert',
          of: 'worker',
          to: 'backend, literal insert',
          target: 0.5,
          atMost: true,
        },
      ],
      { ...options, unit: 'µs' },
    )
    for (const [name, values] of Object.entries(shares)) {
      const measured = values.slice(1)
      outcome.samples[`worker, ${name} alone`] = measured
      outcome.medians[`worker, ${name} alone`] = median(measured)
    }
    return outcome
  } finally {
    await Promise.all([clients.stop(), worker.stop()])
    await sql.end()
  }
}
