import type { Command } from 'commander'
import { readEnvironment } from '../app/config.ts'
import { findMigratedDatabase } from '../app/database.ts'
import { makeDataFolder } from '../app/folder.ts'
import { addHelp } from '../app/help.ts'
import { mediaVariables, openMedia } from '../app/media.ts'
import { createLogger, print } from '../app/output.ts'
import { serve } from '../app/serve.ts'

const names = [
  'DATABASE_URL',
  'DATABASE_DIRECT_URL',
  'PIGEONPOST_DATA',
  'PIGEONPOST_PUBLIC_URL',
  'PIGEONPOST_LEASE_MS',
  ...mediaVariables,
  'LOG_LEVEL',
] as const

export function addWorker(program: Command): void {
  const command = program
    .command('worker')
    .summary('run the relay and the delivery alone')
    .description(
      'Run the relay of events and the delivery of messages. Any number may run at once.',
    )
    .option('--json', 'log as JSON on a terminal too')
    .action(async (options: { json?: boolean }) => runWorker(options.json === true))
  addHelp(command, {
    environment: names,
    examples: ['DATABASE_URL=postgres://app:secret@db.example.com/app pigeonpost worker'],
  })
}

async function runWorker(json: boolean): Promise<void> {
  const config = readEnvironment(names)
  const logger = createLogger({ level: config.LOG_LEVEL, json })
  const url = await findMigratedDatabase()
  const { startWorker } = await import('../../adapters/worker/worker.ts')
  const { startProviders } = await import('../app/providers.ts')
  await serve(logger, async (parts) => {
    const dataFolder = await makeDataFolder(config.PIGEONPOST_DATA)
    const providers = startProviders({ dataFolder, url, logger })
    parts.add({ name: 'the simulator', limit: 500, stop: providers.stop })
    // Without a public URL providers are given no links to us: files that we would serve are sent as bytes.
    const baseUrl = config.PIGEONPOST_PUBLIC_URL ?? ''
    const media = await openMedia(config, { dataFolder, baseUrl, logger })
    parts.add({ name: 'the storage', limit: 100, stop: () => media.storages.close() })
    const worker = await startWorker({
      url,
      directUrl: config.DATABASE_DIRECT_URL,
      logger,
      providers: providers.all,
      leaseMs: config.PIGEONPOST_LEASE_MS,
      publicUrl: config.PIGEONPOST_PUBLIC_URL,
      media,
    })
    parts.add({ name: 'the worker', limit: 4_000, stop: async () => worker.stop() })
    print('The worker runs')
  })
}
