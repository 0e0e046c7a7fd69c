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
  /** Maximum number of connections in the pool. Default 10. */
  max?: number
  /** Shown in pg_stat_activity. Default `pigeonpost`. */
  name?: string
  /** Session settings that every connection starts with. A pooler may refuse them. */
  settings?: Record<string, string>
  /**
   * ms without a byte sent or received after which a connection is closed; its query fails with CONNECTION_CLOSED. Null:
   * never, for statements that run longer. Default 20,000.
   */
  silenceMs?: number | null
}

/** Seconds; less than `silenceMs`, so that idle connections are closed by the protocol. */
const idleTimeout = 15

/**
 * A pool of connections. Nothing connects before the first query, and a restart of the server does not end the process:
 * the driver sends no queries of its own when it connects, and connections have no maximum age, so a transaction loses its
 * connection only when the server or the network ends it. See `begin` for the rest.
 *
 * Before the first connection it finds out whether a pooler shares sessions; then statements are not prepared.
 * `bigint` columns come as numbers: our sequences stay below 2^53.
 * @throws InvalidInputError for a URL that cannot be read; and on the first query, with `code` such as ENOTFOUND or
 * 28P01, when the server cannot be reached.
 */
export function connect(url: string, options: ConnectOptions = {}): Sql {
  const address = readDatabaseUrl(url)
  const silenceMs = options.silenceMs === undefined ? 20_000 : options.silenceMs
  const makeSocket = socketMaker(address, silenceMs)
  const sql: Sql = postgres({
    ...driverOptions(address, async (driver) => {
      // If that fails, connecting fails, too, and says why. An error thrown here would cost the pool a connection for good.
      const pooling = await findPooling(address).catch(() => 'transaction')
      driver.prepare = pooling !== 'transaction'
      // Databases and roles may have another default. Poolers refuse this parameter.
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

/** Whether the pool's sessions are its own, so that LISTEN holds. Pools not made by `connect` are assumed to. */
export async function holdsSessions(sql: Sql): Promise<boolean> {
  const address = addresses.get(sql)
  return address === undefined || (await findPooling(address)) !== 'transaction'
}
