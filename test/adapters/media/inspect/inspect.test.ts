import { once } from 'node:events'
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ChildProcess } from 'node:child_process'
import sharp from 'sharp'
import t from 'tap'
import { parseFile } from '../../../../adapters/media/inspect/parse.ts'
import { drawFirstPage } from '../../../../adapters/media/inspect/pdf-preview.ts'
import { render } from '../../../../adapters/media/inspect/decode.ts'
import { inspect } from '../../../../adapters/media/inspect/inspect.ts'
import { makePreview } from '../../../../adapters/media/inspect/preview.ts'
import { sniff } from '../../../../adapters/media/inspect/sniff.ts'
import type { MediaType } from '../../../../adapters/media/types.ts'
import { findOnPath } from '../../../support/path.ts'
import * as samples from '../samples.ts'

const drawing = {
  skip: !(await findOnPath('pdftoppm')) && 'there is no pdftoppm: apt-get install poppler-utils',
}

const bomb = samples.pdfBomb(500_000_000)
const helpers: ChildProcess[] = []
subscribe('child_process', (message) => {
  helpers.push((message as { process: ChildProcess }).process)
})

/** Ends the helper that runs by now. */
async function endHelper(): Promise<void> {
  const last = helpers.at(-1)
  if (!last || last.exitCode !== null || last.signalCode !== null) return
  const ended = once(last, 'exit')
  last.ref()
  last.kill('SIGKILL')
  await ended
}

let count = 0

/** A file of these bytes, and the type that its content tells. */
async function file(folder: string, bytes: Buffer): Promise<[path: string, type: MediaType]> {
  const path = join(folder, `${++count}`)
  await writeFile(path, bytes)
  const type = await sniff(path)
  if (!type) throw new Error('it is of no type')
  return [path, type]
}

t.test('an image has the size that it is shown with, and its frames', async (t) => {
  const folder = t.testdir()
  const lying = await samples.noise(60, 40).withMetadata({ orientation: 6 }).jpeg().toBuffer()
  t.same(await inspect(...(await file(folder, lying))), {
    width: 40,
    height: 60,
    orientation: 6,
    frames: 1,
  })
  const animated = await sharp(
    await Promise.all(
      ['red', 'green', 'blue'].map(async (background) =>
        sharp({ create: { width: 30, height: 20, channels: 3, background } })
          .png()
          .toBuffer(),
      ),
    ),
    { join: { animated: true } },
  )
    .gif()
    .toBuffer()
  t.same(await inspect(...(await file(folder, animated))), {
    width: 30,
    height: 20,
    orientation: 1,
    frames: 3,
  })
  for (const bytes of [
    await samples.plain(30, 20).webp().toBuffer(),
    await samples.plain(30, 20).png().toBuffer(),
  ]) {
    t.match(await inspect(...(await file(folder, bytes))), { width: 30, height: 20, frames: 1 })
  }
})

t.test('an image of which the end is missing is found out', async (t) => {
  const folder = t.testdir()
  for (const format of ['jpeg', 'png', 'gif', 'webp'] as const) {
    const [path, type] = await file(
      folder,
      await samples.noise(300, 200).toFormat(format).toBuffer(),
    )
    t.match(await inspect(path, type), { width: 300 }, format)
    const whole = (await readFile(path)).length
    await truncate(path, Math.floor(whole * 0.7))
    const unreadable = {
      name: 'UnreadableError',
      details: { code: 'image_undecodable', field: 'file' },
    }
    await t.rejects(inspect(path, type), unreadable, format)
    await t.rejects(makePreview(path, type, { folder }), unreadable, format)
  }
  t.equal((await readdir(folder)).length, 4, 'no preview is left')
})

t.test('an image of 50,000 × 50,000 is refused before it is decoded', async (t) => {
  const folder = t.testdir()
  const bytes = samples.pngThatClaims(50_000, 50_000)
  const [path, type] = await file(folder, bytes)
  const refused = {
    name: 'UnreadableError',
    message: 'file has more than 100000000 pixels',
    details: { code: 'too_many_pixels', field: 'file' },
  }
  const before = process.memoryUsage.rss()
  await t.rejects(inspect(path, type), refused)
  await t.rejects(makePreview(path, type, { folder }), refused)
  t.ok(process.memoryUsage.rss() - before < 20_000_000)
})

t.test('one that must lie in memory as a whole is known by its header only', async (t) => {
  const folder = t.testdir()
  const large = await samples.plain(9_000, 5_000).png({ progressive: true }).toBuffer()
  const [path, type] = await file(folder, large)
  await truncate(path, 5_000)
  t.match(await inspect(path, type), { width: 9_000, height: 5_000 })
  t.equal(await makePreview(path, type, { folder }), null)
})

t.test('video and audio have a duration, a size and codecs', async (t) => {
  const folder = t.testdir()
  const cases: [bytes: Buffer, metadata: object][] = [
    [samples.mp4(), { durationSeconds: 5, width: 640, height: 360, videoCodec: 'AVC' }],
    [samples.mp4({ lying: true }), { durationSeconds: 5, width: 360, height: 640 }],
    [samples.wav(3), { durationSeconds: 3, audioCodec: 'PCM' }],
    [samples.ogg(2), { durationSeconds: 2, audioCodec: 'Opus' }],
    [samples.mp3(100), { audioCodec: 'MPEG Audio' }],
  ]
  for (const [bytes, metadata] of cases) {
    t.match(await inspect(...(await file(folder, bytes))), metadata)
  }
  const { durationSeconds } = await inspect(...(await file(folder, samples.mp3(100))))
  t.ok(durationSeconds && Math.abs(durationSeconds - 2.612) < 0.05, `${durationSeconds}`)
  t.same(await inspect(...(await file(folder, samples.mpegs[0] ?? Buffer.alloc(0)))), {
    problem: 'broken',
  })
})

t.test('a PDF has pages; documents have nothing', async (t) => {
  const folder = t.testdir()
  t.same(await inspect(...(await file(folder, samples.pdf(3)))), { pages: 3 })
  t.same(await inspect(...(await file(folder, samples.docx()))), {})
  const damaged = Buffer.from('%PDF-1.7\nnothing more')
  t.same(await inspect(...(await file(folder, damaged))), { problem: 'broken' })
  t.same(await inspect(...(await file(folder, samples.lockedPdf()))), { problem: 'encrypted' })
})

t.test('a PDF that unpacks to gigabytes is given up before it takes them', async (t) => {
  const [path, type] = await file(t.testdir(), bomb)
  t.same(await inspect(path, type), { problem: 'took_too_much_memory' })
  t.equal(await makePreview(path, type, { folder: t.testdirName }), null)
  // Here, so that it can be measured.
  let most = 0
  const before = process.memoryUsage.rss()
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss())
  }, 10)
  const job = { kind: 'pdf', path, size: bomb.length } as const
  t.same(await parseFile(job), { problem: 'took_too_much_memory' })
  clearInterval(watch)
  t.ok(most - before < 250_000_000, `${Math.round((most - before) / 1e6)} MB`)
})

t.test('a parser that does not end is ended', async (t) => {
  const [path, type] = await file(t.testdir(), samples.pdf(1))
  const job = { kind: 'pdf', path, size: 1_000 } as const
  t.same(await parseFile(job, { ms: 1 }), { problem: 'took_too_long' })
  const stop = new AbortController()
  const looking = inspect(path, type, stop.signal)
  stop.abort(new Error('stopping'))
  await t.rejects(looking, { message: 'stopping' })
  await t.rejects(inspect(path, type, stop.signal), { message: 'stopping' })
  t.same(await inspect(path, type), { pages: 1 })
})

t.test('a file with which the decoder dies is tried once more, and ends nothing', async (t) => {
  const folder = t.testdir()
  const images = await Promise.all(
    [1, 2, 3].map(async (n) =>
      file(
        folder,
        await samples
          .plain(n * 10, 10)
          .png()
          .toBuffer(),
      ),
    ),
  )
  const [letter, letterType] = await file(folder, samples.pdf(1))
  const started: ChildProcess[] = []
  let deaths = Infinity
  const onStart = (message: unknown) => {
    const { process: child } = message as { process: ChildProcess }
    started.push(child)
    if (deaths-- > 0) child.once('spawn', () => child.kill('SIGKILL'))
  }
  subscribe('child_process', onStart)
  t.teardown(() => unsubscribe('child_process', onStart))
  const [image] = images
  if (!image) throw new Error('there is an image')
  await endHelper()
  await t.rejects(inspect(...image), {
    name: 'UnreadableError',
    details: { code: 'image_undecodable', field: 'file' },
  })
  t.equal(started.length, 2)
  t.same(await inspect(letter, letterType), { problem: 'broken' })
  t.equal(await makePreview(letter, letterType, { folder }), null)
  deaths = 1
  t.match(await Promise.all(images.map(async (one) => inspect(...one))), [
    { width: 10 },
    { width: 20 },
    { width: 30 },
  ])
})

t.test('a preview is small, upright, WebP, and tells nothing of where it was taken', async (t) => {
  const folder = t.testdir()
  const located = await samples
    .noise(1_000, 500)
    .withExif({
      IFD0: { Make: 'Maker' },
      IFD3: { GPSLatitudeRef: 'S', GPSLatitude: '33/1 55/1 31/1' },
    })
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer()
  t.match(located, /Maker/, 'the original tells')
  const [path, type] = await file(folder, located)
  const preview = await makePreview(path, type, { folder })
  t.match(preview, { width: 160, height: 320, contentType: 'image/webp' })
  const bytes = await readFile(preview?.path ?? '')
  t.equal(bytes.length, preview?.size)
  const { exif, xmp, icc, orientation, format } = await sharp(bytes).metadata()
  t.same(
    { exif, xmp, icc, orientation, format },
    {
      exif: undefined,
      xmp: undefined,
      icc: undefined,
      orientation: undefined,
      format: 'webp',
    },
  )
  t.notMatch(bytes.toString('latin1'), /Maker|EXIF/)

  const [small, smallType] = await file(folder, await samples.plain(10, 8).gif().toBuffer())
  t.match(await makePreview(small, smallType, { folder }), { width: 10, height: 8 }, 'not blown up')
  const [wave, waveType] = await file(folder, samples.wav(1))
  t.equal(await makePreview(wave, waveType, { folder }), null)
  const nowhere = join(folder, 'nowhere')
  await t.rejects(makePreview(path, type, { folder: nowhere }), { code: 'ENOENT' })
  await t.rejects(makePreview(nowhere, type, { folder }), { message: /missing/ })
  await t.rejects(inspect(nowhere, waveType), { code: 'ENOENT' })
})

t.test('a PDF’s preview is its first page', drawing, async (t) => {
  const folder = t.testdir()
  const [path, type] = await file(folder, samples.pdf(2))
  t.match(await makePreview(path, type, { folder }), { width: 320, height: 160 })
  const [locked, lockedType] = await file(folder, samples.lockedPdf())
  t.equal(await makePreview(locked, lockedType, { folder }), null)
  t.equal(await drawFirstPage(path, { ms: 1 }), null, 'drawing that does not end is ended')
})

t.test('without pdftoppm a PDF has no preview', async (t) => {
  const folder = t.testdir()
  const path = process.env['PATH']
  t.teardown(() => (process.env['PATH'] = path))
  process.env['PATH'] = folder
  t.equal(await render(...(await file(folder, samples.pdf(1)))), null)
})
