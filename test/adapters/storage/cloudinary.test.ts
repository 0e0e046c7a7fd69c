import t, { type Test } from 'tap'
import { openCloudinary } from '../../../adapters/storage/cloudinary.ts'
import {
  type CloudinaryAccount,
  downloadUrl,
  readCloudinaryUrl,
  signParameters,
} from '../../../adapters/storage/cloudinary-account.ts'
import { type CloudinaryServer, startCloudinary } from './cloudinary-server.ts'
import { conforms } from './conformance.ts'
import { startFileServer } from './file-server.ts'
import { listAll, localFile, newKey, read } from './files.ts'

function urlOf({ key, secret, cloud, apiBase }: CloudinaryAccount): string {
  return `cloudinary://${key}:${secret}@${cloud}?upload_prefix=${apiBase}`
}

async function loadSdk({ account }: CloudinaryServer) {
  const { v2 } = await import('cloudinary')
  // Their types do not know the prefix.
  const options = {
    cloud_name: account.cloud,
    api_key: account.key,
    api_secret: account.secret,
    upload_prefix: account.apiBase,
  }
  v2.config(options)
  return v2
}

for (const ranges of [false, true]) {
  t.test(`cloudinary, ${ranges ? 'with' : 'without'} ranges`, async (t) => {
    const cloudinary = await startCloudinary(t, { ranges })
    const server = await startFileServer(t)
    const again = async () => openCloudinary(cloudinary.account, server)
    const storage = await again()
    server.serve(storage)
    await conforms(t, {
      storage,
      again,
      underway: async () => cloudinary.receiving > 0,
      leftovers: async () => cloudinary.receiving,
      environment: { CLOUDINARY_URL: urlOf(cloudinary.account) },
    })
  })
}

async function open(t: Test) {
  const cloudinary = await startCloudinary(t, { ranges: false })
  const storage = openCloudinary(cloudinary.account, { baseUrl: 'https://example.org' })
  return { cloudinary, storage, key: newKey(), file: await localFile(t.testdir(), 1_000) }
}

t.test('our signatures and download URLs are those of their SDK', async (t) => {
  const { cloudinary, key } = await open(t)
  const sdk = await loadSdk(cloudinary)
  const parameters = { public_id: `${key}&type=upload`, timestamp: '1795176000', type: 'private' }
  for (const algorithm of ['sha1', 'sha256'] as const) {
    const account = { ...cloudinary.account, algorithm }
    sdk.config({ signature_algorithm: algorithm })
    const { signature } = signParameters(account, parameters)
    t.equal(signature, sdk.utils.api_sign_request(parameters, account.secret))
    t.match(signature, algorithm === 'sha1' ? /^[0-9a-f]{40}$/ : /^[0-9a-f]{64}$/)
  }
  sdk.config({ signature_algorithm: 'sha1' })
  const now = new Date('2026-11-20T12:00:00Z')
  const options = {
    resource_type: 'raw',
    type: 'private',
    expires_at: now.getTime() / 1_000 + 60,
    timestamp: now.getTime() / 1_000,
  } as const
  const theirs = sdk.utils.private_download_url(key, '', options)
  t.equal(downloadUrl(cloudinary.account, key, { now, seconds: 60 }), theirs)
})

t.test('what we store their SDK finds, and the other way round', async (t) => {
  const { cloudinary, storage, key, file } = await open(t)
  const sdk = await loadSdk(cloudinary)
  const raw = { resource_type: 'raw', type: 'private' } as const
  await storage.put(key, file.path, file.about)
  t.match(await sdk.api.resource(key, raw), { public_id: key, bytes: 1_000, ...raw })
  t.match(await sdk.api.resources({ ...raw, prefix: 'messages/1/' }), {
    resources: [{ public_id: key }],
  })
  t.match(await sdk.uploader.destroy(key, raw), { result: 'ok' })
  t.equal(await storage.stat(key), null)

  await sdk.uploader.upload(file.path, { ...raw, public_id: key, overwrite: true })
  t.same(await read(await storage.get(key)), file.bytes)
  t.match(await listAll(storage), [{ key, size: 1_000 }])
})

t.test('files that are not ours are passed over', async (t) => {
  const { cloudinary, storage, key, file } = await open(t)
  await storage.put(key, file.path, file.about)
  const other = { bytes: Buffer.from('x'), type: 'private', version: 1 }
  cloudinary.kept.set('messages/1/logo.png', other)
  cloudinary.kept.set('samples/dog', other)
  t.match(await listAll(storage), [{ key }])
  t.equal((await listAll(storage)).length, 1)
})

t.test('a refusal says what to do, and tells no secret', async (t) => {
  const { cloudinary, key, file } = await open(t)
  const { account } = cloudinary
  const options = { baseUrl: 'https://example.org' }
  const refused = /^Cloudinary refuses us; correct CLOUDINARY_URL/
  for (const [wrong, message] of [
    [{ secret: 'wrong' }, refused],
    [{ key: '1' }, refused],
    [{ cloud: 'nowhere' }, refused],
    [{ apiBase: 'http://127.0.0.1:9' }, /^Cloudinary cannot be reached: /],
  ] as const) {
    const storage = openCloudinary({ ...account, ...wrong }, options)
    const unavailable = { name: 'StorageUnavailableError', message }
    for (const act of [
      async () => storage.check(),
      async () => storage.put(key, file.path, file.about),
      async () => void (await storage.get(key)),
      async () => void (await storage.stat(key)),
      async () => storage.delete(key),
      async () => void (await listAll(storage)),
    ]) {
      const error = await t.rejects(act(), unavailable)
      t.notMatch(String(error), account.secret)
    }
  }
  const storage = openCloudinary(account, options)
  for (const [status, message] of [
    [420, /limit of requests is reached; wait: Rate Limit/],
    [429, /limit of requests is reached; wait: Rate Limit/],
    [500, /^Cloudinary answered 500: Rate Limit/],
  ] as const) {
    cloudinary.refusal = { status, message: 'Rate Limit' }
    await t.rejects(storage.put(key, file.path, file.about), { message })
    await t.rejects(storage.stat(key), { message })
  }
})

t.test('CLOUDINARY_URL is read as Cloudinary writes it', async (t) => {
  t.same(readCloudinaryUrl('cloudinary://123:s%2Fecret@demo'), {
    cloud: 'demo',
    key: '123',
    secret: 's/ecret',
    apiBase: 'https://api.cloudinary.com',
    algorithm: 'sha1',
  })
  const eu = 'cloudinary://1:s@demo?upload_prefix=https://api-eu.cloudinary.com/'
  t.match(readCloudinaryUrl(`${eu}&signature_algorithm=sha256&secure=true`), {
    apiBase: 'https://api-eu.cloudinary.com',
    algorithm: 'sha256',
  })
  for (const [text, problem] of [
    ['', 'is no URL of a Cloudinary account'],
    ['https://1:hunter2@demo', 'is no URL of a Cloudinary account'],
    ['cloudinary://', 'names no cloud'],
    ['cloudinary://demo', 'has no API key'],
    ['cloudinary://123@demo', 'has no API secret'],
    ['cloudinary://123:hunter2%zz@demo', 'is not percent-encoded well'],
    ['cloudinary://1:hunter2@demo?upload_prefix=ftp://x', 'has an upload_prefix that is no http'],
    ['cloudinary://1:hunter2@demo?signature_algorithm=md5', 'has a signature_algorithm other'],
  ] as const) {
    const error = t.throws(() => readCloudinaryUrl(text), {
      name: 'StorageMisconfiguredError',
      message: new RegExp(`^CLOUDINARY_URL ${problem}.*; give cloudinary://<api key>:`),
    })
    t.notMatch(String(error), 'hunter2')
  }
})

t.test('a file that Cloudinary kept by half is no stored file', async (t) => {
  const { cloudinary, storage, key, file } = await open(t)
  // Their answer is of what they keep, so cut it as it is kept.
  const { set } = cloudinary.kept
  cloudinary.kept.set = function cut(id, kept) {
    return set.call(this, id, { ...kept, bytes: kept.bytes.subarray(0, 500) })
  }
  await t.rejects(storage.put(key, file.path, file.about), {
    name: 'StorageUnavailableError',
    message: 'Cloudinary kept 500 bytes of 1000',
  })
  t.same([...cloudinary.kept.keys()], [])
})
