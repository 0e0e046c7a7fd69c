import { execFile } from 'node:child_process'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { noClamd, startClamd } from '../../support/clamd.ts'
import * as samples from './samples.ts'

const execute = promisify(execFile)
const most = 300_000_000

/** The most bytes of memory of a process that takes these files in, 20 at a time, `times` in all, and of its helper. */
async function memoryFor(
  t: Test,
  files: Record<string, Buffer>,
  times: number,
): Promise<{ most: number; helper: number | null }> {
  const folder = t.testdir({ samples: {}, spool: {} })
  for (const [name, bytes] of Object.entries(files)) {
    await writeFile(join(folder, 'samples', name), bytes)
  }
  const port = noClamd ? '' : String((await startClamd(t)).port)
  const script = join(import.meta.dirname, 'memory-process.ts')
  const { NODE_OPTIONS: _, ...env } = process.env
  const { stdout } = await execute(
    process.execPath,
    [script, join(folder, 'samples'), join(folder, 'spool'), String(times), port],
    { env },
  )
  t.same(await readdir(join(folder, 'spool')), [], 'nothing is left')
  return JSON.parse(stdout) as { most: number; helper: number | null }
}

const padding = Buffer.alloc(5_000_000, ' ')

t.test('uploads of 5 MB, 20 at a time, hold the process under 300 MB', async (t) => {
  const photo = await samples.noise(2_400, 1_600).jpeg({ quality: 90 }).toBuffer()
  const large = Buffer.concat([photo, Buffer.alloc(Math.max(0, 5_000_000 - photo.length))])
  const files = {
    'picture.png': await samples.noise(1_300, 1_300).png().toBuffer(),
    'film.mp4': Buffer.concat([samples.mp4(), padding]),
    'sound.wav': samples.wav(625),
    ...Object.fromEntries(Array.from({ length: 6 }, (_, n) => [`photo${n}.jpg`, large])),
    'letter.pdf': Buffer.concat([samples.pdf(9).subarray(0, 9), padding, samples.pdf(9)]),
  }
  const used = await memoryFor(t, files, 40)
  t.ok(used.most < most, JSON.stringify(used))
  t.ok((used.helper ?? 0) < most, 'nor does its helper take more')
})

t.test('so do the largest images that are decoded', async (t) => {
  const files = {
    'wide.png': await samples.plain(10_000, 10_000).png().toBuffer(),
    'progressive.jpg': await samples
      .plain(3_300, 3_300)
      .jpeg({ progressive: true, chromaSubsampling: '4:4:4' })
      .toBuffer(),
    'interlaced.png': await samples.plain(4_700, 4_700).png({ progressive: true }).toBuffer(),
    'canvas.gif': await samples.plain(3_600, 3_600).gif().toBuffer(),
  }
  const used = await memoryFor(t, files, 4)
  t.ok(used.most < most, JSON.stringify(used))
  t.ok((used.helper ?? 0) < most, 'nor does its helper take more')
})
