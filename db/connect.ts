import postgres from 'postgres'
import { type DatabaseAddress, readDatabaseUrl } from './connection/address.ts'
import { arrayTypes } from './array-types.ts'
import { connectionClosed } from './connection/lost.ts'
import { driverOptions, findPooling } from './connection/pooler.ts'
import { socketMaker } from './connection/socket.ts'

const addresses = new WeakMap<Sql, DatabaseAddress>()

export type Sql = postgres.Sql<{ bigint: number }>
export type Transaction = postgres.TransactionSql<{ bigint: number }>
/** Whatever can run a query: a pool, or a transaction of one. */
export type Db = Sql | Transaction

export type ConnectOptions = {
  /** Most connections in the pool. Default 10. */
  max?: number
  /** Shown in pg_stat_activity. Default `pigeonpost`. */
  name?: string
  /** Session settings that every connection starts with. A pooler may refuse them. */
  settings?: Record<string, string>
  /**
   * ms after which a connection on which nothing moves is closed, so that its query fails with CONNECTION_CLOSED. Null
   * for statements that run longer. Default 25,000.
   */
  silenceMs?: number | null
}

/** s; less than the silence that ends a connection, so that idle ones end politely. */
const idleTimeout = 20

/**
 * A pool of connections. Nothing connects before the first query, and a restart of the server does not end the process:
 * the driver asks nothing of its own when it connects, and connections do not end by age while they are used, so a
 * transaction fails for its connection only when the server or the network ends it. See `begin` for the other half.
 *
 * The first connection finds out whether a pooler shares sessions; statements are not prepared then.
 * `bigint` columns come as numbers: our sequences stay below 2^53.
 * @throws InvalidInputError for a URL that cannot be read; and on the first query, with `code` such as ENOTFOUND or
 * 28P01, when the server cannot be reached.
 */
export function connect(url: string, options: ConnectOptions = {}): Sql {
  const address = readDatabaseUrl(url)
  const silenceMs = options.silenceMs === undefined ? 25_000 : options.silenceMs
  const makeSocket = socketMaker(address, silenceMs)
  const sql: Sql = postgres({
    ...driverOptions(address, async (driver) => {
      // Where it cannot be found out, the connection says why: to throw here would cost the pool its place.
      const pooling = await findPooling(address).catch(() => 'transaction')
      driver.prepare = pooling !== 'transaction'
      // A database or a role may have set it otherwise; poolers refuse to.
      if (pooling === 'none') driver.connection['default_transaction_isolation'] = 'read committed'
      return makeSocket().connect()
    }),
    max: options.max ?? 10,
    connect_timeout: 10,
    idle_timeout: idleTimeout,
    // The driver's own grows to 20 s with every connection that a failover ends.
    backoff: (failures: number) => (0.5 + Math.random() / 2) * Math.min(3 ** failures / 100, 1),
    onclose: connectionClosed,
    connection: {
      application_name: options.name ?? 'pigeonpost',
      DateStyle: 'ISO',
      ...address.settings,
      ...options.settings,
    },
    types: {
      ...arrayTypes,
      bigint: { to: 20, from: [20], parse: Number, serialize: String },
    },
  })
  addresses.set(sql, address)
  return sql
}

/** Whether the pool's sessions are its own, so that LISTEN holds. A pool of another's making is taken to be so. */
export async function holdsSessions(sql: Sql): Promise<boolean> {
  const address = addresses.get(sql)
  return address === undefined || (await findPooling(address)) !== 'transaction'
}
