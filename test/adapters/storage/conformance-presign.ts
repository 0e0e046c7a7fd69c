import type { Test } from 'tap'
import type { Download } from '../../../adapters/storage/download.ts'
import { waitFor } from '../../support/wait.ts'
import type { Subject } from './conformance.ts'
import { localFile, newKey } from './files.ts'

const about: Download = {
  seconds: 300,
  filename: 'invoice.pdf',
  contentType: 'application/pdf',
  disposition: 'attachment',
}

/** What every storage's presigned URLs do, fetched as a stranger does. */
export async function presigns(t: Test, subject: Subject, folder: string): Promise<void> {
  const { storage } = subject
  const [key, file] = [newKey(), await localFile(folder, 300_000)]
  await storage.put(key, file.path, file.about)
  const headersFor = async (given: Partial<Download>) => {
    const response = await fetch(await storage.presign(key, { ...about, ...given }))
    await response.arrayBuffer()
    return Object.fromEntries(response.headers)
  }

  await t.test('a presigned URL gives the file to anyone, with its type and name', async (t) => {
    const response = await fetch(await storage.presign(key, about))
    t.equal(response.status, 200)
    t.equal(response.headers.get('content-type'), 'application/pdf')
    t.equal(response.headers.get('content-length'), '300000')
    t.equal(response.headers.get('content-disposition'), 'attachment; filename="invoice.pdf"')
    t.same(Buffer.from(await response.arrayBuffer()), file.bytes)
  })

  await t.test('two processes make URLs that both hold', async (t) => {
    const other = await subject.again()
    const { status, body } = await fetch(await other.presign(key, about))
    await body?.cancel()
    t.equal(status, 200)
    other.close()
  })

  await t.test('a picture may be shown, what a browser would run may not', async (t) => {
    for (const contentType of ['image/png', 'application/pdf', 'video/mp4', 'text/plain']) {
      const headers = await headersFor({ contentType, disposition: 'inline' })
      t.match(headers, { 'content-type': contentType, 'content-disposition': /^inline; / })
    }
    for (const contentType of ['text/html', 'image/svg+xml', 'application/xhtml+xml', 'text/xml']) {
      const headers = await headersFor({ contentType, disposition: 'inline' })
      t.match(headers, { 'content-disposition': /^attachment; / }, contentType)
    }
    const hostile = await headersFor({
      contentType: 'text/html\r\nx-evil: 1',
      disposition: 'inline',
    })
    t.match(hostile, { 'content-type': 'application/octet-stream' })
    t.notOk('x-evil' in hostile)
  })

  await t.test('a name arrives as it was, and does no harm', async (t) => {
    for (const [filename, disposition] of [
      [
        'Rechnung März 你好.pdf',
        `"Rechnung M_rz __.pdf"; filename*=UTF-8''Rechnung%20M%C3%A4rz%20%E4%BD%A0%E5%A5%BD.pdf`,
      ],
      [`it's (1)*.pdf`, `"it's (1)_.pdf"`],
      [`ä's (1).pdf`, `"_'s (1).pdf"; filename*=UTF-8''%C3%A4%27s%20%281%29.pdf`],
      ['a"; filename="b.exe', '"a_; filename=_b.exe"'],
      ['../../etc/passwd', '"_.._etc_passwd"'],
      ['C:\\windows\\win.ini', '"C__windows_win.ini"'],
      ['a\r\nX-Evil: 1\r\n\r\nb.pdf', '"aX-Evil_ 1b.pdf"'],
      ['nul\0byte.pdf', '"nulbyte.pdf"'],
      ['invoice\u202efdp.exe', '"invoicefdp.exe"'],
      ['%0d%0aX-Evil%3a1.pdf', '"_0d_0aX-Evil_3a1.pdf"'],
      ['\ud800.pdf', `"_.pdf"; filename*=UTF-8''%EF%BF%BD.pdf`],
      ['...', '"file"'],
      ['', '"file"'],
    ] as const) {
      const headers = await headersFor({ filename })
      t.equal(headers['content-disposition'], `attachment; filename=${disposition}`)
      t.notOk('x-evil' in headers)
    }
    const long = await headersFor({ filename: `${'a'.repeat(5_000)}.pdf` })
    t.equal(long['content-disposition'], `attachment; filename="${'a'.repeat(146)}.pdf"`)
  })

  await t.test('a presigned URL serves ranges', async (t) => {
    const url = await storage.presign(key, about)
    for (const [range, from, to] of [
      ['bytes=0-0', 0, 0],
      ['bytes=100000-200000', 100_000, 200_000],
      ['bytes=299990-', 299_990, 299_999],
      ['bytes=-5', 299_995, 299_999],
      ['bytes=299990-400000', 299_990, 299_999],
    ] as const) {
      const response = await fetch(url, { headers: { range } })
      t.equal(response.status, 206, range)
      t.equal(response.headers.get('content-range'), `bytes ${from}-${to}/300000`)
      t.same(Buffer.from(await response.arrayBuffer()), file.bytes.subarray(from, to + 1))
    }
    const past = await fetch(url, { headers: { range: 'bytes=300000-' } })
    await past.arrayBuffer()
    t.equal(past.status, 416)
  })

  await t.test('a presigned URL ends', async (t) => {
    const url = await storage.presign(key, { ...about, seconds: 1 })
    const look = async () => {
      const { status, body } = await fetch(url)
      await body?.cancel()
      return status === 403
    }
    await t.resolves(waitFor(look, { what: 'the URL to expire' }))
    for (const seconds of [0, -1, 1.5, Number.NaN, 604_801]) {
      await t.rejects(storage.presign(key, { ...about, seconds }), { message: /^seconds: / })
    }
  })

  await t.test('a URL that is changed in anything is refused', async (t) => {
    const other = newKey()
    await storage.put(other, file.path, file.about)
    const url = await storage.presign(key, about)
    const changed = [url.replace(key, other), url.replace(/[?&][^&]*signature=[^&]*/i, '')]
    for (const [name, value] of new URL(url).searchParams) {
      const copy = new URL(url)
      copy.searchParams.set(
        name,
        value.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
      )
      // The name of the request is no part of what is allowed.
      if (name !== 'x-id') changed.push(copy.href)
    }
    for (const one of changed) {
      const { status, body } = await fetch(one)
      await body?.cancel()
      t.ok(status === 403 || status === 400, `${status} for ${one.replace(/^[^?]*/, '')}`)
    }
    await storage.delete(other)
  })

  await t.test('a URL of a file that is gone is 404', async (t) => {
    const url = await storage.presign(key, about)
    await storage.delete(key)
    const { status, body } = await fetch(url)
    await body?.cancel()
    t.equal(status, 404)
  })
}
