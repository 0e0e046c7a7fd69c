import { existsSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import type { Command } from 'commander'
import type { Logger } from 'pino'
import { connect } from '../../db/connect.ts'
import { prepareFirstRun } from '../../db/first-run.ts'
import { type Environment, readEnvironment, withoutPassword } from '../app/config.ts'
import { checkDatabase, isEmbedded } from '../app/database.ts'
import {
  type EnvFile,
  envFilePath,
  quoteForShell,
  readEnvFile,
  writeEnvFile,
} from '../app/env-file.ts'
import { claimFolder, makeDataFolder } from '../app/folder.ts'
import { addHelp } from '../app/help.ts'
import { mediaVariables, openMedia } from '../app/media.ts'
import { createLogger, onReaderGone, print, printJson } from '../app/output.ts'
import { createParts, type Parts } from '../app/parts.ts'
import { explainListen, reservePort, urlOf } from '../app/port.ts'
import { listenForStop, type Stop } from '../app/stop.ts'
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
  'PIGEONPOST_LEASE_MS',
  ...mediaVariables,
  'LOG_LEVEL',
] as const

type Run = {
  config: Pick<Environment, (typeof names)[number]>
  json: boolean
  logger: Logger
  parts: Parts
  stop: Stop
  /** Why we end, where it was not requested. */
  lost: Error | null
}

export function addStart(program: Command): void {
  const command = program
    .command('start')
    .summary('run everything in one process: database, API and worker')
    .description(
      'Run everything in one process: database (embedded, if none is given), API and worker.\n' +
        'Ctrl-C ends it within 5 s and loses nothing; a second Ctrl-C ends it at once.',
    )
    .option('--json', 'print one line of JSON when ready, and log as JSON on a terminal too')
    .action(async (options: { json?: boolean }) => start(options.json === true))
  addHelp(command, {
    environment: names,
    notes: [
      'Writes PIGEONPOST_URL, PIGEONPOST_KEY and DATABASE_URL to the file "env" in the data folder',
      '(mode 0600) before /health/ready answers 200; ". .pigeonpost/env" brings them into a shell.',
    ],
    examples: [
      'pigeonpost start',
      'PORT=0 PIGEONPOST_DATA=/srv/pigeonpost pigeonpost start --json',
      'DATABASE_URL=postgres://owner:secret@db.example.com/app pigeonpost start',
    ],
  })
}

/** Starts the parts, from the database to the API, and stops them in reverse order. */
async function start(json: boolean): Promise<void> {
  const config = readEnvironment(names)
  const logger = createLogger({ level: config.LOG_LEVEL, json })
  const parts = createParts(logger)
  const stop = listenForStop(async () => parts.abandon())
  onReaderGone(() => {})
  const run: Run = { config, json, logger, parts, stop, lost: null }
  try {
    await startAll(run)
    await stop.requested
    if (!json) print('Stopping')
  } finally {
    await parts.stop()
  }
  if (run.lost) throw run.lost
  if (!json) print('Stopped; the data stays where it is')
}

/** Returns early when it is told to stop: the caller ends the parts that run so far. */
async function startAll(run: Run): Promise<void> {
  const { config, json, logger, parts, stop } = run
  // Loaded here and not above: they are slow to load, and `--help` of any command needs none of them.
  const { migrate } = await import('../../db/migrate.ts')
  const { startApi } = await import('../../adapters/http/index.ts')
  const { startWorker } = await import('../../adapters/worker/worker.ts')
  const { startProviders } = await import('../app/providers.ts')

  const claim = await claimFolder(config.PIGEONPOST_DATA)
  parts.add({ name: 'the claim on the data folder', limit: 100, stop: () => claim.release() })
  const reserved = await reservePort(config.HOST, config.PORT)
  parts.add({ name: 'the port', limit: 500, stop: async () => reserved.release() })
  const dataFolder = await makeDataFolder(config.PIGEONPOST_DATA)
  const saved = await readEnvFile(dataFolder)

  const database = await startDatabase(run, dataFolder, saved.DATABASE_URL)
  if (stop.signal.aborted) return
  await migrate({ url: database.directUrl ?? database.url, log: (line) => logger.warn(line) })
  if (stop.signal.aborted) return

  const key = await prepareKey(database.url, saved.PIGEONPOST_KEY)
  const providers = startProviders({ dataFolder, url: database.url, logger })
  parts.add({ name: 'the simulator', limit: 500, stop: providers.stop })
  const ownUrl = urlOf(config.HOST, reserved.port)
  const baseUrl = config.PIGEONPOST_PUBLIC_URL ?? ownUrl
  const media = await openMedia(config, { dataFolder, baseUrl, logger })
  parts.add({ name: 'the storage', limit: 100, stop: () => media.storages.close() })
  const worker = await startWorker({
    url: database.url,
    directUrl: database.directUrl,
    logger,
    providers: providers.all,
    leaseMs: config.PIGEONPOST_LEASE_MS,
    publicUrl: config.PIGEONPOST_PUBLIC_URL,
    media,
  })
  parts.add({ name: 'the worker', limit: 3_500, stop: async () => worker.stop() })
  if (stop.signal.aborted) return

  const values = {
    PIGEONPOST_URL: ownUrl,
    PIGEONPOST_KEY: key,
    DATABASE_URL: database.url,
  }
  const envFile = await writeEnvFile(dataFolder, values)
  await reserved.release()
  try {
    const api = await startApi({
      url: database.url,
      directUrl: database.directUrl,
      host: config.HOST,
      port: reserved.port,
      auth: config.PIGEONPOST_AUTH,
      logger,
      version: packageVersion(),
      publicUrl: config.PIGEONPOST_PUBLIC_URL,
      corsOrigins: config.PIGEONPOST_CORS_ORIGINS,
      media,
    })
    parts.add({ name: 'the API', limit: 1_200, stop: async () => api.close() })
  } catch (error) {
    await envFile.undo()
    throw explainListen(error, config.HOST, reserved.port)
  }
  if (json) printJson({ ...values, envFile: envFilePath(dataFolder), embedded: database.embedded })
  else welcome(values, { dataFolder, embedded: database.embedded })
}

async function prepareKey(url: string, savedKey: string | undefined): Promise<string> {
  const sql = connect(url, { max: 1, name: 'pigeonpost start' })
  try {
    return (await prepareFirstRun(sql, savedKey)).key
  } finally {
    await sql.end({ timeout: 1 })
  }
}

async function startDatabase(
  run: Run,
  dataFolder: string,
  savedUrl: string | undefined,
): Promise<{ url: string; directUrl?: string | undefined; embedded: boolean }> {
  const { config, json, logger, parts, stop } = run
  if (config.DATABASE_URL && !isEmbedded(config, savedUrl)) {
    await checkDatabase(config.DATABASE_URL)
    return { url: config.DATABASE_URL, directUrl: config.DATABASE_DIRECT_URL, embedded: false }
  }
  const { startEmbedded } = await import('../../adapters/postgres/embedded.ts')
  const folder = join(dataFolder, 'pg')
  if (!json) print(`${existsSync(folder) ? 'Starting' : 'Making'} the database in ${folder}`)
  const postgres = await startEmbedded({
    folder,
    log: (line) => logger.info(line),
    onLost: (error) => {
      run.lost = error
      stop.request()
    },
  })
  parts.add({ name: 'the database', limit: 4_000, stop: postgres.stop, outlivesUs: true })
  return { url: postgres.url, embedded: true }
}

function welcome(values: EnvFile, about: { dataFolder: string; embedded: boolean }): void {
  const path = relative('', envFilePath(about.dataFolder))
  // Ours is to be noted down; theirs they have, and this may be somebody's log.
  const url = about.embedded ? values.DATABASE_URL : withoutPassword(values.DATABASE_URL)
  print(`Pigeonpost ${packageVersion()} is ready

  PIGEONPOST_URL  ${values.PIGEONPOST_URL}
  PIGEONPOST_KEY  ${values.PIGEONPOST_KEY}
  DATABASE_URL    ${url}
  API             ${values.PIGEONPOST_URL}/docs

Paste into another terminal, to send a message to the built-in simulator and watch it be read:

  cd ${quoteForShell(resolve('.'))}
  . ${quoteForShell(path.startsWith('..') ? envFilePath(about.dataFolder) : `./${path}`)}
  ${commandName()} send --channel fakechat --to +27831234567 --body 'Hello' --wait

Ctrl-C stops it.`)
}

/** What to type for `pigeonpost` here: in a checkout the launcher, which finds a Node that is new enough. */
function commandName(): string {
  const launcher = join(import.meta.dirname, '..', 'pigeonpost')
  if (!existsSync(launcher)) return 'npx pigeonpost'
  const near = relative('', launcher)
  return quoteIfNeeded(near.startsWith('..') ? launcher : near)
}

function quoteIfNeeded(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : quoteForShell(path)
}
