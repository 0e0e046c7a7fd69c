import { readdir, readFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import type { LookupAddress } from 'node:dns'
import t, { type Test } from 'tap'
import { fetchFile, type FetchOptions, redirectTarget } from '../../../adapters/media/fetch.ts'
import {
  isPrivateHost,
  isPublicAddress,
  parsePrivateHosts,
} from '../../../adapters/shared/public-address.ts'
import { startServer } from './server.ts'

const own = parsePrivateHosts('127.0.0.1, files.example')
const loopback: LookupAddress[] = [{ address: '127.0.0.1', family: 4 }]

function options(t: Test, more: Partial<FetchOptions> = {}): FetchOptions {
  // Each call of testdir empties it.
  return { folder: more.folder ?? t.testdir(), limit: 10_000, privateHosts: own, ...more }
}

/** Something below HTTP, for what no HTTP server would say. */
async function startRaw(t: Test, answer: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end(answer))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => new Promise<unknown>((resolve) => server.close(resolve)))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

t.test('a file comes with its type and name', async (t) => {
  const { url, requests } = await startServer(t, (_, response) => {
    response.writeHead(200, {
      'content-type': 'Image/PNG; x=y',
      'content-disposition': 'attachment; filename="a.png"',
    })
    response.end('bytes')
  })
  const got = await fetchFile(`${url}/x`, options(t, { headers: { authorization: 'Bearer key' } }))
  t.match(got, { size: 5, contentType: 'image/png', filename: 'a.png' })
  t.equal(await readFile(got.path, 'utf8'), 'bytes')
  t.match(requests[0]?.headers, { authorization: 'Bearer key', 'accept-encoding': 'identity' })
})

t.test('addresses that are not public are refused, in any spelling', async (t) => {
  const forbidden = [
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f.0.0.1/',
    'http://0177.0.0.1/',
    'http://0/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[::ffff:169.254.169.254]/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://[64:ff9b::a9fe:a9fe]/',
    'http://[64:ff9b:1::1]/',
    'http://[2002:7f00:1::]/',
    'http://[2001:0:7f00:1::]/',
    'http://[::127.0.0.1]/',
    'http://[::1]/',
    'http://[::]/',
    'http://[fd00::1]/',
    'http://[fe80::1]/',
    'http://[ff02::1]/',
    'http://[2001:db8::1]/',
    'http://10.1.2.3/',
    'http://172.16.0.1/',
    'http://192.168.1.1:8080/',
    'http://100.64.0.1/',
    'http://224.0.0.1/',
    'http://240.0.0.1/',
    'http://255.255.255.255/',
    'http://localhost/',
  ]
  for (const url of forbidden) {
    const fetched = fetchFile(url, options(t, { privateHosts: [], connectMs: 500 }))
    await t.rejects(fetched, { name: 'FetchError', code: 'url_forbidden', retryable: false }, url)
  }
  for (const address of ['8.8.8.8', '2606:4700::1111', '64:ff9b::808:808', '::ffff:8.8.8.8']) {
    t.ok(isPublicAddress(address), address)
  }
  t.notOk(isPublicAddress('nonsense'))
})

t.test('only plain http and https URLs are fetched', async (t) => {
  for (const url of ['file:///etc/passwd', 'ftp://example.org/', 'nonsense', '', 'data:,x']) {
    await t.rejects(fetchFile(url, options(t)), { code: 'url_forbidden' }, url)
  }
  const error = await fetchFile('http://me:hunter2@127.0.0.1/t0ken', options(t)).catch(String)
  t.match(error, /must not hold credentials/)
  t.notMatch(error, /hunter2|t0ken/)
})

t.test('a name that leads to a private address, or to one among others, is refused', async (t) => {
  const { port, requests } = await startServer(t, (_, response) => response.end('secret'))
  for (const addresses of [
    loopback,
    [{ address: '8.8.8.8', family: 4 }, ...loopback],
    [{ address: '::1', family: 6 }],
  ]) {
    await t.rejects(
      fetchFile(`http://evil.example:${port}/`, options(t, { resolve: async () => addresses })),
      { code: 'url_forbidden', message: /evil\.example:\d+ is not on the public internet/ },
    )
  }
  t.equal(requests.length, 0)
})

t.test('a name is asked once, and what it would say a moment later gains nothing', async (t) => {
  const { port, requests } = await startServer(t, (_, response) => response.end('x'))
  let asked = 0
  // What is connected to is what was checked; the system knows no such name.
  const resolve = async () => (asked++ === 0 ? loopback : [{ address: '127.0.0.2', family: 4 }])
  const got = await fetchFile(`http://files.example:${port}/`, options(t, { resolve }))
  t.equal(got.size, 1)
  t.equal(asked, 1)
  t.equal(requests[0]?.headers.host, `files.example:${port}`)
})

t.test('each redirect is checked anew', async (t) => {
  const inside = await startServer(t, (_, response) => response.end('secret'))
  let location = ''
  const outside = await startServer(t, (_, response) => {
    response.writeHead(302, { location }).end()
  })
  const privateHosts = parsePrivateHosts(`127.0.0.1:${outside.port}`)
  const forbidden = { code: 'url_forbidden', retryable: false }
  for (location of [
    inside.url,
    `http://localhost:${inside.port}/`,
    'http://169.254.169.254/',
    'file:///etc/passwd',
    `http://a:b@127.0.0.1:${outside.port}/`,
  ]) {
    await t.rejects(fetchFile(outside.url, options(t, { privateHosts })), forbidden, location)
  }
  t.equal(inside.requests.length, 0)
  location = '/again'
  await t.rejects(fetchFile(outside.url, options(t)), { ...forbidden, message: /more than 5/ })
})

t.test('a redirect does not give up https', async (t) => {
  const from = new URL('https://files.example/a')
  t.equal(redirectTarget(from, '/b').href, 'https://files.example/b')
  t.equal(redirectTarget(new URL('http://files.example/'), '//x.example').href, 'http://x.example/')
  t.throws(() => redirectTarget(from, 'http://files.example/a'), {
    code: 'url_forbidden',
    message: 'files.example redirects from https to http',
  })
})

t.test('credentials stay with the origin that they are for', async (t) => {
  const other = await startServer(t, (_, response) => response.end('file'))
  const first = await startServer(t, ({ url }, response) => {
    response.writeHead(307, { location: url === '/a' ? '/b' : `${other.url}/c` }).end()
  })
  const headers = { authorization: 'Bearer key', 'x-api-key': 'key' }
  const got = await fetchFile(`${first.url}/a`, options(t, { headers }))
  t.equal(got.size, 4)
  t.match(
    first.requests.map(({ url, headers }) => [url, headers.authorization]),
    [
      ['/a', 'Bearer key'],
      ['/b', 'Bearer key'],
    ],
  )
  t.notOk(other.requests[0]?.headers.authorization)
  t.notOk(other.requests[0]?.headers['x-api-key'])
})

t.test('a status other than 200 says whether to try again', async (t) => {
  let status = 0
  const { url } = await startServer(t, (_, response) => {
    response.writeHead(status, { 'retry-after': '7' }).end('no')
  })
  for (const [given, retryable] of [
    [404, false],
    [403, false],
    [410, false],
    [204, false],
    [304, false],
    [302, false],
    [408, true],
    [429, true],
    [500, true],
    [503, true],
  ] as const) {
    status = given
    await t.rejects(
      fetchFile(url, options(t)),
      { code: 'fetch_failed', httpStatus: status, retryable, retryAfterMs: 7_000 },
      String(status),
    )
  }
})

t.test('a file over the limit is not read to its end', async (t) => {
  const folder = t.testdir()
  const told = await startRaw(t, 'HTTP/1.1 200 OK\r\ncontent-length: 10001\r\n\r\n')
  await t.rejects(fetchFile(told, options(t, { folder })), { code: 'too_large', retryable: false })
  let sent = 0
  const { url } = await startServer(t, (_, response) => {
    const more = () => {
      sent += 1_000
      response.write(Buffer.alloc(1_000), (error) => error ?? setImmediate(more))
    }
    more()
  })
  await t.rejects(fetchFile(url, options(t, { folder })), { code: 'too_large', message: /10000/ })
  t.ok(sent < 10_000_000)
  t.same(await readdir(folder), [])
})

t.test('an answer that breaks off, or is compressed unasked, is no file', async (t) => {
  const folder = t.testdir()
  const head = 'HTTP/1.1 200 OK\r\n'
  for (const [answer, error] of [
    [`${head}content-length: 100\r\n\r\nhalf`, { code: 'url_unreachable', retryable: true }],
    [`${head}transfer-encoding: chunked\r\n\r\n5\r\nhalf`, { code: 'url_unreachable' }],
    ['no HTTP at all', { code: 'url_unreachable', retryable: true }],
    ['', { code: 'url_unreachable', retryable: true }],
    [`${head}content-encoding: gzip\r\n\r\nx`, { code: 'fetch_failed', retryable: false }],
  ] as const) {
    const url = await startRaw(t, answer)
    await t.rejects(fetchFile(url, options(t, { folder })), error, answer)
  }
  const longer = await startRaw(t, `${head}content-length: 4\r\n\r\nfour and more`)
  const got = await fetchFile(longer, options(t, { folder }))
  t.equal(got.size, 4, 'no more is taken than was announced')
  t.same(await readdir(folder), [got.path.slice(-36)])
})

t.test('a host that stalls is given up', async (t) => {
  const folder = t.testdir()
  const mute = await startServer(t, () => {})
  const stalls = { code: 'url_unreachable', retryable: true, message: /nothing for 80 ms/ }
  await t.rejects(fetchFile(mute.url, options(t, { folder, stallMs: 80 })), stalls)
  const half = await startServer(t, (_, response) => response.write('half'))
  await t.rejects(fetchFile(half.url, options(t, { folder, stallMs: 80 })), stalls)
  const slow = await startServer(t, (_, response) => {
    const timer = setInterval(() => response.write('.'), 20)
    response.on('close', () => clearInterval(timer))
  })
  await t.rejects(fetchFile(slow.url, options(t, { folder, totalMs: 200 })), {
    code: 'url_unreachable',
    message: /within 200 ms/,
  })
  const never = async () => new Promise<LookupAddress[]>(() => {})
  await t.rejects(
    fetchFile('http://x.example/', options(t, { folder, totalMs: 50, resolve: never })),
    { code: 'url_unreachable', message: /within 50 ms/ },
  )
  const signal = AbortSignal.abort(new Error('stopping'))
  await t.rejects(fetchFile(mute.url, options(t, { signal })), { message: 'stopping' })
  t.same(await readdir(folder), [])
})

t.test('a host that is not there may be there later', async (t) => {
  const gone = await startRaw(t, '')
  await t.rejects(fetchFile('http://127.0.0.1:1/', options(t)), {
    code: 'url_unreachable',
    retryable: true,
    message: /127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\)/,
  })
  await t.rejects(fetchFile('http://nowhere.invalid/', options(t)), { code: 'url_unreachable' })
  await t.rejects(fetchFile(gone.replace('http:', 'https:'), options(t)), {
    code: 'url_unreachable',
  })
})

t.test('what the disk says is told as it is', async (t) => {
  const { url } = await startServer(t, (_, response) => response.end('x'))
  const folder = `${t.testdir({ file: '' })}/file`
  await t.rejects(fetchFile(url, options(t, { folder })), { code: 'EEXIST' })
})

t.test('private hosts are listed by name, and by port where they say one', async (t) => {
  const hosts = parsePrivateHosts(' minio.internal:9000 , FILES,[FD00::1]:80,10.0.0.5 ')
  for (const [url, listed] of [
    ['http://minio.internal:9000/a', true],
    ['http://minio.internal/', false],
    ['http://files/', true],
    ['https://files:8443/', true],
    ['http://[fd00::1]/', true],
    ['https://[fd00::1]/', false],
    ['http://10.0.0.5:1234/', true],
    ['http://10.0.0.6/', false],
    ['http://files.evil.example/', false],
  ] as const) {
    t.equal(isPrivateHost(new URL(url), hosts), listed, url)
  }
  t.same(parsePrivateHosts(''), [])
  for (const wrong of ['http://x', 'a:99999', 'a/b', 'a b', 'me@x', '*.x:y', '::1']) {
    t.throws(() => parsePrivateHosts(wrong), { message: /has ".*"; give host or host:port/ }, wrong)
  }
})
