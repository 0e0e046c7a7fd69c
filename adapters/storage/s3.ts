import { addAbortSignal, Readable } from 'node:stream'
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type MultipartUpload,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { checkDownload, contentDisposition } from './download.ts'
import { createLimiter } from '../shared/limiter.ts'
import { maxConcurrentUploads } from './source.ts'
import { checkKey, checkPrefix, isKey } from './key.ts'
import type { S3Config } from './s3-config.ts'
import { explainS3, isMissing } from './s3-errors.ts'
import { checkFacts, readChecked } from './source.ts'
import { NoSuchFileError } from './errors.ts'
import { type Storage, type StoredFile } from './storage.ts'

const partSize = 5 * 1_048_576

/**
 * Files in a bucket of Amazon S3, or of a server that speaks it. Uploads of more than 5 MiB go in parts, and nothing is
 * there before the last. The SDK tries a request three times. The keys need GetObject, PutObject, DeleteObject,
 * ListBucket, AbortMultipartUpload and ListBucketMultipartUploads.
 */
export function openS3(config: S3Config): Storage {
  const { bucket: Bucket } = config
  const s3 = createClient(config, config.endpoint)
  const outside = config.publicEndpoint ? createClient(config, config.publicEndpoint) : s3
  const limiter = createLimiter(maxConcurrentUploads)

  const ask = async <T>(key: string, request: () => Promise<T>): Promise<T> => {
    checkKey(key)
    return request().catch((error: unknown) => {
      throw explainS3(error, config, key)
    })
  }
  const check = async () => {
    // The cheapest request whose refusal says why; HEAD has no body to say it in.
    await s3
      .send(new ListObjectsV2Command({ Bucket, Prefix: 'messages/', MaxKeys: 1 }))
      .catch((error: unknown) => {
        throw explainS3(error, config)
      })
  }

  return {
    name: 's3',
    put: async (key, path, about, signal) =>
      ask(key, async () => {
        checkFacts(about)
        const store = async () => {
          const upload = new Upload({
            client: abortable(s3, signal),
            params: {
              Bucket,
              Key: key,
              Body: Readable.from(readChecked(path, about, signal), { objectMode: false }),
              ContentType: about.contentType,
            },
            partSize,
            queueSize: 2,
            leavePartsOnError: false,
          })
          await upload.done()
        }
        await limiter(store, { signal })
      }),
    get: async (key, signal) =>
      ask(key, async () => {
        const { Body } = await s3.send(
          new GetObjectCommand({ Bucket, Key: key }),
          signal ? { abortSignal: signal } : {},
        )
        if (!(Body instanceof Readable)) throw new NoSuchFileError(key)
        return signal ? addAbortSignal(signal, Body) : Body
      }),
    stat: async (key) =>
      ask(key, async () => {
        try {
          const { ContentLength: size = 0, LastModified: modifiedAt = new Date(0) } = await s3.send(
            new HeadObjectCommand({ Bucket, Key: key }),
          )
          return { key, size, modifiedAt }
        } catch (error) {
          if (!isMissing(error)) throw error
          // A missing bucket looks the same from here, and must not pass for a missing file.
          await check()
          return null
        }
      }),
    delete: async (key) =>
      ask(key, async () => {
        await s3.send(new DeleteObjectCommand({ Bucket, Key: key }))
      }),
    list: (prefix) => listObjects(s3, config, checkPrefix(prefix)),
    presign: async (key, about) =>
      ask(key, async () => {
        const download = checkDownload(about)
        const command = new GetObjectCommand({
          Bucket,
          Key: key,
          ResponseContentType: download.contentType,
          ResponseContentDisposition: contentDisposition(download),
        })
        return getSignedUrl(outside, command, { expiresIn: download.seconds })
      }),
    served: null,
    async clearIncoming(olderThanMs, { dryRun = false } = {}) {
      const since = Date.now() - olderThanMs
      let count = 0
      for await (const { Key, UploadId, Initiated } of listUploads(s3, config)) {
        if (!Initiated || Initiated.getTime() > since) continue
        count += 1
        if (dryRun) continue
        await s3
          .send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }))
          .catch((error: unknown) => {
            throw explainS3(error, config)
          })
      }
      return count
    },
    check,
    close() {
      s3.destroy()
      outside.destroy()
    },
  }
}

function createClient({ region, keys }: S3Config, endpoint: string | null): S3Client {
  return new S3Client({
    region,
    ...(endpoint ? { endpoint, forcePathStyle: true } : {}),
    ...(keys ? { credentials: { accessKeyId: keys.id, secretAccessKey: keys.secret } } : {}),
    // Servers that are not Amazon's do not know the checksums that the SDK adds by itself.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // ms; the second is for a connection on which nothing moves.
    requestHandler: { connectionTimeout: 5_000, socketTimeout: 30_000 },
  })
}

/**
 * The client as one upload sees it, whose transfers end with the signal. Upload's own abort lets them go on, and
 * returns before it has cleaned up.
 */
function abortable(s3: S3Client, signal: AbortSignal | undefined): S3Client {
  if (!signal) return s3
  const client = Object.create(s3) as S3Client
  const send = async (command: unknown) =>
    s3.send(
      command as PutObjectCommand,
      command instanceof PutObjectCommand || command instanceof UploadPartCommand
        ? { abortSignal: signal }
        : {},
    )
  return Object.assign(client, { send })
}

async function* listObjects(
  client: S3Client,
  config: S3Config,
  Prefix: string,
): AsyncGenerator<StoredFile> {
  try {
    for await (const page of paginateListObjectsV2({ client }, { Bucket: config.bucket, Prefix })) {
      for (const { Key: key = '', Size: size = 0, LastModified } of page.Contents ?? []) {
        if (isKey(key)) yield { key, size, modifiedAt: LastModified ?? new Date(0) }
      }
    }
  } catch (error) {
    throw explainS3(error, config)
  }
}

async function* listUploads(s3: S3Client, config: S3Config): AsyncGenerator<MultipartUpload> {
  const from: { KeyMarker?: string; UploadIdMarker?: string } = {}
  for (;;) {
    const query = { Bucket: config.bucket, Prefix: 'messages/', ...from }
    const page = await s3.send(new ListMultipartUploadsCommand(query)).catch((error: unknown) => {
      throw explainS3(error, config)
    })
    yield* page.Uploads ?? []
    if (!page.IsTruncated) return
    if (page.NextKeyMarker) from.KeyMarker = page.NextKeyMarker
    if (page.NextUploadIdMarker) from.UploadIdMarker = page.NextUploadIdMarker
  }
}
