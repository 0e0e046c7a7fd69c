import type { Socket } from 'node:net'
import postgres from 'postgres'
import { type DatabaseAddress, readDatabaseUrl } from './address.ts'
import { InvalidInputError } from '../errors.ts'
import { socketMaker } from './socket.ts'

const known = new Map<string, Promise<Pooling>>()
/** As many backends as a pooler may go through in turn before one is seen twice. */
const looks = 60
const silenceMs = 10_000

/**
 * What is between us and a server. `transaction`: a pooler that gives a server's session to one client after another, as
 * pgbouncer does in `pool_mode = transaction`; then nothing of a session holds from one transaction to the next: prepared
 * statements, LISTEN, advisory locks. `session`: one that does not.
 */
export type Pooling = 'none' | 'session' | 'transaction'

/** Asked once for an address; a failure is not kept. */
export async function findPooling(address: DatabaseAddress): Promise<Pooling> {
  const { hosts, user, database } = address
  const key = JSON.stringify([hosts, user, database])
  const asked = known.get(key) ?? find(address)
  known.set(key, asked)
  try {
    return await asked
  } catch (error) {
    known.delete(key)
    throw error
  }
}

/**
 * For what needs a session of its own. A database that does not answer passes: connecting says why.
 * @throws InvalidInputError, code `pooler`, where a pooler shares sessions
 */
export async function needSession(url: string, what: string): Promise<void> {
  const pooling = await findPooling(readDatabaseUrl(url)).catch(() => 'none')
  if (pooling !== 'transaction') return
  throw new InvalidInputError(
    `${what} needs sessions of its own, and DATABASE_URL leads to a pooler that shares them`,
    {
      code: 'pooler',
      field: 'DATABASE_DIRECT_URL',
      hint: 'Set DATABASE_DIRECT_URL to the server itself, past the pooler, or to a pool in session mode.',
    },
  )
}

async function find(address: DatabaseAddress): Promise<Pooling> {
  const makeSocket = socketMaker(address, silenceMs)
  const client = () =>
    postgres({
      ...driverOptions(address, () => makeSocket().connect()),
      max: 1,
      prepare: false,
      connect_timeout: 5,
      connection: { application_name: 'pigeonpost check' },
    })
  const clients = [client(), client()] as const
  try {
    const first = await lookAt(clients[0])
    // A server tells its clients the pid of their backend when they connect; a pooler tells a number of its own.
    if (first.announced === first.pid) return 'none'
    const seen = [new Set([first.pid]), new Set<number>()] as const
    for (let look = 1; look < looks; look++) {
      // One, other, other, one: a pooler that takes two backends in turn gives each client the other's, too.
      const turn = look % 4 === 1 || look % 4 === 2 ? 1 : 0
      const { pid } = await lookAt(clients[turn])
      seen[turn].add(pid)
      if (seen[turn === 0 ? 1 : 0].has(pid)) return 'transaction'
    }
    return 'session'
  } finally {
    await Promise.all(clients.map(async (sql) => sql.end({ timeout: 1 })))
  }
}

async function lookAt(sql: postgres.Sql): Promise<{ pid: number; announced: number }> {
  const rows = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`
  return { pid: rows[0]?.pid ?? -1, announced: rows.state.pid }
}

/** What postgres.js sees of its options when it asks for a socket, before a connection's first message. */
export type DriverOptions = { prepare: boolean; connection: Record<string, unknown> }

/**
 * Where postgres.js connects to, as whom and by which socket; it asks nothing of its own then. Its types lack sockets and
 * lists of hosts, which its documents have.
 */
export function driverOptions(
  address: DatabaseAddress,
  socket: (options: DriverOptions) => Socket | Promise<Socket>,
): object {
  const { hosts, user, password, database, sslMode, tls, targetSessionAttrs } = address
  return {
    host: hosts.map(({ host }) => host),
    port: hosts.map(({ port }) => port),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(database === undefined ? {} : { database }),
    ...(targetSessionAttrs === 'any' ? {} : { target_session_attrs: targetSessionAttrs }),
    ssl:
      sslMode === 'disable' ? false : sslMode === 'allow' || sslMode === 'prefer' ? sslMode : tls,
    max_lifetime: null,
    fetch_types: false,
    onnotice: () => {},
    socket,
  }
}
