import { join } from 'node:path'
import { readCloudinaryUrl } from './cloudinary-account.ts'
import { StorageMisconfiguredError } from './errors.ts'
import { type Storage } from './storage.ts'

/** The variables that configure the storage, each validated already. Null and undefined: not given. */
export type StorageConfig = {
  PIGEONPOST_STORAGE?: Storage['name'] | null | undefined
  CLOUDINARY_URL?: string | null | undefined
  S3_BUCKET?: string | null | undefined
  S3_ENDPOINT?: string | null | undefined
  S3_PUBLIC_ENDPOINT?: string | null | undefined
  /** Default us-east-1. */
  S3_REGION?: string | null | undefined
  S3_ACCESS_KEY_ID?: string | null | undefined
  S3_SECRET_ACCESS_KEY?: string | null | undefined
}

/**
 * Which storage the variables select: PIGEONPOST_STORAGE if it is set; else Cloudinary where CLOUDINARY_URL is given, S3
 * where S3_BUCKET is, and else a folder.
 * @throws StorageMisconfiguredError where both are given without PIGEONPOST_STORAGE, or one of them incompletely
 */
export function chooseStorage(config: StorageConfig): Storage['name'] {
  const chosen = config.PIGEONPOST_STORAGE
  if (!chosen && config.CLOUDINARY_URL && config.S3_BUCKET) {
    throw new StorageMisconfiguredError(
      'CLOUDINARY_URL and S3_BUCKET name two storages; unset one, or set PIGEONPOST_STORAGE to cloudinary or s3',
    )
  }
  const name = chosen ?? (config.CLOUDINARY_URL ? 'cloudinary' : nameOfS3(config))
  if (name === 'cloudinary' && !config.CLOUDINARY_URL) missing('CLOUDINARY_URL', name)
  if (name === 's3') checkS3(config)
  return name
}

/** Refuses incomplete S3 variables, instead of silently using a folder. */
function nameOfS3(config: StorageConfig): 's3' | 'folder' {
  const { S3_BUCKET, S3_ENDPOINT, S3_PUBLIC_ENDPOINT, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY } =
    config
  const given = [S3_BUCKET, S3_ENDPOINT, S3_PUBLIC_ENDPOINT, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY]
  return given.some(Boolean) ? 's3' : 'folder'
}

function checkS3(config: StorageConfig): void {
  const { S3_ACCESS_KEY_ID: id, S3_SECRET_ACCESS_KEY: secret, S3_ENDPOINT: endpoint } = config
  if (!config.S3_BUCKET) missing('S3_BUCKET', 's3')
  if (!id && (secret || endpoint)) missing('S3_ACCESS_KEY_ID', 's3')
  if (!secret && id) missing('S3_SECRET_ACCESS_KEY', 's3')
}

function missing(variable: string, name: Storage['name']): never {
  throw new StorageMisconfiguredError(
    `${variable} is missing for storage ${name}; set it, or PIGEONPOST_STORAGE=folder to keep files in the data folder`,
  )
}

/**
 * Opens the storage that the variables select. `check` tells whether it can be used.
 * @param options.baseUrl where our HTTP server is reached from outside (PIGEONPOST_PUBLIC_URL, or its own address),
 *   without a slash at its end: URLs of files in a folder and at Cloudinary begin with it
 * @throws StorageMisconfiguredError; StorageUnavailableError where a folder cannot be made
 */
export async function openStorage(
  config: StorageConfig,
  options: { dataFolder: string; baseUrl: string },
): Promise<Storage> {
  const { dataFolder, baseUrl } = options
  // Each is loaded only when it is used: the SDK of S3 alone takes longer than the rest of a start.
  switch (chooseStorage(config)) {
    case 's3': {
      const { openS3 } = await import('./s3.ts')
      return openS3(toS3(config))
    }
    case 'cloudinary': {
      const { openCloudinary } = await import('./cloudinary.ts')
      return openCloudinary(readCloudinaryUrl(config.CLOUDINARY_URL ?? ''), { baseUrl })
    }
    case 'folder': {
      const { openFolder } = await import('./folder.ts')
      return openFolder({ root: join(dataFolder, 'media'), baseUrl })
    }
  }
}

function toS3(config: StorageConfig) {
  const { S3_ACCESS_KEY_ID: id, S3_SECRET_ACCESS_KEY: secret } = config
  return {
    bucket: config.S3_BUCKET ?? '',
    region: config.S3_REGION ?? 'us-east-1',
    endpoint: config.S3_ENDPOINT ?? null,
    publicEndpoint: config.S3_PUBLIC_ENDPOINT ?? null,
    keys: id && secret ? { id, secret } : null,
  }
}
