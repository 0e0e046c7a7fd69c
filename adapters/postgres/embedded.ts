import { mkdir, realpath, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { accountForPostgres, canReach, sharedRoot } from './account.ts'
import { findBinaries, type PostgresVersion } from './binaries.ts'
import { type Cluster, createCluster, errorCode, openCluster } from './cluster.ts'
import { EmbeddedPostgresError, InUseError } from './errors.ts'
import { logTail, runningServer, type Server, startServer, stopServer } from './server.ts'

export { EmbeddedPostgresError, InUseError } from './errors.ts'
export type { PostgresVersion } from './binaries.ts'

export type EmbeddedOptions = {
  /** Holds the cluster, its password and its log; made if need be. */
  folder: string
  /** Default: the port of the last time if it is free, else any free one. */
  port?: number
  /** Default 18. Older ones are for the test matrix. */
  version?: PostgresVersion
  /** Lines of postgresql.conf over our own; they take effect when the server starts. */
  settings?: Record<string, string>
  log?: (line: string) => void
  /** Called once if the server dies, or is taken over, while we own it. Default: a line to `log`. */
  onLost?: (error: Error) => void
}

export type EmbeddedPostgres = {
  url: string
  port: number
  folder: string
  /** Stops the server within about 5 s (10 at worst). May be called again. */
  stop(): Promise<void>
}

/** "pigeonpo" in ASCII: the lock that the owner of a data folder holds in database `postgres`. */
const ownerLock = '8100119090161414255'
const retryable = new Set(['57P01', '57P02', '57P03', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'])

/**
 * Starts a real PostgreSQL in a folder, or takes over the one that a killed owner left running there.
 *
 * One live process owns a folder: its claim is an advisory lock on a connection of its own, so it
 * ends with the process and cannot be confused by a pid that is used again. The server is in a
 * session of its own and survives its owner.
 *
 * Listens on 127.0.0.1 only, no socket, by password. Superuser and database are `pigeonpost`. As
 * root it runs as user `postgres`, and moves to /var/lib/pigeonpost where that user cannot enter.
 *
 * @throws {InUseError} when another live process owns the folder; nothing is touched.
 * @throws {EmbeddedPostgresError} when it cannot be created or started, with the end of PostgreSQL's log.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const version = options.version ?? 18
  const log = options.log ?? (() => {})
  const folder = resolve(options.folder)
  await mkdir(folder, { recursive: true })

  const start = await prepare({ folder, version, log, settings: options.settings ?? {} })
  const { cluster } = start
  let held = await claim(cluster, () => start.server(options.port))
  let stopping: Promise<void> | null = null

  const watch = (): void => {
    held.client.once('end', () => {
      if (!stopping) void regain()
    })
  }
  /** A crash of one backend ends every connection; the server comes back, and our lock with it. */
  const regain = async (): Promise<void> => {
    try {
      held = await claim(cluster, async () => {
        const server = await runningServer(cluster)
        if (server) return server
        throw new EmbeddedPostgresError(
          `the embedded PostgreSQL in ${folder} has died; start Pigeonpost again`,
          await logTail(cluster),
        )
      })
      watch()
    } catch (error) {
      if (stopping) return
      const reason = error instanceof Error ? error : new Error(String(error))
      if (options.onLost) options.onLost(reason)
      else log(reason.message)
    }
  }
  watch()

  return {
    url: urlOf(cluster, held.server, 'pigeonpost'),
    port: held.server.port,
    folder,
    stop() {
      // The lock is held until the server is down, so that no process takes over a server that is stopping.
      stopping ??= (async () => {
        try {
          await stopServer(cluster, held.server)
        } finally {
          await held.client.end().catch(() => {})
        }
      })()
      return stopping
    },
  }
}

/** Deletes a folder whose server is stopped, with the data that may lie elsewhere (see startEmbedded). */
export async function removeEmbedded(folder: string): Promise<void> {
  const home = await realpath(join(folder, 'server')).catch(() => null)
  for (const path of [home, folder]) {
    if (path !== null) await rm(path, { recursive: true, force: true })
  }
}

async function prepare(options: {
  folder: string
  version: PostgresVersion
  log: (line: string) => void
  settings: Record<string, string>
}): Promise<{ cluster: Cluster; server(port: number | undefined): Promise<Server | null> }> {
  const { folder, version, log, settings } = options
  const existing = await openCluster(folder, version)
  const account = existing ? existing.account : await accountForPostgres()
  const binaries = await findBinaries({
    version,
    copies: account ? sharedRoot : folder,
    usable: ({ postgres }) => canReach(account, postgres),
    log,
  })
  if (!existing) {
    await createCluster({ folder, account, binaries, durable: settings['fsync'] !== 'off', log })
  }
  const cluster = existing ?? (await openCluster(folder, version))
  if (!cluster) throw new EmbeddedPostgresError(`${folder} lost its cluster as it was made`, '')
  return {
    cluster,
    server: async (port) =>
      (await runningServer(cluster)) ?? (await startServer(cluster, binaries, { port, settings })),
  }
}

/** Finds or starts the server until this process or another one owns it. */
async function claim(
  cluster: Cluster,
  findServer: () => Promise<Server | null>,
): Promise<{ server: Server; client: Client }> {
  for (;;) {
    const server = await findServer()
    if (!server) continue
    const client = new Client({
      connectionString: urlOf(cluster, server, 'postgres'),
      application_name: `pigeonpost owner ${process.pid}`,
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
    })
    client.on('error', () => {})
    try {
      await client.connect()
      await client.query('set idle_session_timeout = 0')
      await takeLock(client, cluster)
      await createDatabase(client)
      return { server, client }
    } catch (error) {
      await client.end().catch(() => {})
      // It was stopping, or not up yet: retry.
      const passing =
        retryable.has(errorCode(error) ?? '') ||
        (error instanceof Error && error.message.startsWith('Connection terminated'))
      if (!passing) throw error
      await delay(50)
    }
  }
}

/** A killed owner's backend needs a moment to notice, so this retries for a second. */
async function takeLock(client: Client, cluster: Cluster): Promise<void> {
  for (let tries = 0; tries < 20; tries += 1) {
    const { rows } = await client.query<{ locked: boolean }>(
      'select pg_try_advisory_lock($1) as locked',
      [ownerLock],
    )
    if (rows[0]?.locked) return
    await delay(50)
  }
  const { rows } = await client.query<{ name: string }>(
    `select application_name as name from pg_locks join pg_stat_activity using (pid)
     where locktype = 'advisory' and granted and application_name like 'pigeonpost owner %'`,
  )
  throw new InUseError(cluster.folder, rows[0]?.name.split(' ').at(-1) ?? null)
}

async function createDatabase(client: Client): Promise<void> {
  const { rowCount } = await client.query(`select from pg_database where datname = 'pigeonpost'`)
  if (rowCount === 0) await client.query('create database pigeonpost')
}

function urlOf(cluster: Cluster, server: Server, database: string): string {
  return `postgres://pigeonpost:${cluster.password}@127.0.0.1:${server.port}/${database}`
}
