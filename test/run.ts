// Runs the suite: one cluster and one migrated template for all files, each file a process, then a line that counts.
// Given no files, it runs all but the slow ones (`*.slow.test.ts`); with --slow only those, with --all both. With --pooler,
// the API and the workers reach the database through a pgbouncer.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createTemplate, startTestCluster } from './support/cluster.ts'
import { startPooler } from './support/pooler.ts'
import { createReport } from './support/report.ts'
import { postgresVersion } from './support/version.ts'

/** More than one for each core, since many wait for something; the cluster has connections for no more than so many. */
const jobs = Math.min(availableParallelism() + 1, 8)
/** Ends what hangs; no file is held to a time. */
const timeoutSeconds = 900

/** Those that take longest come first, so that none of them runs alone at the end. */
const longest = [
  'scripts/media',
  'adapters/postgres/embedded',
  'scripts/commands',
  'migrations/migrate',
  'migrations/plans',
  'adapters/http/bad-input',
  'adapters/http/server/backpressure',
  'scripts/start',
  'adapters/storage/cloudinary',
].map((name) => `test/${name}.test.ts`)

const { values: wanted, positionals } = parseArgs({
  options: {
    slow: { type: 'boolean' },
    all: { type: 'boolean' },
    pooler: { type: 'boolean' },
  },
  allowPositionals: true,
})
const files = positionals.length > 0 ? positionals : testFiles()
const left = [...files]

// A Ctrl-C reaches the children as well; we stay to clean up.
let signalled = 0
const running = new Set<ReturnType<typeof spawn>>()
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
] as const) {
  process.on(signal, () => {
    signalled = number
    left.length = 0
    if (signal !== 'SIGINT') for (const child of running) child.kill(signal)
  })
}

const started = performance.now()
const cluster = await startTestCluster()
const pooler = wanted.pooler ? await startPooler(cluster.url) : null
try {
  await createTemplate(cluster.url)
  const report = createReport((line) => console.log(line), files.length)
  await Promise.all(
    Array.from({ length: jobs }, async () => {
      for (let file = left.shift(); file; file = left.shift()) await run(file, report.file(file))
    }),
  )
  for (const skip of report.skipped) console.log(`skipped: ${skip}`)
  for (const name of report.failed) console.log(`failed: ${name}`)
  console.log(`on PostgreSQL ${postgresVersion}:`)
  const skipped = report.skipped.length > 0 ? `, ${report.skipped.length} skipped` : ''
  const seconds = Math.round((performance.now() - started) / 1_000)
  console.log(`${report.passed} passed, ${report.failed.length} failed${skipped}, in ${seconds} s`)
  process.exitCode = signalled ? 128 + signalled : report.failed.length > 0 ? 1 : 0
} finally {
  await pooler?.stop()
  await cluster.stop()
}

function testFiles(): string[] {
  const { slow = false, all = false } = wanted
  const found = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join('test', name))
    .toSorted()
  for (const name of longest) if (!found.includes(name)) throw new Error(`there is no ${name}`)
  return [...longest, ...found.filter((name) => !longest.includes(name))].filter(
    (name) => all || name.endsWith('.slow.test.ts') === slow,
  )
}

/**
 * A file by itself, as `node test/x.test.ts` runs it: tap's own runner would bring loaders into every process, those that
 * the tests start too, for mocks and coverage that we do not use.
 */
async function run(file: string, report: ReturnType<ReturnType<typeof createReport>['file']>) {
  const child = spawn(process.execPath, [file], {
    env: {
      ...process.env,
      PIGEONPOST_TEST_URL: cluster.url,
      ...(pooler ? { PIGEONPOST_TEST_POOLER: pooler.host } : {}),
      TAP_TIMEOUT: String(timeoutSeconds),
      // Nearly half of what a process needs to start is to compile the same modules again.
      NODE_COMPILE_CACHE: join(import.meta.dirname, '..', '.tap', 'compile-cache'),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  running.add(child)
  child.stdout.setEncoding('utf8').on('data', (text: string) => report.write(text))
  // tap ends a file that hangs, unless it is stuck in one place.
  const stuck = setTimeout(() => child.kill('SIGKILL'), (timeoutSeconds + 60) * 1_000)
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  clearTimeout(stuck)
  running.delete(child)
  report.end(code ?? signal ?? 1)
}
