import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { createScanner } from '../../../adapters/scan/index.ts'
import { eicar, noClamd, startClamd } from '../../support/clamd.ts'

const real = { skip: noClamd }
const clean = { verdict: 'clean' }
const infected = { verdict: 'infected', signature: 'Eicar-Test.UNOFFICIAL' }

async function fileOf(t: Test, bytes: Buffer | string): Promise<string> {
  const path = join(t.testdir(), 'file')
  await writeFile(path, bytes)
  return path
}

/** Something that listens and is no clamd; `serve` gets each connection. */
async function startImpostor(t: Test, serve: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    serve(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port, sockets }
}

const unavailable = { name: 'ScannerUnavailableError', retryable: true }

t.test('a clean file is clean, by TCP and by socket, from a path and a stream', real, async (t) => {
  const { host, port, socket } = await startClamd(t)
  const path = await fileOf(t, 'nothing to see')
  for (const options of [{ host, port }, { socket }]) {
    const scanner = createScanner(options)
    t.same(await scanner.scan(path), clean)
    t.same(await scanner.scan(Readable.from([Buffer.from('a'), Buffer.alloc(0)])), clean)
    t.match(await scanner.check(), /^ClamAV \d+\./)
  }
  t.same(await createScanner({ socket }).scan(await fileOf(t, '')), clean, 'an empty file')
})

t.test('EICAR is found alone, and wherever it lies in 5 MB', real, async (t) => {
  const scanner = createScanner(await startClamd(t))
  t.same(await scanner.scan(await fileOf(t, eicar)), infected)
  const large = Buffer.alloc(5_000_000, 'x')
  t.same(await scanner.scan(await fileOf(t, large)), clean)
  // Across the border of two chunks, too.
  for (const at of [2_500_000, 65_536 - 30, large.length - eicar.length]) {
    const path = await fileOf(t, Buffer.concat([large.subarray(0, at), Buffer.from(eicar), large]))
    t.same(await scanner.scan(path), infected, `at ${at}`)
  }
})

t.test('twenty scans at once each get their own verdict', real, async (t) => {
  const scanner = createScanner(await startClamd(t))
  const verdicts = await Promise.all(
    Array.from({ length: 20 }, async (_, n) => {
      const bytes = Buffer.alloc(1_000_000, n)
      return scanner.scan(Readable.from([bytes, n % 2 ? Buffer.from(eicar) : Buffer.alloc(9)]))
    }),
  )
  t.same(
    verdicts,
    verdicts.map((_, n) => (n % 2 ? infected : clean)),
  )
})

t.test('a file that is too large for clamd is refused for good', real, async (t) => {
  const { host, port, socket } = await startClamd(t, { maxStream: '1M' })
  const large = await fileOf(t, Buffer.alloc(10_000_000))
  const refused = { name: 'ScanRefusedError', retryable: false, message: /StreamMaxLength/ }
  for (const scanner of [createScanner({ host, port }), createScanner({ socket })]) {
    for (let n = 0; n < 20; n++) await t.rejects(scanner.scan(large), refused)
    t.same(await scanner.scan(Readable.from([Buffer.from('small')])), clean)
  }
})

t.test('with clamd ended there is no verdict, and with clamd back there is', real, async (t) => {
  const { host, port, stop } = await startClamd(t)
  const scanner = createScanner({ host, port })
  const halfway = Promise.withResolvers<void>()
  const on = Promise.withResolvers<void>()
  const scanned = scanner.scan(
    Readable.from(
      (async function* () {
        yield Buffer.alloc(100_000)
        halfway.resolve()
        await on.promise
        yield Buffer.alloc(100_000)
      })(),
    ),
  )
  await halfway.promise
  const failed = t.rejects(scanned, unavailable)
  await stop()
  on.resolve()
  await failed
  await t.rejects(scanner.scan(Readable.from([Buffer.from('x')])), {
    ...unavailable,
    message: /127\.0\.0\.1:\d+ cannot be reached: .*ECONNREFUSED/,
  })
  await t.rejects(scanner.check(), unavailable)
  const again = createScanner(await startClamd(t))
  t.same(await again.scan(Readable.from([Buffer.from(eicar)])), infected)
})

t.test('half an answer is no verdict', async (t) => {
  for (const [answer, message] of [
    ['', /closed the connection/],
    ['stream: OK', /closed the connection/],
    ['stream: Eicar-Te', /closed the connection/],
    ['stream: OKAY\0', /said "stream: OKAY"/],
    ['nonsense OK\0', /said "nonsense OK"/],
    ['stream:  FOUND\0', /said/],
    ["stream: Can't allocate memory ERROR\0", /allocate memory/],
    ['COMMAND READ TIMED OUT\0', /TIMED OUT/],
    ['x'.repeat(10_000), /without an end/],
  ] as const) {
    const place = await startImpostor(t, (socket) => socket.once('data', () => socket.end(answer)))
    const scanned = createScanner(place).scan(await fileOf(t, 'a'))
    await t.rejects(scanned, { ...unavailable, message }, answer.slice(0, 40))
  }
})

t.test('an answer that comes in pieces is put together', async (t) => {
  const place = await startImpostor(t, (socket) => {
    socket.once('data', () => {
      socket.write('stream: Some.Ve', () => setImmediate(() => socket.write('rdict FOUND\0')))
    })
  })
  const verdict = await createScanner(place).scan(await fileOf(t, 'a'))
  t.same(verdict, { verdict: 'infected', signature: 'Some.Verdict' })
})

t.test('a scanner that stalls is given up, and its connection closed', async (t) => {
  const silent = await startImpostor(t, (socket) => socket.resume())
  await t.rejects(createScanner({ ...silent, scanMs: 100 }).scan(await fileOf(t, 'a')), {
    ...unavailable,
    message: /said nothing within 100 ms/,
  })
  const deaf = await startImpostor(t, (socket) => socket.pause())
  const idle = createScanner({ ...deaf, idleMs: 100 }).scan(
    await fileOf(t, Buffer.alloc(30_000_000)),
  )
  await t.rejects(idle, { ...unavailable, message: /took nothing of the file for 100 ms/ })
  for (const socket of silent.sockets) if (!socket.destroyed) await once(socket, 'close')
})

t.test('no more scans run at once than allowed; an abort leaves the line', async (t) => {
  const place = await startImpostor(t, (socket) => socket.resume())
  const scanner = createScanner({ ...place, concurrency: 2 })
  const file = await fileOf(t, 'a')
  const stops = Array.from({ length: 4 }, () => new AbortController())
  const scans = stops.map(async ({ signal }) => scanner.scan(file, signal))
  const ends = scans.map(async (scan) => scan.catch((error: unknown) => error))
  while (place.sockets.size < 2) await new Promise((resolve) => setImmediate(resolve))
  stops[2]?.abort(new Error('no longer wanted'))
  t.match(await ends[2], { message: 'no longer wanted' })
  t.equal(place.sockets.size, 2)
  stops[0]?.abort(new Error('nor this'))
  t.match(await ends[0], { message: 'nor this' })
  while (place.sockets.size < 3) await new Promise((resolve) => setImmediate(resolve))
  for (const stop of stops) stop.abort(new Error('over'))
  await Promise.all(ends)
  t.equal(place.sockets.size, 3)
})

t.test('what goes wrong with the file is told as it is', real, async (t) => {
  const scanner = createScanner(await startClamd(t))
  await t.rejects(scanner.scan('/nowhere/at/all'), { code: 'ENOENT' })
  const broken = new Readable({ read: () => broken.destroy(new Error('the disk is gone')) })
  await t.rejects(scanner.scan(broken), { message: 'the disk is gone' })
})
