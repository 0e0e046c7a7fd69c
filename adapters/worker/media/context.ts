import type { Logger } from 'pino'
import type { Sql } from '../../../db/connect.ts'
import type { Storages } from '../../media/index.ts'
import type { Scanner } from '../../scan/index.ts'
import type { PrivateHost } from '../../shared/public-address.ts'

export type MediaOptions = {
  storages: Storages
  /** Null: none is configured. */
  scanner: Scanner | null
  /** The spool's folder, for files being downloaded. */
  spoolFolder: string
  /** Maximum bytes of a file. */
  limit: number
  /** Hosts that may be fetched from even if their address is private. */
  privateHosts: readonly PrivateHost[]
}

export type MediaContext = MediaOptions & {
  sql: Sql
  logger: Logger
  signal: AbortSignal
}
