import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFile,
  lstat,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { openFolder } from '../../../adapters/storage/folder.ts'
import { waitFor } from '../../support/wait.ts'
import { conforms } from './conformance.ts'
import { startFileServer } from './file-server.ts'
import { listAll, localFile, newKey, read } from './files.ts'

const baseUrl = 'https://example.org'

t.test('folder', async (t) => {
  const data = t.testdir()
  const root = join(data, 'media')
  const server = await startFileServer(t)
  const again = async () => openFolder({ root, baseUrl: server.baseUrl })
  const storage = await again()
  server.serve(storage)
  const incoming = async () => readdir(join(root, '.incoming'))
  const subject = {
    storage,
    again,
    async underway() {
      const [name] = await incoming()
      return name !== undefined && (await stat(join(root, '.incoming', name))).size > 1_000_000
    },
    leftovers: async () => (await incoming()).length,
    environment: { PIGEONPOST_DATA: data, PIGEONPOST_STORAGE: 'folder' },
  }
  await t.test('conforms', async (t) => conforms(t, subject))
})

async function folder(t: Test) {
  const root = join(t.testdir(), 'media')
  const [key, file] = [newKey(), await localFile(t.testdirName, 100)]
  const storage = await openFolder({ root, baseUrl })
  return { root, storage, key, file, outside: join(t.testdirName, 'outside') }
}

t.test('nobody else on the machine may read what is stored', async (t) => {
  const { root, storage, key, file } = await folder(t)
  await storage.put(key, file.path, file.about)
  const modes: string[] = []
  for (let path = join(root, key); path !== dirname(root); path = dirname(path)) {
    modes.push(((await lstat(path)).mode & 0o777).toString(8))
  }
  t.same(modes, ['600', '700', '700', '700', '700', '700'])
  t.equal((await lstat(join(root, '.signing-key'))).mode & 0o777, 0o600)
  t.equal((await lstat(join(root, '.incoming'))).mode & 0o777, 0o700)
})

t.test('a symbolic link is never followed out of the folder', async (t) => {
  const { root, storage, key, file, outside } = await folder(t)
  await mkdir(join(outside, dirname(key)), { recursive: true })
  await writeFile(join(outside, key), 'secret')

  await storage.put(key, file.path, file.about)
  await rm(join(root, key))
  await symlink(join(outside, key), join(root, key))
  await t.rejects(storage.get(key), { name: 'NoSuchFileError' }, 'as a file')
  t.equal(await storage.stat(key), null)
  t.same(await listAll(storage), [])
  await storage.put(key, file.path, file.about)
  t.notOk((await lstat(join(root, key))).isSymbolicLink(), 'a put replaces the link itself')

  for (const folder of ['messages', dirname(key)]) {
    await rm(join(root, 'messages'), { recursive: true })
    await mkdir(dirname(join(root, folder)), { recursive: true })
    await symlink(join(outside, folder), join(root, folder))
    const refused = { name: 'StorageUnavailableError', message: /is no folder of ours/ }
    await t.rejects(storage.put(key, file.path, file.about), refused, folder)
    await t.rejects(storage.get(key), refused)
    await t.rejects(storage.stat(key), refused)
    await t.rejects(storage.delete(key), refused)
    await t.rejects(listAll(storage, `${dirname(key)}/`), refused)
  }
  t.equal(await readFile(join(outside, key), 'utf8'), 'secret')
  t.same(await readdir(join(outside, dirname(key))), [key.split('/').at(-1)])
})

t.test('the folder itself may lie behind a symbolic link', async (t) => {
  const { root, storage, key, file } = await folder(t)
  await storage.put(key, file.path, file.about)
  const path = join(t.testdirName, 'link')
  await symlink(root, path)
  const linked = await openFolder({ root: path, baseUrl })
  t.same(await read(await linked.get(key)), file.bytes)
})

t.test('what a dead process has left is removed once it is old', async (t) => {
  const { root, storage } = await folder(t)
  const [old, young] = ['old', 'young'].map((name) => join(root, '.incoming', name))
  for (const path of [old, young]) await appendFile(path ?? '', 'half')
  const hourAgo = new Date(Date.now() - 3_600_000)
  await utimes(old ?? '', hourAgo, hourAgo)
  t.equal(await storage.clearIncoming(1_800_000), 1)
  t.same(await readdir(join(root, '.incoming')), ['young'])
  t.equal(await storage.clearIncoming(0), 1)
})

t.test(
  'a process that is killed in the middle of a put leaves nothing under the key',
  async (t) => {
    const { root, storage, key, file } = await folder(t)
    await storage.put(key, file.path, file.about)
    const script = `
    import { openFolder } from '${join(import.meta.dirname, '../../../adapters/storage/folder.ts')}'
    const storage = await openFolder({ root: '${root}', baseUrl: '' })
    await storage.put('${key}', '/dev/zero', { contentType: 'x/y', size: 1e12, sha256: '' })`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: 'ignore',
    })
    const incoming = async () => readdir(join(root, '.incoming'))
    await waitFor(async () => (await incoming()).length === 1, { what: 'the put to begin' })
    child.kill('SIGKILL')
    await once(child, 'exit')
    t.equal((await incoming()).length, 1)
    t.same(await read(await storage.get(key)), file.bytes, 'what was there is there')
    t.match(await listAll(storage), [{ key, size: 100 }])
    t.equal(await storage.clearIncoming(0), 1)
  },
)

t.test('processes that start at once agree on the key of signatures', async (t) => {
  const root = join(t.testdir(), 'media')
  const storages = await Promise.all(
    Array.from({ length: 20 }, async () => openFolder({ root, baseUrl })),
  )
  const keys = new Set(storages.map(({ served }) => served?.signingKey.toString('hex')))
  t.equal(keys.size, 1)
  t.match([...keys], [/^[0-9a-f]{64}$/])
  t.same(await readdir(join(root, '.incoming')), [])
  await writeFile(join(root, '.signing-key'), 'short')
  await t.rejects(openFolder({ root, baseUrl }), {
    name: 'StorageUnavailableError',
    message: /signing-key has 5 bytes and not 32; remove it/,
  })
})

t.test('a folder that cannot be used says why', async (t) => {
  const path = join(t.testdir({ media: 'a file' }), 'media')
  await t.rejects(openFolder({ root: join(path, 'x'), baseUrl }), {
    name: 'StorageUnavailableError',
    message:
      /\(\$PIGEONPOST_DATA\/media\) cannot be used: there is a file where a folder should be/,
  })
  const { root, storage, key, file } = await folder(t)
  await rm(join(root, '.incoming'), { recursive: true })
  await writeFile(join(root, '.incoming'), '')
  await t.rejects(storage.check(), { name: 'StorageUnavailableError' })
  await t.rejects(storage.put(key, file.path, file.about), { name: 'StorageUnavailableError' })
})
