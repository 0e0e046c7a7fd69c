import { type Child, startChild } from './child.ts'
import { cpuMs } from './cpu.ts'

/** What one client does, one call after another, for so many seconds or so many calls. */
export type Work = {
  url: string
  /** A statement with $1, $2 … */
  text: string
  /** The values of a call, in turn; behind the message's external id where it is `identified`. */
  rows?: string[][]
  /** Instead: objects for ingest(), whose call tells `stored`. */
  items?: Record<string, unknown>[]
  identified: boolean
  /** Rows of one call: each parameter is then an array. Default one, no array. */
  batch?: number
}

export type Task = Work & {
  lane: number
  lanes: number
  /** Makes external ids differ from run to run. */
  run: string
  seconds?: number
  count?: number
  /** Calls once before anything is counted, so that plans are made. */
  prepare?: boolean
  wal?: boolean
}

export type Done = {
  calls: number
  seconds: number
  /** Bytes of WAL that the backend wrote, where asked for. */
  wal: number
  /** Of the backend. */
  pid: number
}

export type Clients = {
  /** Calls per second of the first `lanes` clients, each with its own connection, one call after another. */
  rate(work: Work, options: { seconds: number; lanes?: number }): Promise<number>
  /** So many calls by each of the clients. */
  count(work: Work, options: { count: number; lanes?: number; wal?: boolean }): Promise<Done[]>
  /** µs of CPU that the backend uses for a call, of so many by one client; NaN where the system does not tell. */
  cpu(work: Work, count: number): Promise<number>
  stop(): Promise<void>
}

let runs = 0

/** Clients in processes of their own: they must not share an event loop, nor a connection. */
export function startClients(size: number): Clients {
  const children: Child[] = Array.from({ length: size }, () => startChild('client', []))
  const all = async (work: Work, task: Partial<Task> & { lanes: number }): Promise<Done[]> => {
    runs += 1
    const run = `${Date.now().toString(36).toUpperCase()}${runs}`
    return Promise.all(
      children.slice(0, task.lanes).map(async (child, lane) => {
        const done = child.next<Done>('done')
        child.tell({ ...work, ...task, lane, run })
        return done
      }),
    )
  }
  return {
    async rate(work, { seconds, lanes = size }) {
      const done = await all(work, { seconds, lanes })
      return done.reduce((sum, one) => sum + one.calls / one.seconds, 0) * (work.batch ?? 1)
    },
    count: async (work, { count, lanes = size, wal = false }) => all(work, { count, lanes, wal }),
    async cpu(work, count) {
      // Plans are made and caches are filled by the first.
      const [warm] = await all(work, { count: Math.min(count, 200), lanes: 1 })
      const pid = warm?.pid ?? 0
      const before = await cpuMs(pid)
      await all(work, { count, lanes: 1 })
      const after = await cpuMs(pid)
      return before === null || after === null ? Number.NaN : ((after - before) * 1000) / count
    },
    async stop() {
      await Promise.all(children.map((child) => child.stop()))
    },
  }
}
