import { join } from 'node:path'
import t from 'tap'
import { chooseStorage, openStorage, type StorageConfig } from '../../../adapters/storage/open.ts'
import { readEnvironment } from '../../../scripts/app/config.ts'

const cloudinary = { CLOUDINARY_URL: 'cloudinary://1:hunter2@demo' }
const keys = { S3_ACCESS_KEY_ID: 'id', S3_SECRET_ACCESS_KEY: 'hunter2' }
const s3 = { S3_BUCKET: 'media', ...keys }

t.test('what is configured is used, and else a folder', async (t) => {
  for (const [config, name] of [
    [{}, 'folder'],
    [{ S3_REGION: 'us-east-1' }, 'folder'],
    [cloudinary, 'cloudinary'],
    [{ ...cloudinary, ...keys }, 'cloudinary'],
    [s3, 's3'],
    [{ ...s3, S3_ENDPOINT: 'http://127.0.0.1:9000' }, 's3'],
    [{ S3_BUCKET: 'media' }, 's3'],
    [{ ...s3, ...cloudinary, PIGEONPOST_STORAGE: 'folder' }, 'folder'],
    [{ ...s3, ...cloudinary, PIGEONPOST_STORAGE: 's3' }, 's3'],
    [{ ...s3, ...cloudinary, PIGEONPOST_STORAGE: 'cloudinary' }, 'cloudinary'],
  ] as [StorageConfig, string][]) {
    t.equal(chooseStorage(config), name, JSON.stringify(config))
    const storage = await openStorage(config, { dataFolder: t.testdir(), baseUrl: '' })
    t.equal(storage.name, name)
    storage.close()
  }
})

t.test('what is configured by half is an error that names what is missing', async (t) => {
  for (const [config, message] of [
    [{ ...s3, ...cloudinary }, /^CLOUDINARY_URL and S3_BUCKET name two storages; .*_STORAGE/],
    [{ PIGEONPOST_STORAGE: 'cloudinary' }, /^CLOUDINARY_URL is missing/],
    [{ PIGEONPOST_STORAGE: 's3', ...cloudinary }, /^S3_BUCKET is missing/],
    [keys, /^S3_BUCKET is missing/],
    [{ S3_ENDPOINT: 'http://127.0.0.1:9000' }, /^S3_BUCKET is missing/],
    [{ ...s3, S3_SECRET_ACCESS_KEY: undefined }, /^S3_SECRET_ACCESS_KEY is missing/],
    [{ ...s3, S3_ACCESS_KEY_ID: undefined }, /^S3_ACCESS_KEY_ID is missing/],
    [{ S3_BUCKET: 'media', S3_ENDPOINT: 'http://127.0.0.1:9000' }, /^S3_ACCESS_KEY_ID is missing/],
  ] as [StorageConfig, RegExp][]) {
    const wrong = { name: 'StorageMisconfiguredError', message }
    t.throws(() => chooseStorage(config), wrong)
    const opened = openStorage(config, { dataFolder: t.testdir(), baseUrl: '' })
    t.notMatch(String(await t.rejects(opened, wrong)), 'hunter2')
  }
})

t.test('the environment is checked variable by variable, and quotes no secret', async (t) => {
  const names = [
    'PIGEONPOST_STORAGE',
    'CLOUDINARY_URL',
    'S3_BUCKET',
    'S3_ENDPOINT',
    'S3_PUBLIC_ENDPOINT',
    'S3_REGION',
    'S3_ACCESS_KEY_ID',
    'S3_SECRET_ACCESS_KEY',
  ] as const
  t.equal(chooseStorage(readEnvironment(names, {})), 'folder')
  t.equal(chooseStorage(readEnvironment(names, cloudinary)), 'cloudinary')
  const endpoint = { S3_ENDPOINT: 'http://minio:9000/' }
  t.match(readEnvironment(names, { ...s3, ...endpoint }), {
    ...s3,
    S3_ENDPOINT: 'http://minio:9000',
    S3_PUBLIC_ENDPOINT: null,
    S3_REGION: 'us-east-1',
  })
  for (const [env, message] of [
    [{ PIGEONPOST_STORAGE: 'disk' }, /^PIGEONPOST_STORAGE is "disk"; give folder, s3 or cloudin/],
    [{ CLOUDINARY_URL: 'cloudinary://hunter2@demo' }, /^CLOUDINARY_URL has no API secret; give cl/],
    [{ CLOUDINARY_URL: 'hunter2' }, /^CLOUDINARY_URL is no URL of a Cloudinary account; give clo/],
    [{ S3_BUCKET: 'a/b' }, /^S3_BUCKET is "a\/b"; give a bucket's name/],
    [{ S3_ENDPOINT: 'minio:9000' }, /^S3_ENDPOINT is "minio:9000"; give an address/],
    [{ S3_PUBLIC_ENDPOINT: 'x' }, /^S3_PUBLIC_ENDPOINT is "x"; give an address/],
    [{ S3_REGION: 'eu west' }, /^S3_REGION is "eu west"; give a region's name/],
    [{ S3_ACCESS_KEY_ID: 'hunter2\n' }, /^S3_ACCESS_KEY_ID holds a space or/],
    [{ S3_SECRET_ACCESS_KEY: 'hunter2 ' }, /^S3_SECRET_ACCESS_KEY holds a space or/],
  ] as [Record<string, string>, RegExp][]) {
    const error = t.throws(() => readEnvironment(names, env), { name: 'Failure', message })
    t.notMatch(String(error), 'hunter2')
  }
})

t.test('files in a folder lie in the data folder', async (t) => {
  const dataFolder = join(t.testdir(), 'data')
  const storage = await openStorage({}, { dataFolder, baseUrl: 'https://example.org' })
  await storage.check()
  t.ok(storage.served?.signingKey)
})
