// Runs the suite: one cluster and one migrated template for all files, then a line that counts.
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTemplate, startTestCluster } from '../test/support/cluster.ts'
import { postgresVersion } from '../test/support/version.ts'
import { countTap } from '../test/support/count.ts'

const folder = await mkdtemp(join(tmpdir(), 'pigeonpost-tap-'))
const output = join(folder, 'output.tap')
// A Ctrl-C reaches tap as well; we stay to clean up, and end as it did.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

const cluster = await startTestCluster()
try {
  await createTemplate(cluster.url)
  // tap reports every file as failed until its own parts were built for this list of plugins.
  await tap(['build'])
  const code = await tap([`--output-file=${output}`, ...process.argv.slice(2)])
  const count = countTap(await readFile(output, 'utf8').catch(() => ''))
  for (const skip of count.skips) console.log(`skipped: ${skip}`)
  console.log(`PostgreSQL ${postgresVersion}`)
  const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : ''
  console.log(`${count.passed} passed, ${count.failed} failed${skipped}`)
  process.exitCode = code === 0 && count.failed > 0 ? 1 : code
} finally {
  await cluster.stop()
  await rm(folder, { recursive: true, force: true })
}

async function tap(args: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn('tap', args, {
      env: { ...process.env, PIGEONPOST_TEST_URL: cluster.url },
      stdio: ['ignore', args[0] === 'build' ? 'ignore' : 'inherit', 'inherit'],
    })
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
}
