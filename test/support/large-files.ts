/** Files of about 5 MB, of which no two are alike, made in milliseconds. */

import { randomBytes } from 'node:crypto'
import { crc32, deflateSync } from 'node:zlib'
import sharp from 'sharp'

export type LargeFile = {
  filename: string
  contentType: string
  content: Buffer
}

/** Noise, stored and not deflated. */
export function noisePng(side = 1_320): Buffer {
  const lines = randomBytes(side * (side * 3 + 1))
  // Each line begins with its filter: none.
  for (let line = 0; line < side; line++) lines[line * (side * 3 + 1)] = 0
  return png(side, side, deflateSync(lines, { level: 0 }))
}

/** A PNG of RGB whose image data is `data`, whether that is what the header says or not. */
export function png(width: number, height: number, data: Buffer): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', data),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, data: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(data.length)
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(typed))
  return Buffer.concat([length, typed, sum])
}

/** 16 bits, stereo. */
export function noiseWav(bytes = 5_242_880): Buffer {
  const header = Buffer.alloc(44)
  header.write('RIFF', 0, 'latin1')
  header.writeUInt32LE(36 + bytes, 4)
  header.write('WAVEfmt ', 8, 'latin1')
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20)
  header.writeUInt16LE(2, 22)
  header.writeUInt32LE(44_100, 24)
  header.writeUInt32LE(176_400, 28)
  header.writeUInt16LE(4, 32)
  header.writeUInt16LE(16, 34)
  header.write('data', 36, 'latin1')
  header.writeUInt32LE(bytes, 40)
  return Buffer.concat([header, randomBytes(bytes)])
}

/** One empty page, and an attachment of noise. */
export function noisePdf(bytes = 5_242_880): Buffer {
  const parts: Buffer[] = [Buffer.from('%PDF-1.4\n%\xe2\xe3\n', 'latin1')]
  const offsets: number[] = []
  const length = () => parts.reduce((sum, part) => sum + part.length, 0)
  const add = (...body: (string | Buffer)[]) => {
    offsets.push(length())
    parts.push(Buffer.from(`${offsets.length} 0 obj\n`))
    for (const one of body) parts.push(Buffer.from(one))
    parts.push(Buffer.from('\nendobj\n'))
  }
  add('<< /Type /Catalog /Pages 2 0 R >>')
  add('<< /Type /Pages /Kids [3 0 R] /Count 1 >>')
  add('<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>')
  add(`<< /Length ${bytes} >>\nstream\n`, randomBytes(bytes), '\nendstream')
  const start = length()
  const table = offsets.map((at) => `${String(at).padStart(10, '0')} 00000 n \n`).join('')
  parts.push(
    Buffer.from(
      `xref\n0 ${offsets.length + 1}\n0000000000 65535 f \n${table}trailer\n<< /Size ${offsets.length + 1} /Root 1 0 R >>\nstartxref\n${start}\n%%EOF\n`,
    ),
  )
  return Buffer.concat(parts)
}

const photos = new Map<boolean, Promise<Buffer>>()

/** As a telephone's, of 8 megapixels; a comment in it makes it another file. */
async function photo(progressive: boolean): Promise<Buffer> {
  const known = photos.get(progressive) ?? takePhoto(progressive)
  photos.set(progressive, known)
  const content = await known
  const comment = Buffer.concat([Buffer.from([0xff, 0xfe, 0, 34]), randomBytes(32)])
  return Buffer.concat([content.subarray(0, 2), comment, content.subarray(2)])
}

async function takePhoto(progressive: boolean): Promise<Buffer> {
  const small = { width: 816, height: 612, channels: 3 } as const
  return sharp(randomBytes(small.width * small.height * 3), { raw: small })
    .resize(small.width * 4, small.height * 4)
    .jpeg({ quality: 96, progressive })
    .toBuffer()
}

/** The nth: pictures for the most part, sound, documents. */
export async function largeFile(n: number): Promise<LargeFile> {
  switch (n % 5) {
    case 0:
      return { filename: 'a.png', contentType: 'image/png', content: noisePng() }
    case 1:
      return { filename: 'a.wav', contentType: 'audio/wav', content: noiseWav() }
    case 2:
      return { filename: 'a.pdf', contentType: 'application/pdf', content: noisePdf() }
    default:
      return { filename: 'a.jpg', contentType: 'image/jpeg', content: await photo(n % 10 === 3) }
  }
}
