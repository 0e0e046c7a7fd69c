import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Scanner } from '../../adapters/scan/index.ts'
import type { MediaOptions } from '../../adapters/worker/media/context.ts'
import { type Environment, type VariableName } from './config.ts'
import { Failure } from './failure.ts'

/** What says where files lie, of all storages at once. */
export const storageVariables = [
  'PIGEONPOST_STORAGE',
  'CLOUDINARY_URL',
  'S3_BUCKET',
  'S3_ENDPOINT',
  'S3_PUBLIC_ENDPOINT',
  'S3_REGION',
  'S3_ACCESS_KEY_ID',
  'S3_SECRET_ACCESS_KEY',
] as const satisfies readonly VariableName[]

/** What says where files lie, who scans them, and how large they may be. */
export const mediaVariables = [
  'AWS_S3_MAX_FILE_SIZE',
  'CLAMD_HOST',
  'CLAMD_PORT',
  'CLAMD_SOCKET',
  'PIGEONPOST_MEDIA_HOSTS',
  ...storageVariables,
] as const satisfies readonly VariableName[]

export type MediaConfig = Pick<Environment, (typeof mediaVariables)[number]>

/** Files that a process which died has left in the spool are removed after so long. */
const spoolKeptMs = 3_600_000

/**
 * Opens storage and scanner as the variables say, for the API and the worker of one process. A scanner or a storage that
 * is down is told of and waited for; a missing scanner is told of.
 * @param about.baseUrl where our HTTP server is reached, without a slash at its end
 * @throws {Failure} that names the variables which contradict one another
 */
export async function openMedia(
  config: MediaConfig,
  about: { dataFolder: string; baseUrl: string; logger: Logger },
): Promise<MediaOptions> {
  const { dataFolder, baseUrl, logger } = about
  const { openStorages } = await import('../../adapters/media/storages.ts')
  const { clearSpool } = await import('../../adapters/media/spool.ts')
  const spoolFolder = join(dataFolder, 'spool')
  const scanner = await openScanner(config)
  const storages = await openStorages(config, { dataFolder, baseUrl }).catch((error: unknown) => {
    const known = error instanceof Error && error.name.startsWith('Storage')
    throw known ? new Failure(error.message, { cause: error }) : error
  })
  await clearSpool(spoolFolder, spoolKeptMs)
  if (!scanner)
    logger.warn('no virus scanner: files are stored unscanned; set CLAMD_HOST or CLAMD_SOCKET')
  const told = (what: string) => (error: unknown) =>
    logger.warn({ err: error }, `${what} cannot be used now; files wait`)
  void scanner?.check().catch(told('the virus scanner'))
  void storages.current.check().catch(told('the storage'))
  return {
    storages,
    scanner,
    spoolFolder,
    limit: config.AWS_S3_MAX_FILE_SIZE,
    privateHosts: config.PIGEONPOST_MEDIA_HOSTS,
  }
}

/** Null where none is configured. */
export async function openScanner(
  config: Pick<MediaConfig, 'CLAMD_HOST' | 'CLAMD_PORT' | 'CLAMD_SOCKET'>,
): Promise<Scanner | null> {
  const { CLAMD_HOST: host, CLAMD_PORT: port, CLAMD_SOCKET: socket } = config
  const { createScanner } = await import('../../adapters/scan/index.ts')
  if (socket) return createScanner({ socket })
  return host ? createScanner({ host, port }) : null
}
