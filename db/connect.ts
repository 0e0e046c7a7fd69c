import postgres from 'postgres'
import { arrayTypes } from './array-types.ts'

export type Sql = postgres.Sql<{ bigint: number }>
export type Transaction = postgres.TransactionSql<{ bigint: number }>
/** Whatever can run a query: a pool, or a transaction of one. */
export type Db = Sql | Transaction

export type ConnectOptions = {
  /** Maximum number of connections in the pool. Default 10. */
  max?: number
  /** Shown in pg_stat_activity. Default `pigeonpost`. */
  name?: string
  /** Session settings that every connection starts with. */
  settings?: Record<string, string>
}

/**
 * A pool of connections. Nothing connects before the first query, and a restart of the server does not end the process:
 * the driver sends no queries of its own when it connects, and connections have no maximum age, so a transaction loses its
 * connection only when the server or the network ends it. See `begin` for the rest.
 * `bigint` columns come as numbers: our sequences stay below 2^53.
 * @throws on the first query, with `code` such as ENOTFOUND or 28P01, when the server cannot be reached.
 */
export function connect(url: string, options: ConnectOptions = {}): Sql {
  return postgres(url, {
    max: options.max ?? 10,
    connect_timeout: 10,
    fetch_types: false,
    max_lifetime: null,
    onnotice: () => {},
    connection: { application_name: options.name ?? 'pigeonpost', ...options.settings },
    types: {
      ...arrayTypes,
      bigint: { to: 20, from: [20], parse: Number, serialize: String },
    },
  })
}
