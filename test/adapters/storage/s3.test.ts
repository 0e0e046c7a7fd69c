import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import type { S3Config } from '../../../adapters/storage/s3-config.ts'
import { openS3 } from '../../../adapters/storage/s3.ts'
import { noS3, startS3 } from '../../support/s3.ts'
import { conforms } from './conformance.ts'
import { listAll, localFile, newKey } from './files.ts'

const options = { skip: noS3 }
const config = noS3 ? null : await startS3(t)

function parts(t: Test, { endpoint, keys, bucket }: S3Config) {
  const client = new S3Client({
    region: 'us-east-1',
    endpoint: endpoint ?? '',
    forcePathStyle: true,
    credentials: { accessKeyId: keys?.id ?? '', secretAccessKey: keys?.secret ?? '' },
  })
  t.teardown(() => client.destroy())
  return {
    /** Uploads in parts that have begun and not ended. */
    async count() {
      const { Uploads = [] } = await client.send(
        new ListMultipartUploadsCommand({ Bucket: bucket }),
      )
      return Uploads.length
    },
    async begin(key: string) {
      await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: key }))
    },
  }
}

t.test('s3', options, async (t) => {
  if (!config) return
  const uploads = parts(t, config)
  const storage = openS3(config)
  t.teardown(() => storage.close())
  await conforms(t, {
    storage,
    again: async () => openS3(config),
    underway: async () => (await uploads.count()) > 0,
    leftovers: async () => uploads.count(),
    environment: {
      S3_ENDPOINT: config.endpoint,
      S3_BUCKET: config.bucket,
      S3_ACCESS_KEY_ID: config.keys.id,
      S3_SECRET_ACCESS_KEY: config.keys.secret,
    },
  })
})

t.test('uploads that a dead process has left are ended once they are old', options, async (t) => {
  if (!config) return
  const [uploads, storage] = [parts(t, config), openS3(config)]
  for (let i = 0; i < 3; i += 1) await uploads.begin(newKey())
  t.equal(await storage.clearIncoming(3_600_000), 0)
  t.equal(await uploads.count(), 3)
  t.equal(await storage.clearIncoming(-60_000), 3)
  t.equal(await uploads.count(), 0)
})

t.test('a put that is given up once all is sent ends its request', async (t) => {
  const [arrived, closed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const server = createServer((request) => {
    request.on('close', () => closed.resolve())
    request.resume().on('end', () => arrived.resolve())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const storage = openS3({
    bucket: 'pigeonpost',
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    publicEndpoint: null,
    keys: { id: 'id', secret: 'secret' },
  })
  const file = await localFile(t.testdir(), 1_000)
  const controller = new AbortController()
  const put = storage.put(newKey(), file.path, file.about, controller.signal)
  const failed = t.rejects(put, { name: 'AbortError' })
  await arrived.promise
  controller.abort()
  await failed
  await t.resolves(closed.promise)
})

t.test('presigned URLs lead to where others reach the server', options, async (t) => {
  if (!config) return
  const publicEndpoint = config.endpoint.replace('127.0.0.1', 'localhost')
  const storage = openS3({ ...config, publicEndpoint })
  const [key, file] = [newKey(), await localFile(t.testdir(), 10)]
  await storage.put(key, file.path, file.about)
  const url = await storage.presign(key, {
    seconds: 60,
    filename: 'a.pdf',
    contentType: 'application/pdf',
    disposition: 'inline',
  })
  t.ok(url.startsWith(`${publicEndpoint}/pigeonpost/messages/`), url)
  t.same(Buffer.from(await (await fetch(url)).arrayBuffer()), file.bytes)
  await storage.delete(key)
})

t.test('a wrong setting is named, whatever is asked', options, async (t) => {
  if (!config) return
  const { keys } = config
  for (const [wrong, message] of [
    [{ bucket: 'nowhere' }, /^S3: there is no bucket "nowhere" at http.*; .*S3_BUCKET/],
    [{ keys: { ...keys, id: 'x' } }, /^S3: http.* does not know the key; .*S3_ACCESS_KEY_ID/],
    [{ keys: { ...keys, secret: 'x' } }, /^S3: .* refuses .*S3_SECRET_ACCESS_KEY/],
    [
      { endpoint: 'http://127.0.0.1:9' },
      /^S3: http.* cannot be reached \(ECONNREFUSED\); .*S3_END/,
    ],
  ] as const) {
    const storage = openS3({ ...config, ...wrong })
    const [key, file] = [newKey(), await localFile(t.testdir(), 10)]
    const unavailable = { name: 'StorageUnavailableError', message }
    await t.rejects(storage.check(), unavailable)
    await t.rejects(storage.put(key, file.path, file.about), unavailable)
    await t.rejects(storage.get(key), unavailable)
    await t.rejects(storage.delete(key), unavailable)
    await t.rejects(listAll(storage), unavailable)
    // HEAD has no body that says why, only that it is refused.
    await t.rejects(storage.stat(key), { name: 'StorageUnavailableError' })
    storage.close()
  }
})
