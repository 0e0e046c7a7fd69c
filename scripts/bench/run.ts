import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type EmbeddedPostgres,
  removeEmbedded,
  startEmbedded,
} from '../../adapters/postgres/embedded.ts'
import { migrate } from '../../db/migrate.ts'
import { listenForStop } from '../app/stop.ts'
import { type PartName, type PartOptions, parts } from './parts.ts'
import { machine } from './rounds.ts'

export type BenchOptions = PartOptions & {
  parts: readonly PartName[]
  /** A file for the results as JSON; none by default. */
  output?: string
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
  for (const name of Object.keys(parts) as PartName[]) {
    if (!options.parts.includes(name)) continue
    const { result, lines } = await parts[name](server.url, options)
    results[name] = result
    for (const line of lines) options.log(line)
    // After each, so that what was measured is kept when a later part fails.
    if (options.output) await writeFile(options.output, `${JSON.stringify(results, null, 2)}\n`)
  }
}
