import { randomBytes } from 'node:crypto'
import t from 'tap'
import { fileKey, previewKey } from '../../../adapters/storage/key.ts'
import { parseRange } from '../../../adapters/storage/range.ts'
import { answerSignedPath } from '../../../adapters/storage/serve.ts'
import { signUrl, verifySignedPath } from '../../../adapters/storage/signed-path.ts'
import { openFolder } from '../../../adapters/storage/folder.ts'
import { localFile, newKey, read } from './files.ts'

const signingKey = randomBytes(32)
const now = new Date('2026-11-20T12:00:00.900Z')
const key = newKey()
const about = {
  seconds: 60,
  filename: 'Rechnung März.pdf',
  contentType: 'application/pdf',
  disposition: 'attachment',
} as const

function signed(): string {
  return signUrl(signingKey, '', key, about, now)
}

t.test('a signed path says what was signed, until its second is over', async (t) => {
  const url = signUrl(signingKey, 'https://example.org/pp', key, about, now)
  t.ok(url.startsWith(`https://example.org/pp/api/v1/files/${key}?expires=1795176060&name=`), url)
  const { seconds: _, ...said } = about
  const expiresAt = new Date('2026-11-20T12:01:00Z')
  t.same(verifySignedPath(signingKey, signed(), now), { key, expiresAt, ...said })
  t.ok(verifySignedPath(signingKey, signed(), new Date('2026-11-20T12:00:59.999Z')))
  t.equal(verifySignedPath(signingKey, signed(), expiresAt), null)
})

t.test('what a mail program adds to a signed path does no harm', async (t) => {
  t.ok(verifySignedPath(signingKey, `${signed()}&utm_source=mail`, now))
})

t.test('a path that is not as it was signed is refused', async (t) => {
  const path = signed()
  t.equal(verifySignedPath(randomBytes(32), path, now), null, 'another key of signatures')
  for (const wrong of [
    '',
    '/',
    '/api/v1/files/',
    path.split('?')[0] ?? '',
    `/x${path}`,
    `https://example.org${path}`,
    path.replace('/api/v1/files/', '/api/v1/files//'),
    path.replace(key, `x/../${key}`),
    path.replace(key, encodeURIComponent(key)),
    path.replace(key, newKey()),
    path.replace(key, previewKey(key)),
    path.replace('expires=1795176060', 'expires=1795176061'),
    path.replace('expires=1795176060', 'expires=01795176060'),
    path.replace('name=Rechnung', 'name=Rechnunh'),
    path.replace('type=application%2Fpdf', 'type=text%2Fhtml'),
    path.replace('disposition=attachment', 'disposition=inline'),
    path.replace(/&type=[^&]*/, ''),
    path.replace('&type=', '&type=text%2Fhtml&type='),
    `${path}&disposition=inline`,
    `${path}&signature=x`,
    path.replace(/signature=.*/, 'signature='),
    path.slice(0, -1),
  ]) {
    t.not(wrong, path)
    t.equal(verifySignedPath(signingKey, wrong, now), null, wrong)
  }
  // base64url has 2 bits to spare here, which are not to make a second signature.
  for (const last of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') {
    const other = path.slice(0, -1) + last
    if (other !== path) t.equal(verifySignedPath(signingKey, other, now), null, last)
  }
})

t.test('a served file is neither guessed at nor run by a browser', async (t) => {
  const storage = await openFolder({ root: t.testdir(), baseUrl: '' })
  const file = await localFile(t.testdirName, 10)
  await storage.put(key, file.path, file.about)
  const presign = async (contentType: string) =>
    storage.presign(key, { ...about, contentType, disposition: 'inline' })
  const get = async (contentType: string, range?: string) =>
    answerSignedPath(storage, await presign(contentType), range)
  const url = await presign('image/png')
  const left = () => Number(/expires=(\d+)/.exec(url)?.[1]) - Date.now() / 1_000
  const most = left()
  const shown = await answerSignedPath(storage, url)
  const maxAge = Number(
    /^private, max-age=(\d+)$/.exec(String(shown.headers['cache-control']))?.[1],
  )
  t.ok(maxAge <= most && maxAge > left() - 1, `kept for ${maxAge} s, no longer than the link`)
  t.match(shown, {
    status: 200,
    headers: {
      'content-security-policy': "default-src 'none'; sandbox",
      'x-content-type-options': 'nosniff',
      'accept-ranges': 'bytes',
    },
  })
  t.same(shown.body && (await read(shown.body)), file.bytes)
  const pdf = await get('application/pdf')
  t.equal(pdf.headers['content-security-policy'], "default-src 'none'")
  pdf.body?.destroy()
  const past = await get('image/png', 'bytes=10-')
  t.match(past, { status: 416, headers: { 'content-range': 'bytes */10' }, body: null })
  t.match(await answerSignedPath(storage, '/api/v1/files/x'), { status: 403, body: null })
})

t.test('a range that makes no sense is passed over', async (t) => {
  for (const header of [
    undefined,
    '',
    'bytes',
    'bytes=-',
    'bytes=5-4',
    'bytes=0-1,3-4',
    'lines=1-2',
  ]) {
    t.equal(parseRange(header), null, String(header))
  }
  t.same(parseRange('bytes=0-'), { first: 0, last: null })
  t.same(parseRange('bytes=-0'), { suffix: 0 })
})

t.test('a key says in which month of UTC its file lies', async (t) => {
  const id = '01935A2B-7c3d-7e4f-8a9b-0c1d2e3f4a5b'
  const made = fileKey(101, id, new Date('2026-11-30T23:30:00-02:00'))
  t.equal(made, `messages/101/2026/12/${id.toLowerCase()}`)
  t.equal(previewKey(made), `${made}.preview.webp`)
  for (const [tenant, name, at] of [
    [0, id, now],
    [1.5, id, now],
    [1, '../../etc', now],
    [1, id, new Date('none')],
  ] as const) {
    t.throws(() => fileKey(tenant, name, at), { name: 'InvalidKey' })
  }
  t.throws(() => previewKey(previewKey(made)), { name: 'InvalidKey' })
})
