import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import t from 'tap'
import { clearSpool, spool } from '../../../adapters/media/spool.ts'
import { startServer } from './server.ts'

const execute = promisify(execFile)

t.test('a stream becomes a file of ours, with its size and hash', async (t) => {
  const folder = join(t.testdir(), 'new', 'spool')
  const bytes = Buffer.alloc(1_000_000, 'abc')
  const result = await spool(Readable.from([bytes, Buffer.alloc(0), bytes]), { folder, limit: 2e6 })
  const whole = Buffer.concat([bytes, bytes])
  t.match(result, { size: 2_000_000, sha256: createHash('sha256').update(whole).digest('hex') })
  t.same(result.head, whole.subarray(0, 8_192))
  t.same(await readFile(result.path), whole)
  t.equal((await stat(result.path)).mode & 0o777, 0o600)
  t.match(result.path.slice(folder.length + 1), /^[0-9a-f-]{36}$/)
  const empty = await spool(Readable.from([]), { folder, limit: 1 })
  t.match(empty, { size: 0, head: Buffer.alloc(0) })
})

t.test('one byte over the limit ends it at once, and leaves nothing', async (t) => {
  const folder = t.testdir()
  let made = 0
  const endless = Readable.from(
    (function* () {
      for (;;) {
        made += 1
        yield Buffer.alloc(1_000)
      }
    })(),
    { objectMode: false },
  )
  await t.rejects(spool(endless, { folder, limit: 10_000 }), {
    name: 'TooLargeError',
    message: 'file is too large: at most 10000 bytes',
    details: { code: 'file_too_large', field: 'file' },
  })
  t.ok(made < 100, `${made} pieces of 1000 bytes were made`)
  t.notOk(endless.destroyed, 'whoever sent it can still be told')
  endless.destroy(new Error('later trouble ends nothing'))
  t.same(await readdir(folder), [])
  t.equal((await spool(Readable.from([Buffer.alloc(9)]), { folder, limit: 9 })).size, 9)
})

t.test('a request that is too large still gets its answer', async (t) => {
  const folder = t.testdir()
  const { port } = await startServer(t, (incoming, response) => {
    spool(incoming, { folder, limit: 1_000 }).catch((error: Error) => {
      response.writeHead(413, { connection: 'close' }).end(error.message)
    })
  })
  const sent = request({ port, host: '127.0.0.1', method: 'POST' })
  sent.on('error', () => {})
  sent.write(Buffer.alloc(5_000))
  const [answer] = (await once(sent, 'response')) as [Readable & { statusCode: number }]
  t.equal(answer.statusCode, 413)
  sent.destroy()
  t.same(await readdir(folder), [])
})

t.test('an upload that breaks off, stalls or is given up leaves nothing', async (t) => {
  const folder = t.testdir()
  const outcome = Promise.withResolvers<Error>()
  const { port } = await startServer(t, (incoming) => {
    spool(incoming, { folder, limit: 1e6 }).catch(outcome.resolve)
  })
  const socket = connect(port, '127.0.0.1')
  socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\nhalf')
  await once(socket, 'connect')
  while ((await readdir(folder)).length === 0) await new Promise((next) => setImmediate(next))
  socket.destroy()
  t.match(await outcome.promise, { code: 'ECONNRESET' })

  const silent = () => new Readable({ read() {} })
  await t.rejects(spool(silent(), { folder, limit: 9, stallMs: 50 }), {
    name: 'StalledError',
    details: { code: 'upload_stalled', field: 'file' },
  })
  const stop = new AbortController()
  const given = spool(silent(), { folder, limit: 9, signal: stop.signal })
  stop.abort(new Error('given up'))
  await t.rejects(given, { message: 'given up' })
  await t.rejects(spool(silent(), { folder, limit: 9, signal: stop.signal }), { message: 'given' })
  const broken = new Readable({ read: () => broken.destroy(new Error('broken')) })
  await t.rejects(spool(broken, { folder, limit: 9 }), { message: 'broken' })
  t.same(await readdir(folder), [])
})

t.test('what the disk says is told, and the part that was written is gone', async (t) => {
  const folder = t.testdir()
  // A limit of the system's on files of this process, in place of a disk that is full.
  const script = `
    import { Readable } from 'node:stream'
    import { spool } from ${JSON.stringify(join(import.meta.dirname, '../../../adapters/media/spool.ts'))}
    process.on('SIGXFSZ', () => {})
    const source = Readable.from([Buffer.alloc(100_000), Buffer.alloc(900_000)])
    await spool(source, { folder: ${JSON.stringify(folder)}, limit: 1e7 }).catch(({ code }) => console.log(code))`
  const { stdout } = await execute('sh', [
    '-c',
    'ulimit -f 400; exec "$0" --input-type=module -e "$1"',
    process.execPath,
    script,
  ])
  t.equal(stdout, 'EFBIG\n')
  t.same(await readdir(folder), [])
  const file = join(folder, 'file')
  await writeFile(file, '')
  await t.rejects(spool(Readable.from([]), { folder: file, limit: 9 }), { code: 'EEXIST' })
})

t.test('what was left behind is cleared, and nothing else', async (t) => {
  const folder = t.testdir({ 'notes.txt': 'not ours', folder: {} })
  const { path: old } = await spool(Readable.from([Buffer.alloc(1)]), { folder, limit: 9 })
  const { path: young } = await spool(Readable.from([Buffer.alloc(1)]), { folder, limit: 9 })
  await writeFile(`${old}.webp`, '')
  const hour = Date.now() / 1_000 - 3_600
  for (const path of [old, `${old}.webp`, join(folder, 'notes.txt')]) await utimes(path, hour, hour)
  t.equal(await clearSpool(folder, 1_800_000), 2)
  t.same((await readdir(folder)).toSorted(), [young.slice(-36), 'folder', 'notes.txt'].toSorted())
  t.equal(await clearSpool(join(folder, 'nowhere'), 0), 0)
})
