// Puts twenty files of 5 MB at once into the storage that the environment names, and prints by how much the process grew.
import { setInterval } from 'node:timers'
import { openStorage } from '../../../adapters/storage/index.ts'
import { readEnvironment } from '../../../scripts/app/config.ts'
import { listAll, localFile, newKey } from './files.ts'

const folder = process.argv[2] ?? ''
const config = readEnvironment([
  'PIGEONPOST_DATA',
  'PIGEONPOST_STORAGE',
  'CLOUDINARY_URL',
  'S3_ENDPOINT',
  'S3_BUCKET',
  'S3_REGION',
  'S3_ACCESS_KEY_ID',
  'S3_SECRET_ACCESS_KEY',
  'S3_PUBLIC_ENDPOINT',
])
const storage = await openStorage(config, {
  dataFolder: config.PIGEONPOST_DATA,
  baseUrl: 'http://127.0.0.1',
})
const warm = await localFile(folder, 100)
await storage.put(newKey(99), warm.path, warm.about)
const { path, about } = await localFile(folder, 5_000_000)
const before = process.memoryUsage.rss()
let most = before
const timer = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 2)
await Promise.all(Array.from({ length: 20 }, async () => storage.put(newKey(98), path, about)))
clearInterval(timer)
const stored = await listAll(storage, 'messages/98/')
for (const { key } of [...stored, ...(await listAll(storage, 'messages/99/'))]) {
  await storage.delete(key)
}
storage.close()
console.log(JSON.stringify({ grownMb: Math.round((most - before) / 1e6), stored: stored.length }))
