import { connect } from 'node:net'
import { deflateSync } from 'node:zlib'
import sharp from 'sharp'
import t, { type Test } from 'tap'
import { noisePdf, noisePng, noiseWav, png } from '../../../support/large-files.ts'
import { mediaFolders, picture } from '../../../support/media.ts'
import { waitFor } from '../../../support/wait.ts'
import { errorOf, testApi } from '../support/api.ts'

async function start(t: Test) {
  const folders = await mediaFolders(t)
  const api = await testApi(t, { media: folders.settings })
  const send = async (body: FormData | Buffer, filename?: string) => {
    const response = await fetch(`${api.api.url}/api/v1/media`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${api.key}`,
        ...(filename === undefined ? {} : { 'x-filename': filename }),
      },
      body: body instanceof Buffer ? new Uint8Array(body) : body,
    })
    return {
      status: response.status,
      headers: response.headers,
      body: JSON.parse(await response.text()),
    }
  }
  return {
    ...api,
    ...folders,
    /** As a form and as a body by itself. */
    async both(content: Buffer) {
      const form = new FormData()
      form.append('file', new Blob([new Uint8Array(content)]), 'a.jpg')
      return [await send(form), await send(content, 'a.jpg')]
    },
    send,
    async nothingIsLeft(t: Test) {
      t.strictSame([await folders.stored(), await folders.spooled()], [[], []])
      t.equal((await api.sql`select from pigeonpost.media`).length, 0)
    },
  }
}

/** A connection on which the head of an upload was sent, and what has come back. */
function beginUpload(t: Test, url: string, key: string, headers: string[]) {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  t.teardown(() => socket.destroy())
  const state = { socket, answer: '', ended: false }
  socket.on('data', (chunk: Buffer) => (state.answer += chunk.toString()))
  socket.on('close', () => (state.ended = true))
  socket.on('error', () => {})
  const head = [
    'POST /api/v1/media HTTP/1.1',
    'host: x',
    `authorization: Bearer ${key}`,
    ...headers,
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  return state
}

/** As a ZIP ends: a directory with one entry, and where it is. */
function zipEnd(): Buffer {
  const entry = Buffer.alloc(47)
  entry.write('PK\x01\x02', 'latin1')
  entry.writeUInt16LE(1, 28)
  entry.write('a', 46)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(1, 8)
  end.writeUInt16LE(1, 10)
  end.writeUInt32LE(entry.length, 12)
  return Buffer.concat([entry, end])
}

t.test('a client that stalls is answered, and its request is ended', async (t) => {
  const { api, key, spooled, nothingIsLeft } = await start(t)
  const form = beginUpload(t, api.url, key, [
    'content-type: multipart/form-data; boundary=x',
    'content-length: 100000',
  ])
  form.socket.write(
    `--x\r\ncontent-disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n${'x'.repeat(9_000)}`,
  )
  const body = beginUpload(t, api.url, key, ['content-type: image/jpeg', 'content-length: 100000'])
  body.socket.write('x'.repeat(9_000))
  await waitFor(async () => (await spooled()).length === 2, { what: 'both to begin' })
  for (const state of [form, body]) {
    await waitFor(() => state.ended, { what: 'it to be ended', every: 200 })
    t.match(state.answer, /^HTTP\/1.1 408 /)
    t.match(state.answer, /"upload_stalled".*"field":"file"/)
  }
  await nothingIsLeft(t)
})

t.test('who sends too much gets to read so, without being waited for', async (t) => {
  const { api, key, both, nothingIsLeft } = await start(t)
  for (const size of [11_000_000, 30_000_000]) {
    for (const answer of await both(Buffer.alloc(size))) {
      const { code, fields } = errorOf(t, answer)
      t.match([answer.status, code, fields], [413, 'file_too_large', ['file']], `${size}`)
      t.match(answer.body.details[0].hint, /10485760/)
    }
  }
  // A client that writes all of it before it reads.
  const slow = beginUpload(t, api.url, key, ['content-length: 20000000'])
  await new Promise((resolve) => slow.socket.write(Buffer.alloc(20_000_000), resolve))
  await waitFor(() => /file_too_large/.test(slow.answer), { what: 'the answer' })
  await nothingIsLeft(t)
})

t.test('what is broken, two things at once, or too large to open is refused', async (t) => {
  const { both, nothingIsLeft, send } = await start(t)
  const good = await picture()
  const small = noisePng(40)
  const gif = Buffer.from(
    'GIF89a\xff\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x02D\x01\x00;',
    'latin1',
  )
  const cases: [what: string, content: Buffer, status: number, code: string][] = [
    ['a picture that is a ZIP too', Buffer.concat([good, zipEnd()]), 415, 'ambiguous_type'],
    [
      'a sound that is a ZIP too',
      Buffer.concat([noiseWav(9_000), zipEnd()]),
      415,
      'ambiguous_type',
    ],
    [
      'a document that is a ZIP too',
      Buffer.concat([noisePdf(9_000), zipEnd()]),
      415,
      'ambiguous_type',
    ],
    [
      'a picture that is a page too',
      Buffer.concat([small, Buffer.from('<script>alert(1)</script>')]),
      415,
      'ambiguous_type',
    ],
    [
      'a picture that is a PDF too',
      Buffer.concat([small, Buffer.from('\n%%EOF\n')]),
      415,
      'ambiguous_type',
    ],
    [
      'a page named .jpg',
      Buffer.from('<html><script>alert(1)</script></html>'),
      415,
      'unsupported_type',
    ],
    [
      'a drawing',
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'),
      415,
      'unsupported_type',
    ],
    ['a program', Buffer.concat([Buffer.from('MZ'), Buffer.alloc(500)]), 415, 'unsupported_type'],
    ['half a JPEG', good.subarray(0, good.length / 2), 422, 'image_undecodable'],
    ['half a PNG', small.subarray(0, small.length / 2), 422, 'image_undecodable'],
    [
      '50,000 × 50,000',
      png(50_000, 50_000, deflateSync(Buffer.alloc(9_000))),
      422,
      'too_many_pixels',
    ],
    [
      '20,000 × 20,000',
      png(20_000, 20_000, deflateSync(Buffer.alloc(4_000_000))),
      422,
      'too_many_pixels',
    ],
    ['a GIF of 65,535 × 65,535', gif, 422, 'too_many_pixels'],
  ]
  for (const [what, content, status, code] of cases) {
    for (const answer of await both(content)) {
      const error = errorOf(t, answer)
      t.match([answer.status, error.code, error.fields], [status, code, ['file']], what)
    }
  }
  await nothingIsLeft(t)
  const bomb = sharp({ create: { width: 10_000, height: 10_000, channels: 3, background: 'red' } })
  const most = await send(await bomb.png({ compressionLevel: 9 }).toBuffer(), 'large.png')
  t.match(
    [most.status, most.body.data?.metadata.width],
    [201, 10_000],
    'the largest that is opened',
  )
})

t.test('a filename is made harmless, whatever it holds', async (t) => {
  const { send } = await start(t)
  const names: [given: string, kept: string][] = [
    ['../../etc/passwd', 'passwd.jpg'],
    ['..\\..\\windows\\system32\\cmd.exe', 'cmd.exe.jpg'],
    ['a\0b.jpg', 'ab.jpg'],
    ['invoice\u202egpj.exe', 'invoicegpj.exe.jpg'],
    ['\u200b\u200f\u2066.jpg', 'jpg.jpg'],
    ['a"; filename="b.html', 'a_; filename=_b.html.jpg'],
    ['line\r\nset-cookie: a=b.jpg', 'lineset-cookie_ a=b.jpg'],
    ['/', 'file.jpg'],
    ['CON', '_CON.jpg'],
    ['.htaccess', 'htaccess.jpg'],
    [`${'ä'.repeat(400)}.jpg`, `${'ä'.repeat(125)}.jpg`],
  ]
  for (const [given, kept] of names) {
    const answer = await send(await picture(), encodeURIComponent(given))
    t.match([answer.status, answer.body.data?.filename], [201, kept], JSON.stringify(given))
    t.match(answer.body.data?.storageKey, /^messages\/1\/\d{4}\/\d\d\/[0-9a-f-]{36}$/)
  }
})
