// Runs the suite: one cluster and one migrated template for all files, then a line that counts.
// Given no files, it runs all but the slow ones (`*.slow.test.ts`); with --slow only those, with --all both. With --pooler
// the API and the workers reach the database by a pgbouncer.
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createTemplate, startTestCluster } from './support/cluster.ts'
import { startPooler } from './support/pooler.ts'
import { readTap } from './support/report.ts'
import { postgresVersion } from './support/version.ts'

// A Ctrl-C reaches tap as well; we stay to clean up.
let signalled = 0
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
] as const) {
  process.on(signal, () => (signalled = number))
}

const { values: wanted, positionals } = parseArgs({
  options: {
    slow: { type: 'boolean' },
    all: { type: 'boolean' },
    pooler: { type: 'boolean' },
  },
  allowPositionals: true,
})
const files = positionals.length > 0 ? positionals : testFiles()

const started = performance.now()
const cluster = await startTestCluster()
const pooler = wanted.pooler ? await startPooler(cluster.url) : null
try {
  await createTemplate(cluster.url)
  // tap reports every file as failed until its own parts were built for this list of plugins.
  await tap(['build'])
  const { parser, count } = readTap((line) => console.log(line), files.length)
  const code = await tap(['--reporter=tap', ...files], (text) => parser.write(text))
  parser.end()
  for (const skip of count.skipped) console.log(`skipped: ${skip}`)
  for (const name of count.failed) console.log(`failed: ${name}`)
  console.log(`on PostgreSQL ${postgresVersion}:`)
  const skipped = count.skipped.length > 0 ? `, ${count.skipped.length} skipped` : ''
  const seconds = Math.round((performance.now() - started) / 1_000)
  console.log(`${count.passed} passed, ${count.failed.length} failed${skipped}, in ${seconds} s`)
  process.exitCode = signalled ? 128 + signalled : code || (count.failed.length > 0 ? 1 : 0)
} finally {
  await pooler?.stop()
  await cluster.stop()
}

function testFiles(): string[] {
  const { slow = false, all = false } = wanted
  return readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .filter((name) => all || name.endsWith('.slow.test.ts') === slow)
    .map((name) => join('test', name))
    .toSorted()
}

async function tap(args: string[], read: (text: string) => void = () => {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn('tap', args, {
      env: {
        ...process.env,
        PIGEONPOST_TEST_URL: cluster.url,
        ...(pooler ? { PIGEONPOST_TEST_POOLER: pooler.host } : {}),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    child.stdout.setEncoding('utf8').on('data', read)
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
    for (const signal of ['SIGTERM', 'SIGHUP'] as const)
      process.once(signal, () => child.kill(signal))
  })
}
