// graphile-worker in a process of its own, for jobs that are queued already.
// Tells its parent {ready}, starts when told to, and says {doneMs} when the last job is.
import { Logger, run, type RunnerOptions, type TaskList } from 'graphile-worker'
import pg from 'pg'
import { statements } from './jobs-statements.ts'

const [url, mode, count = '0'] = process.argv.slice(2)
if (!url || (mode !== 'noop' && mode !== 'rows')) {
  throw new Error('usage: jobs.ts URL noop|rows COUNT')
}
const connections = mode === 'rows' ? 24 : 10
const pool = new pg.Pool({
  connectionString: url,
  max: connections,
  // Nobody listens here, so nobody is notified.
  ...(mode === 'rows' ? { options: '-c pigeonpost.notify=off' } : {}),
})
const broke = (error: Error) => console.error(error.message)
pool.on('error', broke)
pool.on('connect', (client) => client.on('error', broke))
let left = Number(count)
const finished = Promise.withResolvers<void>()
const count1 = () => {
  left -= 1
  if (left === 0) finished.resolve()
}

const { claim, record } = statements
const noopSend = async (id: string) => ({
  outcome: 'sent' as const,
  externalMessageId: `job-${id}`,
})

const taskList: TaskList = {
  async bench_noop() {
    count1()
  },
  async bench_rows(payload) {
    const { tenantId, id } = payload as { tenantId: number; id: string }
    await deliver(tenantId, id).catch((error: unknown) => {
      // It would only be tried again, later and later.
      console.error(error)
      process.exit(1)
    })
    count1()
  },
}

async function deliver(tenantId: number, id: string): Promise<void> {
  const claimed = await pool.query<{ attempt_id: string }>({ ...claim, values: [tenantId, id] })
  const attempt = claimed.rows[0]?.attempt_id
  if (!attempt) throw new Error('it was not queued')
  const outcome = await noopSend(id)
  await pool.query({ ...record, values: [tenantId, id, attempt, outcome.externalMessageId, 0] })
}
const best: RunnerOptions['preset'] = {
  worker: {
    concurrentJobs: 24,
    localQueue: { size: 500, refetchDelay: { durationMs: 10 } },
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
  },
}

// Connections are made before the clock starts, as those of a worker that runs are.
await Promise.all(Array.from({ length: connections }, () => pool.query('select pg_sleep(0.05)')))
process.send?.({ ready: true })
process.once('message', () => void work())

async function work(): Promise<void> {
  const started = performance.now()
  const runner = await run({
    pgPool: pool,
    taskList,
    noHandleSignals: true,
    logger: new Logger(() => () => {}),
    crontab: '',
    ...(mode === 'rows' && best ? { preset: best } : {}),
  })
  await finished.promise
  for (;;) {
    const { rows } = await pool.query('select from graphile_worker._private_jobs limit 1')
    if (rows.length === 0) break
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  process.send?.({ doneMs: performance.now() - started })
  await runner.stop()
  await pool.end()
  process.disconnect()
}
