import { execFile, spawn } from 'node:child_process'
import { open, readFile, rename, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Binaries } from './binaries.ts'
import {
  childEnvironment,
  type Cluster,
  errorCode,
  nullIfMissing,
  processExists,
  replaceFile,
} from './cluster.ts'
import { EmbeddedPostgresError } from './errors.ts'

export type Server = { pid: number; port: number }

const maxLogBytes = 10 * 1024 * 1024
const fastShutdownMs = 5_000

/** The server that runs on this cluster, once it is ready; null where none runs. */
export async function runningServer(cluster: Cluster): Promise<Server | null> {
  for (;;) {
    const file = await readPidFile(cluster)
    if (!file || !(await isServerOf(cluster, file.pid))) return null
    if (file.state === 'ready' && file.port > 0) return { pid: file.pid, port: file.port }
    await delay(20)
  }
}

/**
 * Starts a server in a session of its own: a terminal's Ctrl-C is for us, and the database must
 * outlive us until the last outcome is recorded. (So would pg_ctl do it, but by way of a shell,
 * which breaks paths with quotes.) Returns null where another process started it first.
 */
export async function startServer(
  cluster: Cluster,
  binaries: Binaries,
  options: { port: number | undefined; settings: Record<string, string> },
): Promise<Server | null> {
  const giveUp = Date.now() + 10_000
  for (;;) {
    const port = options.port ?? (await choosePort(cluster))
    if (options.port !== undefined && !(await isFree(options.port))) throw portTaken(options.port)
    await writeSettings(cluster, { ...options.settings, port: String(port) })
    await disownReusedPid(cluster)
    const outcome = await launch(cluster, binaries)
    if (outcome.pid !== null) return { pid: outcome.pid, port }
    if (outcome.output.includes('lock file "postmaster.pid" already exists')) return null
    const taken = /could not bind|Address already in use/.test(outcome.output)
    if (taken && options.port !== undefined) throw portTaken(options.port)
    // A server that was killed leaves its children behind for a moment.
    const passing = taken || outcome.output.includes('pre-existing shared memory block')
    if (!passing || Date.now() > giveUp) {
      throw new EmbeddedPostgresError(
        `PostgreSQL did not start in ${cluster.folder}`,
        outcome.output,
      )
    }
    await delay(100)
  }
}

/** Ends the server: what is committed is on disk when this returns. */
export async function stopServer(cluster: Cluster, server: Server): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    if (!(await isServerOf(cluster, server.pid))) return
    process.kill(server.pid, signal)
    const deadline = Date.now() + fastShutdownMs
    while (Date.now() < deadline) {
      if (!(await isServerOf(cluster, server.pid))) return
      await delay(20)
    }
  }
  throw new EmbeddedPostgresError(`PostgreSQL in ${cluster.folder} does not stop`, '')
}

/** The end of the server's log, for messages. */
export async function logTail(cluster: Cluster, from = 0): Promise<string> {
  const log = await readFile(cluster.log).catch(nullIfMissing)
  return log ? log.subarray(Math.max(from, log.length - 4_000)).toString() : ''
}

async function launch(
  cluster: Cluster,
  binaries: Binaries,
): Promise<{ pid: number | null; output: string }> {
  const before = await stat(cluster.log).catch(nullIfMissing)
  if (before && before.size > maxLogBytes) await rename(cluster.log, `${cluster.log}.1`)
  const from = before && before.size <= maxLogBytes ? before.size : 0
  const log = await open(cluster.log, 'a', 0o600)
  try {
    const { account } = cluster
    const child = spawn(binaries.postgres, ['-D', cluster.data], {
      ...(account && { uid: account.uid, gid: account.gid }),
      cwd: '/',
      detached: true,
      env: childEnvironment(),
      stdio: ['ignore', log.fd, log.fd],
    })
    const end: { words: string | null } = { words: null }
    child.once('error', (error) => (end.words = `${error.message}\n`))
    child.once('exit', () => (end.words ??= ''))
    child.unref()
    for (;;) {
      const file = await readPidFile(cluster)
      if (file && file.pid === child.pid && file.state === 'ready') {
        return { pid: file.pid, output: '' }
      }
      if (end.words !== null) {
        return { pid: null, output: end.words + (await logTail(cluster, from)) }
      }
      await delay(10)
    }
  } finally {
    await log.close()
  }
}

async function readPidFile(
  cluster: Cluster,
): Promise<{ pid: number; port: number; state: string } | null> {
  const text = await readFile(join(cluster.data, 'postmaster.pid'), 'utf8').catch(nullIfMissing)
  if (text === null) return null
  const lines = text.split('\n')
  return {
    pid: Number(lines[0]),
    port: Number(lines[3] ?? 0),
    state: (lines[7] ?? '').trim(),
  }
}

/** Pids are reused, especially after a restart of a container, so the process must name our data folder. */
async function isServerOf(cluster: Cluster, pid: number): Promise<boolean> {
  if (!processExists(pid)) return false
  if (process.platform === 'linux') {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    return line.split('\0').includes(cluster.data)
  }
  const ps = promisify(execFile)('ps', ['-ww', '-p', String(pid), '-o', 'command='])
  return ps.then(
    ({ stdout }) => stdout.includes(cluster.data),
    () => false,
  )
}

/**
 * PostgreSQL takes a pid file whose pid lives as a server's, whatever that process is. Such a pid is
 * replaced by one that cannot exist; the rest stays, by which it sees surviving children of the dead.
 */
async function disownReusedPid(cluster: Cluster): Promise<void> {
  const path = join(cluster.data, 'postmaster.pid')
  const text = await readFile(path, 'utf8').catch(nullIfMissing)
  const pid = Number.parseInt(text ?? '', 10)
  if (text === null || !processExists(pid) || (await isServerOf(cluster, pid))) return
  await replaceFile(path, text.replace(/^\d+/, '2147483646'), cluster.account)
}

async function writeSettings(cluster: Cluster, given: Record<string, string>): Promise<void> {
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    timezone: 'UTC',
    log_timezone: 'UTC',
    max_connections: '200',
    shared_buffers: '256MB',
    max_wal_size: '4GB',
    random_page_cost: '1.1',
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    log_min_messages: 'warning',
    log_checkpoints: 'off',
    log_line_prefix: '%m [%p] %q%u@%d ',
    ...given,
  }
  const quote = (value: string): string =>
    `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${quote(value)}\n`)
  await replaceFile(join(cluster.data, 'pigeonpost.conf'), lines.join(''), cluster.account)
}

/** The port of the last time if it is free, so that a `DATABASE_URL` that was noted down stays good. */
async function choosePort(cluster: Cluster): Promise<number> {
  const last = await readFile(join(cluster.data, 'pigeonpost.conf'), 'utf8').catch(nullIfMissing)
  const port = Number(/^port = '(\d+)'/m.exec(last ?? '')?.[1])
  if (port && (await isFree(port))) return port
  return listenOnce(0)
}

async function isFree(port: number): Promise<boolean> {
  return listenOnce(port).then(
    () => true,
    (error) => {
      if (errorCode(error) === 'EADDRINUSE') return false
      throw error
    },
  )
}

async function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : port))
    })
  })
}

function portTaken(port: number): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `port ${port} for the embedded PostgreSQL is taken by another program`,
    '',
  )
}
