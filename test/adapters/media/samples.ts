/** Small files of each type, made here. */

import { crc32, deflateSync } from 'node:zlib'
import sharp, { type Sharp } from 'sharp'

const u16 = (...values: number[]) => {
  const bytes = Buffer.alloc(2 * values.length)
  values.forEach((value, index) => bytes.writeUInt16BE(value, 2 * index))
  return bytes
}
const u32 = (...values: number[]) => {
  const bytes = Buffer.alloc(4 * values.length)
  values.forEach((value, index) => bytes.writeUInt32BE(value, 4 * index))
  return bytes
}

/** Noise, which no format makes small. */
export function noise(width: number, height: number): Sharp {
  const bytes = Buffer.alloc(width * height * 3)
  let state = 1
  for (let at = 0; at < bytes.length; at++) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    bytes[at] = state >> 16
  }
  return sharp(bytes, { raw: { width, height, channels: 3 } })
}

export function plain(width: number, height: number): Sharp {
  return sharp({ create: { width, height, channels: 3, background: '#c03020' } })
}

/** A PNG whose header says what it likes; its pixels are not there. */
export function pngThatClaims(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
    return Buffer.concat([u32(data.length), body, u32(crc32(body))])
  }
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', Buffer.concat([u32(width, height), Buffer.from([8, 2, 0, 0, 0])])),
    chunk('IDAT', deflateSync(Buffer.alloc(10))),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

/** PCM of 8 bits at 8 kHz. */
export function wav(seconds: number): Buffer {
  const rate = 8_000
  const head = Buffer.alloc(44)
  head.write('RIFF', 0)
  head.writeUInt32LE(36 + seconds * rate, 4)
  head.write('WAVEfmt ', 8)
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(1, 22)
  head.writeUInt32LE(rate, 24)
  head.writeUInt32LE(rate, 28)
  head.writeUInt16LE(1, 32)
  head.writeUInt16LE(8, 34)
  head.write('data', 36)
  head.writeUInt32LE(seconds * rate, 40)
  return Buffer.concat([head, Buffer.alloc(seconds * rate, 128)])
}

/** Frames of MPEG-1 layer III at 128 kbit/s and 44.1 kHz: 1,152 samples each. */
export function mp3(frames: number): Buffer {
  const frame = Buffer.alloc(417)
  frame.set([0xff, 0xfb, 0x90, 0xc4])
  return Buffer.concat(Array.from({ length: frames }, () => frame))
}

function box(type: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([u32(8 + body.length), Buffer.from(type, 'latin1'), body])
}

const upright = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
const turned = u32(0, 0x10000, 0, 0xffff0000, 0, 0, 0, 0, 0x40000000)

/** One frame of H.264 that holds for `ms`; its bytes are none. */
export function mp4({ ms = 5_000, width = 640, height = 360, lying = false, brand = 'isom' } = {}) {
  const matrix = lying ? turned : upright
  const start = box('ftyp', Buffer.from(brand), u32(512), Buffer.from('isomiso2avc1mp41'))
  const configuration = box('avcC', Buffer.from([1, 0x42, 0, 0x1e, 0xff, 0xe0, 0]))
  const picture = [u16(width, height), u32(0x480000, 0x480000, 0), u16(1), Buffer.alloc(32)]
  const entry = [Buffer.alloc(6), u16(1), Buffer.alloc(16), ...picture, u16(24, 0xffff)]
  const samples = box(
    'stbl',
    box('stsd', u32(0, 1), box('avc1', ...entry, configuration)),
    box('stts', u32(0, 1, 1, ms)),
    box('stsc', u32(0, 1, 1, 1, 1)),
    box('stsz', u32(0, 0, 1, 32)),
    box('stco', u32(0, 1, start.length + 8)),
  )
  const data = box('dinf', box('dref', u32(0, 1), box('url ', u32(1))))
  const media = box(
    'mdia',
    box('mdhd', u32(0, 0, 0, 1_000, ms), u16(0x55c4, 0)),
    box('hdlr', u32(0, 0), Buffer.from('vide'), u32(0, 0, 0), Buffer.from('v\0')),
    box('minf', box('vmhd', u32(1, 0, 0)), data, samples),
  )
  const size = u32(width * 65_536, height * 65_536)
  const track = box('tkhd', u32(3, 0, 0, 1, 0, ms, 0, 0), u16(0, 0, 0, 0), matrix, size)
  const movie = [u32(0, 0, 0, 1_000, ms, 0x10000), u16(0x100, 0), u32(0, 0), upright]
  const moov = box(
    'moov',
    box('mvhd', ...movie, u32(0, 0, 0, 0, 0, 0, 2)),
    box('trak', track, media),
  )
  return Buffer.concat([start, box('mdat', Buffer.alloc(32)), moov])
}

function checksumOfOgg(page: Buffer): number {
  let sum = 0
  for (const byte of page) {
    sum ^= byte << 24
    for (let bit = 0; bit < 8; bit++) sum = sum < 0 ? (sum << 1) ^ 0x04c11db7 : sum << 1
  }
  return sum >>> 0
}

function oggPage(flags: number, samples: number, sequence: number, packet: Buffer): Buffer {
  const head = Buffer.alloc(28)
  head.write('OggS', 0)
  head[5] = flags
  head.writeBigUInt64LE(BigInt(samples), 6)
  head.writeUInt32LE(7, 14)
  head.writeUInt32LE(sequence, 18)
  head.set([1, packet.length], 26)
  const page = Buffer.concat([head, packet])
  page.writeUInt32LE(checksumOfOgg(page), 22)
  return page
}

/** Opus in Ogg, as voice messages are. */
export function ogg(seconds: number): Buffer {
  const head = Buffer.alloc(19)
  head.write('OpusHead', 0)
  head.set([1, 1], 8)
  head.writeUInt32LE(48_000, 12)
  const tags = Buffer.from('OpusTags\x01\0\0\0x\0\0\0\0', 'latin1')
  const silence = Buffer.from([0x48, 0xff, 0xfe])
  const count = seconds * 50
  const pages = [oggPage(2, 0, 0, head), oggPage(0, 0, 1, tags)]
  for (let n = 1; n <= count; n++) pages.push(oggPage(n === count ? 4 : 0, n * 960, n + 1, silence))
  return Buffer.concat(pages)
}

const sequenceHeader = Buffer.from([0, 0, 1, 0xb3, 0x16, 0, 0xf0, 0x13, 0xff, 0xff, 0xe0, 0x18])

/** An MPEG-1 program stream, an MPEG-2 one, and bare MPEG video. */
export const mpegs: readonly Buffer[] = [
  Buffer.from([0, 0, 1, 0xba, 0x21, 0, 1, 0, 1, 0x80, 0, 1, 0, 0, 1, 0xe0, 0, 13, 0x0f]),
  Buffer.from([
    0, 0, 1, 0xba, 0x44, 0, 4, 0, 4, 1, 0, 0, 3, 0xf8, 0, 0, 1, 0xe0, 0, 15, 0x80, 0, 0,
  ]),
  Buffer.alloc(0),
].map((start) => Buffer.concat([start, sequenceHeader, Buffer.from([0, 0, 1, 0xb9])]))

/** A ZIP whose entries are stored, not packed. */
export function zip(entries: Record<string, string>): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (const [name, text] of Object.entries(entries)) {
    const data = Buffer.from(text)
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt32LE(crc32(data), 10)
    common.writeUInt32LE(data.length, 14)
    common.writeUInt32LE(data.length, 18)
    common.writeUInt16LE(name.length, 22)
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), data])
    const offset = Buffer.alloc(4)
    offset.writeUInt32LE(at)
    directory.push(
      Buffer.concat([
        Buffer.from('PK\x01\x02\x14\0'),
        common,
        Buffer.alloc(10),
        offset,
        Buffer.from(name),
      ]),
    )
    parts.push(local)
    at += local.length
  }
  const listing = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 0)
  end.writeUInt16LE(directory.length, 8)
  end.writeUInt16LE(directory.length, 10)
  end.writeUInt32LE(listing.length, 12)
  end.writeUInt32LE(at, 16)
  return Buffer.concat([...parts, listing, end])
}

/** A DOCX, or with `macroEnabled` a DOCM: what tells them apart is the main part's type. */
export function docx({ macroEnabled = false } = {}): Buffer {
  const main = macroEnabled
    ? 'application/vnd.ms-word.document.macroEnabled.main+xml'
    : 'application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml'
  return zip({
    '[Content_Types].xml': `<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/word/document.xml" ContentType="${main}"/></Types>`,
    'word/document.xml': '<w:document/>',
  })
}

/** A compound file with the named streams in its directory, as [MS-CFB] has it: sector 0 the table, 1 and 2 the directory. */
export function cfb(streams: readonly string[]): Buffer {
  const file = Buffer.alloc(512 * 4)
  file.set(Buffer.from('d0cf11e0a1b11ae1', 'hex'))
  file.writeUInt16LE(0x3e, 0x18)
  file.writeUInt16LE(3, 0x1a)
  file.writeUInt16LE(0xfffe, 0x1c)
  file.writeUInt16LE(9, 0x1e)
  file.writeUInt16LE(6, 0x20)
  file.writeUInt32LE(1, 0x2c)
  file.writeUInt32LE(1, 0x30)
  file.writeUInt32LE(0x1000, 0x38)
  file.writeUInt32LE(0xfffffffe, 0x3c)
  file.writeUInt32LE(0xfffffffe, 0x44)
  file.fill(0xff, 0x50, 512)
  file.fill(0xff, 512, 1_024)
  file.writeUInt32LE(0xfffffffd, 512)
  file.writeUInt32LE(2, 516)
  file.writeUInt32LE(0xfffffffe, 520)
  ;['Root Entry', ...streams].forEach((name, index) => {
    const at = 1_024 + index * 128
    file.write(name, at, 'utf16le')
    file.writeUInt16LE((name.length + 1) * 2, at + 0x40)
    file[at + 0x42] = index === 0 ? 5 : 2
  })
  return file
}

function pdfOf(objects: readonly string[], trailer = ''): Buffer {
  let text = '%PDF-1.4\n'
  const offsets = objects.map((object, index) => {
    const at = text.length
    text += `${index + 1} 0 obj\n${object}\nendobj\n`
    return `${String(at).padStart(10, '0')} 00000 n \n`
  })
  const size = objects.length + 1
  const table = `xref\n0 ${size}\n0000000000 65535 f \n${offsets.join('')}`
  const end = `trailer\n<</Size ${size}/Root 1 0 R${trailer}>>\nstartxref\n${text.length}\n%%EOF\n`
  return Buffer.from(`${text}${table}${end}`, 'latin1')
}

export function pdf(pages: number): Buffer {
  const kids = Array.from({ length: pages }, (_, n) => `${n + 3} 0 R`)
  return pdfOf([
    '<</Type/Catalog/Pages 2 0 R>>',
    `<</Type/Pages/Kids[${kids.join(' ')}]/Count ${pages}>>`,
    ...kids.map(() => '<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]>>'),
  ])
}

/** One that asks for a password. */
export function lockedPdf(): Buffer {
  const key = '<'.concat('5a'.repeat(32), '>')
  return pdfOf(
    [
      '<</Type/Catalog/Pages 2 0 R>>',
      '<</Type/Pages/Kids[]/Count 0>>',
      `<</Filter/Standard/V 1/R 2/Length 40/P -4/O ${key}/U ${key}>>`,
    ],
    '/Encrypt 3 0 R/ID[<00><00>]',
  )
}

/** One whose cross-reference stream unpacks to `bytes` zeros, taken in pieces of 100 kB. */
export function pdfBomb(bytes: number): Buffer {
  const packed = deflateSync(Buffer.alloc(bytes), { level: 9 })
  const head = '%PDF-1.5\n'
  const object = `1 0 obj\n<</Type/XRef/Size 100000000/W[1 100000 1]/Root 1 0 R/Filter/FlateDecode/Length ${packed.length}>>\nstream\n`
  const end = `\nendstream\nendobj\nstartxref\n${head.length}\n%%EOF\n`
  return Buffer.concat([Buffer.from(head + object), packed, Buffer.from(end)])
}
