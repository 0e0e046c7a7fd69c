import type { Logger } from 'pino'
import type { Sql } from '../../../db/connect.ts'
import type { Storages } from '../../media/index.ts'
import type { Scanner } from '../../scan/index.ts'
import type { PrivateHost } from '../../shared/public-address.ts'

export type MediaOptions = {
  storages: Storages
  /** Null: none is configured. */
  scanner: Scanner | null
  /** Where files are while they come in. */
  spoolFolder: string
  /** Most bytes of a file. */
  limit: number
  /** Hosts that may be fetched from though they are private. */
  privateHosts: readonly PrivateHost[]
}

export type MediaContext = MediaOptions & {
  sql: Sql
  logger: Logger
  signal: AbortSignal
}
