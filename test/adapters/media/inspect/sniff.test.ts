import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checkAllowed, typeOfInbound } from '../../../../adapters/media/allowed-types.ts'
import { sniff, type Sniffed } from '../../../../adapters/media/inspect/sniff.ts'
import * as samples from '../samples.ts'

async function sniffed(t: Test, bytes: Buffer | string): Promise<Sniffed | null> {
  const path = join(t.testdir(), 'file')
  await writeFile(path, bytes)
  return sniff(path)
}

const word = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'
const jpeg = await samples.plain(20, 10).jpeg().toBuffer()
const png = await samples.plain(20, 10).png().toBuffer()
const gif = await samples.plain(20, 10).gif().toBuffer()
const webp = await samples.plain(20, 10).webp().toBuffer()

const listed: [name: string, bytes: Buffer, type: string, kind: string, extension: string][] = [
  ['JPEG', jpeg, 'image/jpeg', 'image', 'jpg'],
  ['PNG', png, 'image/png', 'image', 'png'],
  ['GIF', gif, 'image/gif', 'image', 'gif'],
  ['WebP', webp, 'image/webp', 'image', 'webp'],
  ['MP4', samples.mp4(), 'video/mp4', 'video', 'mp4'],
  ['MP4 for iTunes', samples.mp4({ brand: 'M4V ' }), 'video/mp4', 'video', 'mp4'],
  ...samples.mpegs.map(
    (bytes, n) => [`MPEG ${n}`, bytes, 'video/mpeg', 'video', 'mpg'] as (typeof listed)[number],
  ),
  ['MP3', samples.mp3(10), 'audio/mpeg', 'audio', 'mp3'],
  ['Ogg', samples.ogg(1), 'audio/ogg', 'audio', 'ogg'],
  ['WAV', samples.wav(1), 'audio/wav', 'audio', 'wav'],
  ['PDF', samples.pdf(1), 'application/pdf', 'file', 'pdf'],
  ['DOC', samples.cfb(['WordDocument']), 'application/msword', 'file', 'doc'],
  [
    'DOC of more parts',
    samples.cfb(['1Table', 'Data', 'CompObj', 'WordDocument']),
    'application/msword',
    'file',
    'doc',
  ],
  ['DOCX', samples.docx(), word, 'file', 'docx'],
]

t.test('each type of document 004 is known by its content, and taken', async (t) => {
  for (const [name, bytes, contentType, kind, extension] of listed) {
    const found = await sniffed(t, bytes)
    t.same(found, { contentType, kind, extension, also: null }, name)
    t.same(checkAllowed({ filename: 'x.exe' }, found), { contentType, kind, extension }, name)
  }
})

t.test(
  'a type that is not listed is refused by its real name, whatever it calls itself',
  async (t) => {
    const others: [bytes: Buffer | string, type: RegExp][] = [
      [samples.zip({ 'a.txt': 'hello' }), /application\/zip/],
      [samples.docx({ macroEnabled: true }), /ms-word\.document\.macroenabled/],
      [samples.cfb(['Workbook']), /application\/x-cfb/],
      [Buffer.from('MZ'.padEnd(200, '\0')), /application\/x-msdownload/],
      [samples.mp4({ brand: 'M4A ' }), /audio\/x-m4a/],
      [samples.mp4({ brand: 'qt  ' }), /video\/quicktime/],
      [await samples.plain(9, 9).tiff().toBuffer(), /image\/tiff/],
      ['<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', /application\/xml/],
      ['<svg xmlns="http://www.w3.org/2000/svg"/>', /content of no known type/],
      ['<!doctype html><script>alert(1)</script>', /content of no known type/],
      ['plain text', /sent as image\/jpeg, has content of no known type/],
      ['', /content of no known type/],
    ]
    for (const [bytes, type] of others) {
      const found = await sniffed(t, bytes)
      t.throws(() => checkAllowed({ filename: 'photo.jpg', contentType: 'image/jpeg' }, found), {
        name: 'UnsupportedTypeError',
        message: type,
        details: { code: 'unsupported_type', field: 'file', hint: /JPEG, PNG, .* or DOCX/ },
      })
    }
  },
)

t.test('a file that is two things at once is refused', async (t) => {
  const archive = samples.zip({ 'a.txt': 'hello' })
  const comment = (text: string) => {
    const body = Buffer.from(text)
    const length = Buffer.alloc(2)
    length.writeUInt16BE(body.length + 2)
    return Buffer.concat([jpeg.subarray(0, 2), Buffer.from([0xff, 0xfe]), length, body])
  }
  const withComment = (text: string) => Buffer.concat([comment(text), jpeg.subarray(2)])
  const commented = Buffer.concat([archive, Buffer.alloc(5_000)])
  commented.writeUInt16LE(5_000, archive.length - 2)
  const two: [name: string, bytes: Buffer, also: string][] = [
    ['a ZIP behind a JPEG', Buffer.concat([jpeg, archive]), 'a ZIP archive'],
    ['a ZIP behind a PNG', Buffer.concat([png, archive]), 'a ZIP archive'],
    ['a ZIP with a comment', Buffer.concat([gif, commented]), 'a ZIP archive'],
    ['bytes behind that ZIP', Buffer.concat([gif, archive, Buffer.alloc(9)]), 'a ZIP archive'],
    ['a DOCX behind an MP3', Buffer.concat([samples.mp3(9), samples.docx()]), 'a ZIP archive'],
    ['a ZIP behind a PDF', Buffer.concat([samples.pdf(1), archive]), 'a ZIP archive'],
    ['a PDF in a comment', withComment('%PDF-1.4 '), 'a PDF'],
    ['a PDF behind a GIF', Buffer.concat([gif, Buffer.alloc(2_000), samples.pdf(1)]), 'a PDF'],
    ['a script in a comment', withComment('*/=1;<SCRIPT src=x>'), 'a web page or script'],
    [
      'a long one',
      Buffer.concat([withComment('<html >'), Buffer.alloc(200_000)]),
      'a web page or script',
    ],
    ['a page behind a PNG', Buffer.concat([png, Buffer.from('<html>')]), 'a web page or script'],
  ]
  for (const [name, bytes, also] of two) {
    const found = await sniffed(t, bytes)
    t.match(found, { also }, name)
    t.throws(() => checkAllowed({}, found), {
      name: 'UnsupportedTypeError',
      message: `it is also ${also}`,
      details: { code: 'ambiguous_type', field: 'file' },
    })
    t.match(typeOfInbound({}, found), { contentType: 'application/octet-stream', kind: 'file' })
  }
})

t.test('what honest files hold makes them nothing else', async (t) => {
  const archive = samples.zip({ 'a.txt': 'hello' })
  const described = await samples
    .plain(20, 10)
    .withExif({ IFD0: { ImageDescription: 'a <b>bold</b> PK\x05\x06 claim' } })
    .jpeg()
    .toBuffer()
  const honest: [name: string, bytes: Buffer][] = [
    ['a ZIP attached to a PDF', Buffer.concat([samples.pdf(1), archive, samples.pdf(1)])],
    ['no directory', Buffer.concat([jpeg, Buffer.from('PK\x05\x06'), Buffer.alloc(40)])],
    ['a motion photo', Buffer.concat([jpeg, samples.mp4()])],
    ['a description', described],
    ['a document', samples.docx()],
  ]
  for (const [name, bytes] of honest) t.match(await sniffed(t, bytes), { also: null }, name)
})

t.test('what comes in is kept under its real type, or one that nothing runs', async (t) => {
  const octets = { contentType: 'application/octet-stream', kind: 'file', extension: 'bin' }
  const html = await sniffed(t, '<html><script>alert(1)</script>')
  const text = await sniffed(t, 'hello')
  const xml = await sniffed(t, '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>')
  t.same(typeOfInbound({ contentType: 'text/html' }, html), octets)
  t.same(typeOfInbound({ contentType: 'image/svg+xml' }, html), octets)
  t.same(typeOfInbound({ contentType: 'image/jpeg' }, text), octets)
  t.same(typeOfInbound({ contentType: 'constructor' }, text), octets)
  t.same(typeOfInbound({}, text), octets)
  t.same(typeOfInbound({}, xml), octets)
  t.match(typeOfInbound({ contentType: 'Text/CSV; charset=utf-8' }, text), {
    contentType: 'text/csv',
    extension: 'csv',
  })
  const zip = await sniffed(t, samples.zip({ a: 'b' }))
  t.match(typeOfInbound({ contentType: 'image/jpeg' }, zip), {
    contentType: 'application/zip',
    kind: 'file',
    extension: 'zip',
  })
})

t.test('damaged and cut files are of some type or none, and take no time', async (t) => {
  let state = 7
  const random = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * below)
  }
  for (const [name, bytes] of listed) {
    for (let n = 0; n < 12; n++) {
      const damaged = Buffer.from(bytes.subarray(0, random(bytes.length) + 1))
      for (let hits = 0; hits < 8; hits++) damaged[random(damaged.length)] = random(256)
      // Of this process: what others do on the machine does not count.
      const started = process.cpuUsage()
      await sniffed(t, damaged)
      const { user, system } = process.cpuUsage(started)
      t.ok(user + system < 2_000_000, `${name} ${n}`)
    }
  }
  await t.rejects(sniff(join(t.testdir(), 'nowhere')), { code: 'ENOENT' })
})
