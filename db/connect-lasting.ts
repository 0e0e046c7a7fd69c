import postgres from 'postgres'
import { arrayTypes } from './array-types.ts'
import type { ConnectOptions, Sql } from './connect.ts'

/**
 * A pool as `connect` makes it, for processes that must outlive their database's restarts: the driver asks nothing on
 * its own when it connects, and connections do not end by age, so a transaction fails for its connection only when the
 * server or the network ends it. See `begin` for the other half.
 */
export function connectLasting(url: string, options: ConnectOptions = {}): Sql {
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
