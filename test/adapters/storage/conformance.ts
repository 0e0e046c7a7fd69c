import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { previewKey } from '../../../adapters/storage/key.ts'
import type { Storage } from '../../../adapters/storage/storage.ts'
import { waitFor } from '../../support/wait.ts'
import { presigns } from './conformance-presign.ts'
import { factsOf, listAll, localFile, newKey, read } from './files.ts'

const execute = promisify(execFile)

export type Subject = {
  storage: Storage
  /** The same storage as another process opens it. */
  again(): Promise<Storage>
  /** Whether the storage can be seen to have a part of a put that goes on. */
  underway(): Promise<boolean>
  /** What a put that was given up has left behind, seen from within. */
  leftovers(): Promise<number>
  /** Environment of a process that opens this storage by its variables, for `put-process.ts`. */
  environment: Record<string, string>
}

const gone = { name: 'NoSuchFileError' }

/** What every storage does, whichever it is. */
export async function conforms(t: Test, subject: Subject): Promise<void> {
  const { storage } = subject
  const folder = t.testdir()

  await t.test('what is put comes back byte for byte', async (t) => {
    for (const size of [1, 5 * 1_048_576 + 1, 10_485_760]) {
      const [key, file] = [newKey(), await localFile(folder, size)]
      const before = Date.now()
      await storage.put(key, file.path, file.about)
      const bytes = await read(await storage.get(key))
      t.equal(factsOf(bytes).sha256, file.about.sha256, `${size} bytes`)
      const stored = await storage.stat(key)
      t.match(stored, { key, size })
      // Stores that count in seconds cut the rest off, or round it.
      t.ok(Math.abs((stored?.modifiedAt.getTime() ?? 0) - before) < 60_000, 'stored just now')
      await storage.delete(key)
    }
  })

  await t.test('another process finds what one has put', async (t) => {
    const [key, file] = [newKey(), await localFile(folder, 1_000)]
    await storage.put(key, file.path, file.about)
    const other = await subject.again()
    t.same(await read(await other.get(key)), file.bytes)
    await other.delete(key)
    t.equal(await storage.stat(key), null)
    other.close()
  })

  await t.test('the same key again replaces the file', async (t) => {
    const [key, first, second] = [
      newKey(),
      await localFile(folder, 100_000),
      await localFile(folder, 10),
    ]
    await storage.put(key, first.path, first.about)
    await storage.put(key, second.path, second.about)
    t.same(await read(await storage.get(key)), second.bytes)
    t.match(await storage.stat(key), { size: 10 })
    t.equal((await listAll(storage)).length, 1)
    await storage.delete(key)
  })

  await t.test('of puts of one key at once one is there, whole', async (t) => {
    const key = newKey()
    const files = await Promise.all(
      Array.from({ length: 10 }, async (_, i) => localFile(folder, 200_000 + i)),
    )
    await Promise.all(files.map(async ({ path, about }) => storage.put(key, path, about)))
    const { sha256 } = factsOf(await read(await storage.get(key)))
    t.ok(files.some(({ about }) => about.sha256 === sha256))
    t.equal((await listAll(storage)).length, 1)
    await storage.delete(key)
  })

  await t.test('a file that is not there is told apart', async (t) => {
    const key = newKey()
    await t.rejects(storage.get(key), { ...gone, message: `there is no file ${key}` })
    t.equal(await storage.stat(key), null)
    const file = await localFile(folder, 10)
    await storage.put(key, file.path, file.about)
    await t.rejects(storage.get(previewKey(key)), gone)
    await storage.delete(key)
    await t.rejects(storage.get(key), gone)
    await storage.delete(key)
  })

  await t.test('a file that is not the announced one is not stored', async (t) => {
    const [key, kept] = [newKey(), await localFile(folder, 10)]
    await storage.put(key, kept.path, kept.about)
    for (const size of [20, 6 * 1_048_576]) {
      const { path, about } = await localFile(folder, size)
      const sha256 = createHash('sha256').update('another').digest('hex')
      for (const wrong of [
        { ...about, size: size + 1 },
        { ...about, size: size - 1 },
        { ...about, sha256 },
      ]) {
        await t.rejects(storage.put(key, path, wrong), { name: 'FileChangedError' })
      }
    }
    await t.rejects(storage.put(key, join(folder, 'none'), kept.about), {
      name: 'FileChangedError',
      message: /^the file cannot be read \(.*ENOENT/,
    })
    const empty = await localFile(folder, 0)
    await t.rejects(storage.put(key, empty.path, empty.about), { message: /^size: a file of 0 / })
    t.same(await read(await storage.get(key)), kept.bytes, 'the one before is still there')
    t.equal(await subject.leftovers(), 0)
    await storage.delete(key)
  })

  await t.test('a put that is given up leaves what was there before', async (t) => {
    for (const before of [null, await localFile(folder, 10)]) {
      const key = newKey()
      if (before) await storage.put(key, before.path, before.about)
      const { bytes } = await localFile(folder, 12_000_000)
      // A pipe, so that the file can stop in its middle.
      const path = join(folder, `pipe-${before ? 'replaces' : 'new'}`)
      await execute('mkfifo', [path])
      const writer = createWriteStream(path)
      const controller = new AbortController()
      const put = storage.put(key, path, factsOf(bytes), controller.signal)
      const failed = t.rejects(put, { name: 'AbortError' })
      writer.write(bytes.subarray(0, 11_000_000))
      await waitFor(async () => subject.underway(), { what: 'the put to be under way' })
      controller.abort()
      writer.on('error', () => {})
      writer.destroy()
      await failed
      if (before) t.same(await read(await storage.get(key)), before.bytes)
      else await t.rejects(storage.get(key), gone)
      t.equal((await listAll(storage)).length, before ? 1 : 0)
      await waitFor(async () => (await subject.leftovers()) === 0, { what: 'nothing to be left' })
      await storage.delete(key)
    }
    const file = await localFile(folder, 10)
    const put = storage.put(newKey(), file.path, file.about, AbortSignal.abort())
    await t.rejects(put, { name: 'AbortError' })
    t.same(await listAll(storage), [])
  })

  await t.test("a list has all files of its prefix, and no other tenant's", async (t) => {
    const file = await localFile(folder, 3)
    const keys = {
      one: newKey(1),
      december: newKey(1, '2026-12-01T00:00:00Z'),
      earlier: newKey(1, '2025-11-30T23:59:59Z'),
      ten: newKey(10),
      eleven: newKey(11),
    }
    const all = [...Object.values(keys), previewKey(keys.one)]
    for (const key of all) await storage.put(key, file.path, file.about)
    const listed = async (prefix: string) =>
      (await listAll(storage, prefix)).map(({ key }) => key).toSorted()
    t.same(await listed('messages/'), all.toSorted())
    const { one, december, earlier, ten } = keys
    t.same(await listed('messages/1/'), [earlier, one, previewKey(one), december].toSorted())
    t.same(await listed('messages/1/2026/'), [one, previewKey(one), december].toSorted())
    t.same(await listed('messages/1/2026/12/'), [december])
    t.same(await listed('messages/10/'), [ten])
    t.same(await listed('messages/2/'), [])
    t.match(await listAll(storage, 'messages/10/'), [{ key: ten, size: 3, modifiedAt: Date }])
    for (const key of all) await storage.delete(key)
  })

  await t.test('a list of more than a thousand files is whole', async (t) => {
    const file = await localFile(folder, 1)
    const keys = Array.from({ length: 1_050 }, () => newKey(7))
    const left = [...keys]
    const work = async () => {
      for (let key = left.pop(); key; key = left.pop())
        await storage.put(key, file.path, file.about)
    }
    await Promise.all(Array.from({ length: 16 }, work))
    // Deleted as they are listed, as the orphan sweep does.
    const found = new Set<string>()
    for await (const { key } of storage.list('messages/7/')) {
      found.add(key)
      await storage.delete(key)
    }
    t.same([...found].toSorted(), keys.toSorted())
    t.same(await listAll(storage, 'messages/7/'), [])
  })

  await t.test('a key of another shape is refused before anything is touched', async (t) => {
    const file = await localFile(folder, 5)
    const good = newKey()
    const keys = [
      '',
      '/',
      '..',
      'messages/../../etc/passwd',
      `/${good}`,
      `./${good}`,
      `${good}/`,
      `${good}\0`,
      `${good}\n`,
      `${good}.html`,
      `${good}.preview.webp.preview.webp`,
      good.toUpperCase(),
      good.replace('messages/1/', 'messages//'),
      good.replace('messages/1/', 'messages/0/'),
      good.replace('messages/1/', 'messages/-1/'),
      good.replace('/11/', '/13/'),
      good.replaceAll('/', '\\'),
      good.replace('messages/1/', 'messages/1/../2/'),
      good.replace('messages/1/', 'messages/%2e%2e/'),
      '.signing-key',
      '.incoming/x',
    ]
    const about = { seconds: 60, filename: 'x', contentType: 'text/plain' } as const
    for (const key of keys) {
      const refused = { name: 'InvalidKeyError', message: /^key: .*messages\/<tenant>\// }
      const acts: (() => Promise<unknown>)[] = [
        async () => storage.put(key, file.path, file.about),
        async () => storage.get(key),
        async () => storage.stat(key),
        async () => storage.delete(key),
        async () => storage.presign(key, { ...about, disposition: 'inline' }),
      ]
      for (const act of acts) await t.rejects(act(), refused, JSON.stringify(key))
    }
    for (const prefix of ['', '/', 'messages', 'messages/1', 'messages/../', 'messages//', good]) {
      await t.rejects(listAll(storage, prefix), { name: 'InvalidKeyError' }, JSON.stringify(prefix))
    }
    t.same(await listAll(storage), [])
  })

  await t.test('what is under way is not taken for what was left behind', async (t) => {
    t.equal(await storage.clearIncoming(3_600_000), 0)
  })

  await t.test('a storage that can be used says so', async (t) => {
    await t.resolves(storage.check())
  })

  await presigns(t, subject, folder)

  await t.test('twenty puts of 5 MB at once take little memory', async (t) => {
    const child = join(import.meta.dirname, 'put-process.ts')
    const env = { ...process.env, ...subject.environment }
    const { stdout } = await execute(process.execPath, [child, t.testdir()], { env })
    const { grownMb, stored } = JSON.parse(stdout) as { grownMb: number; stored: number }
    t.equal(stored, 20)
    t.ok(grownMb < 100, `the process grew by ${grownMb} MB`)
    t.comment(`grew by ${grownMb} MB`)
  })
}
