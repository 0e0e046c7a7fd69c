import type { Sql, Transaction } from '../../../db/connect.ts'
import { asTenant } from '../../../db/tenant.ts'
import type { Receiver } from '../../inbound/index.ts'
import type { Storages } from '../../media/index.ts'
import type { Scanner } from '../../scan/index.ts'
import type { Admit } from './admission.ts'

/** What resources are given. */
export type Services = {
  context: ApiContext
  /** The pool as it is, for what listens and for probes: past the admission. */
  sql: Sql
  /** What LISTENs: past a pooler. */
  listener: Sql
  receiver: Receiver
  /** Absent: no files are taken, and none are served. */
  media?: MediaSettings | undefined
}

export type MediaSettings = {
  storages: Storages
  /** Null: none is configured, and uploads are `unscanned`. */
  scanner: Scanner | null
  /** Where files are while they come in. */
  spoolFolder: string
  /** Most bytes of an upload. */
  limit: number
}

/** What requests are answered with: the database, and what the server knows of itself. */
export type ApiContext = {
  /** Runs `work` with the pool when a connection is to be had. @throws UnavailableError `busy` */
  run<T>(work: (sql: Sql) => Promise<T>): Promise<T>
  /** Runs `work` in a transaction of role pigeonpost_app that sees this tenant alone. @throws UnavailableError `busy` */
  asTenant<T>(tenantId: number, work: (tx: Transaction) => Promise<T>): Promise<T>
  auth: 'keys' | 'none'
  /** ms that a statement waits for a lock. */
  lockMs: number
  version: string
  /** Where the internet reaches us, without a trailing slash; null where nobody said. */
  publicUrl: string | null
  /** Webhooks that were refused for their signature, of which nothing is kept; by channel, since we started. */
  refusedWebhooks: Counts
  /** The last write that the database had no room for. */
  fullDisk: { seenAt: number | null }
}

export type Counts = {
  count(name: string): void
  read(): ReadonlyMap<string, number>
}

function createCounts(): Counts {
  const counts = new Map<string, number>()
  return {
    count: (name) => void counts.set(name, (counts.get(name) ?? 0) + 1),
    read: () => counts,
  }
}

export function createContext(
  sql: Sql,
  admit: Admit,
  about: Pick<ApiContext, 'auth' | 'lockMs' | 'version' | 'publicUrl'>,
): ApiContext {
  return {
    ...about,
    refusedWebhooks: createCounts(),
    fullDisk: { seenAt: null },
    run: (work) => admit(() => work(sql)),
    asTenant: (tenantId, work) => admit(() => asTenant(sql, tenantId, work, about)),
  }
}
