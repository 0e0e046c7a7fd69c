import t from 'tap'
import { readEnvironment, withoutPassword } from '../../scripts/app/config.ts'

const all = [
  'DATABASE_URL',
  'PORT',
  'HOST',
  'PIGEONPOST_DATA',
  'PIGEONPOST_AUTH',
  'LOG_LEVEL',
] as const

t.test('an empty environment means the defaults', async (t) => {
  const defaults = {
    DATABASE_URL: undefined,
    PORT: 8080,
    HOST: '127.0.0.1',
    PIGEONPOST_DATA: './.pigeonpost',
    PIGEONPOST_AUTH: 'keys',
    LOG_LEVEL: 'info',
  }
  t.match(readEnvironment(all, {}), defaults)
  t.match(
    readEnvironment(all, { PORT: '', HOST: '', PIGEONPOST_AUTH: '', LOG_LEVEL: '' }),
    defaults,
  )
})

t.test('a wrong variable is named, with what would be right', async (t) => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ PORT: 'abc' }, /^PORT is "abc"; give a port from 0 .* to 65535$/],
    [{ PORT: '65536' }, /^PORT is "65536"/],
    [{ PORT: '-1' }, /^PORT is "-1"/],
    [{ PORT: '80.5' }, /^PORT is "80.5"/],
    [{ HOST: 'http://localhost' }, /^HOST is "http:\/\/localhost"; give an address/],
    [{ HOST: '127.0.0.1:8080' }, /^HOST is/],
    [{ PIGEONPOST_AUTH: 'off' }, /^PIGEONPOST_AUTH is "off"; give keys or none$/],
    [{ LOG_LEVEL: 'loud' }, /^LOG_LEVEL is "loud"; give fatal, .* or silent$/],
    [{ DATABASE_URL: '' }, /^DATABASE_URL is set but empty; unset it/],
    [{ DATABASE_URL: 'mysql://host/app' }, /^DATABASE_URL is not a PostgreSQL URL; give postgres:/],
    [{ DATABASE_URL: 'localhost:5432/app' }, /^DATABASE_URL is not a PostgreSQL URL/],
    [{ PORT: 'abc', LOG_LEVEL: 'x' }, /^PORT is .*; LOG_LEVEL is /],
  ]
  for (const [env, message] of cases) {
    t.throws(() => readEnvironment(all, env), { name: 'Failure', exitCode: 1, message })
  }
})

t.test('origins are read one by one, and a wrong one is named', async (t) => {
  const read = (PIGEONPOST_CORS_ORIGINS?: string) =>
    readEnvironment(['PIGEONPOST_CORS_ORIGINS'], { PIGEONPOST_CORS_ORIGINS })
      .PIGEONPOST_CORS_ORIGINS
  t.same(read(), [])
  t.same(read(''), [])
  t.same(read('*'), ['*'])
  t.same(read('https://app.example.org, http://localhost:3000,'), [
    'https://app.example.org',
    'http://localhost:3000',
  ])
  for (const wrong of [
    'app.example.org',
    'https://app.example.org/',
    'https://app.example.org/path',
    'https://user@app.example.org',
    'https://app.example.org:443',
    'https://*.example.org',
    'null',
    'file:///x',
  ]) {
    t.throws(
      () => read(`https://a.example,${wrong}`),
      { message: `PIGEONPOST_CORS_ORIGINS holds "${wrong}"; give origins such as` },
      wrong,
    )
  }
})

t.test('a DATABASE_URL without a host is refused', async (t) => {
  for (const url of [
    'postgres:///app',
    'postgres://user:secret@/app',
    'postgresql://user@:5432/app',
    'postgres://',
  ]) {
    t.throws(() => readEnvironment(['DATABASE_URL'], { DATABASE_URL: url }), {
      message: /^DATABASE_URL names no host; give postgres:\/\/user:password@host:5432\/database/,
    })
  }
})

t.test('a password never stands in an error', async (t) => {
  for (const url of [
    'postgres://user:hunter2@/app',
    'mysql://user:hunter2@host/app',
    'postgres://user:hunter2/x@host/app',
    'postgres://user:hunter2#x@host/app',
    'postgres://user:hunter2%zz@host/app',
    'postgres://user:hunter2@host:99999/app',
  ]) {
    const error = t.throws(() => readEnvironment(['DATABASE_URL'], { DATABASE_URL: url }))
    t.notMatch(String(error), 'hunter2', url)
  }
  t.equal(withoutPassword('postgres://user:hunter2@host/app'), 'postgres://user:***@host/app')
})

t.test('PIGEONPOST_AUTH=none is taken on loopback only', async (t) => {
  const read = (HOST: string) => readEnvironment(all, { PIGEONPOST_AUTH: 'none', HOST })
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost']) {
    t.equal(read(host).PIGEONPOST_AUTH, 'none', host)
  }
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'example.com', '127.example.com']) {
    t.throws(() => read(host), { message: /^PIGEONPOST_AUTH=none .*HOST has to be loopback/ }, host)
  }
  t.equal(readEnvironment(all, { HOST: '0.0.0.0' }).HOST, '0.0.0.0')
})

t.test('a command checks only the variables that it reads', async (t) => {
  t.same(readEnvironment(['LOG_LEVEL'], { PORT: 'abc', LOG_LEVEL: 'warn' }), { LOG_LEVEL: 'warn' })
})

t.test('a scanner is at a host or at a socket, not at both', async (t) => {
  const names = ['CLAMD_HOST', 'CLAMD_PORT', 'CLAMD_SOCKET'] as const
  const read = (env: Record<string, string>) => readEnvironment(names, env)
  t.match(read({}), { CLAMD_HOST: undefined, CLAMD_PORT: 3310, CLAMD_SOCKET: undefined })
  t.match(read({ CLAMD_HOST: 'clamd', CLAMD_PORT: '3311' }), {
    CLAMD_HOST: 'clamd',
    CLAMD_PORT: 3311,
  })
  t.match(read({ CLAMD_SOCKET: '/run/clamd' }), { CLAMD_SOCKET: '/run/clamd' })
  for (const [env, message] of [
    [{ CLAMD_HOST: 'clamd', CLAMD_SOCKET: '/x' }, /^CLAMD_HOST and CLAMD_SOCKET are both set/],
    [{ CLAMD_HOST: 'clamd:3310' }, /^CLAMD_HOST is "clamd:3310"; give an address/],
    [{ CLAMD_PORT: '0' }, /^CLAMD_PORT is "0"; give a port from 1 to 65535/],
    [{ CLAMD_SOCKET: 'clamd.ctl' }, /^CLAMD_SOCKET is "clamd.ctl"; give a path from the root/],
  ] as [Record<string, string>, RegExp][]) {
    t.throws(() => read(env), { name: 'Failure', message })
  }
})

t.test('hosts of the own network are named one by one', async (t) => {
  const read = (PIGEONPOST_MEDIA_HOSTS: string) =>
    readEnvironment(['PIGEONPOST_MEDIA_HOSTS'], { PIGEONPOST_MEDIA_HOSTS }).PIGEONPOST_MEDIA_HOSTS
  t.same(read(''), [])
  t.same(read('minio:9000, Files'), [
    { hostname: 'minio', port: 9000 },
    { hostname: 'files', port: null },
  ])
  t.throws(() => read('minio, http://files'), {
    message: 'PIGEONPOST_MEDIA_HOSTS has "http://files"; give host or host:port',
  })
})
