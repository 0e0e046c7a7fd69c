import type { Command } from 'commander'
import { readEnvironment } from '../app/config.ts'
import { findMigratedDatabase } from '../app/database.ts'
import { makeDataFolder } from '../app/folder.ts'
import { addHelp } from '../app/help.ts'
import { mediaVariables, openMedia } from '../app/media.ts'
import { createLogger, print } from '../app/output.ts'
import { explainListen, reservePort, urlOf } from '../app/port.ts'
import { serve } from '../app/serve.ts'
import { packageVersion } from '../app/version.ts'

const names = [
  'DATABASE_URL',
  'DATABASE_DIRECT_URL',
  'PORT',
  'HOST',
  'PIGEONPOST_DATA',
  'PIGEONPOST_AUTH',
  'PIGEONPOST_PUBLIC_URL',
  'PIGEONPOST_CORS_ORIGINS',
  ...mediaVariables,
  'LOG_LEVEL',
] as const

export function addApi(program: Command): void {
  const command = program
    .command('api')
    .summary('run the HTTP server alone')
    .description('Run the HTTP server alone; messages go out by "pigeonpost worker".')
    .option('--json', 'log as JSON on a terminal too')
    .action(async (options: { json?: boolean }) => runApi(options.json === true))
  addHelp(command, {
    environment: names,
    examples: [
      'DATABASE_URL=postgres://app:secret@db.example.com/app pigeonpost api',
      'PORT=0 pigeonpost api',
    ],
  })
}

async function runApi(json: boolean): Promise<void> {
  const config = readEnvironment(names)
  const logger = createLogger({ level: config.LOG_LEVEL, json })
  const url = await findMigratedDatabase()
  const { startApi } = await import('../../adapters/http/index.ts')
  await serve(logger, async (parts) => {
    const reserved = await reservePort(config.HOST, config.PORT)
    parts.add({ name: 'the port', limit: 500, stop: async () => reserved.release() })
    const dataFolder = await makeDataFolder(config.PIGEONPOST_DATA)
    const baseUrl = config.PIGEONPOST_PUBLIC_URL ?? urlOf(config.HOST, reserved.port)
    const media = await openMedia(config, { dataFolder, baseUrl, logger })
    parts.add({ name: 'the storage', limit: 100, stop: () => media.storages.close() })
    await reserved.release()
    const api = await startApi({
      url,
      directUrl: config.DATABASE_DIRECT_URL,
      host: config.HOST,
      port: reserved.port,
      auth: config.PIGEONPOST_AUTH,
      logger,
      version: packageVersion(),
      publicUrl: config.PIGEONPOST_PUBLIC_URL,
      corsOrigins: config.PIGEONPOST_CORS_ORIGINS,
      media,
    }).catch((error: unknown) => {
      throw explainListen(error, config.HOST, config.PORT)
    })
    parts.add({ name: 'the API', limit: 4_000, stop: async () => api.close() })
    print(`The API listens on ${api.url}`)
  })
}
