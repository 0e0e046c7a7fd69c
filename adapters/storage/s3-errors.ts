import type { S3Config } from './s3-config.ts'
import { FileChangedError, NoSuchFileError, StorageUnavailableError } from './errors.ts'

/** What an error of the SDK means, and which variable to look at. Errors that are ours, and aborts, pass. */
export function explainS3(error: unknown, config: S3Config, key?: string): unknown {
  if (!(error instanceof Error)) return error
  const ours = [NoSuchFileError, FileChangedError, StorageUnavailableError, RangeError]
  if (ours.some((kind) => error instanceof kind) || error.name === 'AbortError') return error
  if (key !== undefined && (error.name === 'NoSuchKey' || error.name === 'NotFound')) {
    return new NoSuchFileError(key, { cause: error })
  }
  return new StorageUnavailableError(`S3: ${meaning(error, config)}`, { cause: error })
}

/** Whether a HEAD was answered with 404: no such object, or no such bucket. */
export function isMissing(error: unknown): boolean {
  return statusOf(error) === 404
}

function meaning(error: Error, { bucket, region, endpoint }: S3Config): string {
  const where = endpoint ?? `Amazon in ${region}`
  const code = codeOf(error)
  const known: Record<string, string> = {
    NoSuchBucket: `there is no bucket "${bucket}" at ${where}; create it, or correct S3_BUCKET`,
    InvalidAccessKeyId: `${where} does not know the key; correct S3_ACCESS_KEY_ID`,
    SignatureDoesNotMatch: `${where} refuses the signature; correct S3_SECRET_ACCESS_KEY`,
    RequestTimeTooSkewed: `the clock of this machine is not that of ${where}; set it`,
    AccessDenied: `the key may not do this in bucket "${bucket}"; give it the right, or correct S3_ACCESS_KEY_ID`,
    PermanentRedirect: `bucket "${bucket}" is not in region ${region}; correct S3_REGION`,
    AuthorizationHeaderMalformed: `bucket "${bucket}" is not in region ${region}; correct S3_REGION`,
    CredentialsProviderError: 'there are no keys; set S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY',
  }
  if (known[code]) return known[code]
  const status = statusOf(error)
  if (status === undefined && (/^E[A-Z_]+$/.test(code) || code === 'TimeoutError')) {
    return `${where} cannot be reached (${code}); correct S3_ENDPOINT, or wait until it is back`
  }
  return `${where} answered ${status ?? 'nothing'}: ${error.name} ${error.message}`.trimEnd()
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}

function statusOf(error: unknown): number | undefined {
  const metadata: unknown =
    typeof error === 'object' && error !== null && '$metadata' in error ? error.$metadata : null
  return typeof metadata === 'object' && metadata !== null && 'httpStatusCode' in metadata
    ? Number(metadata.httpStatusCode)
    : undefined
}
