import { once } from 'node:events'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import { scopes } from '../../db/keys/scopes.ts'
import { readEnvFile } from '../../scripts/app/env-file.ts'
import { testDatabase } from '../support/database.ts'
import { waitFor } from '../support/wait.ts'
import { complete, newFolder, run, type Started, startReady } from './cli.ts'

t.test('the env file is complete before the server says that it is ready', async (t) => {
  const data = await newFolder(t)
  const port = await freePort()
  const first = waitFor(
    async () => ((await fetch(`http://127.0.0.1:${port}/health/ready`)).ok ? look() : null),
    { what: 'the server to be ready', every: 1 },
  )
  const look = () => {
    const file = join(data, 'env')
    // An error here would only be waited away.
    if (!existsSync(file)) return { mode: 0, text: 'there is no file yet' }
    return { mode: statSync(file).mode & 0o777, text: readFileSync(file, 'utf8') }
  }
  const started = await startReady(t, data, { PORT: String(port) })
  const { mode, text } = await first
  t.equal(mode, 0o600)
  t.match(
    text,
    /^export PIGEONPOST_URL='.+'\nexport PIGEONPOST_KEY='.+'\nexport DATABASE_URL='.+'\n$/,
  )
  t.match(await readEnvFile(data), {
    PIGEONPOST_URL: `http://127.0.0.1:${port}`,
    PIGEONPOST_KEY: started.ready.PIGEONPOST_KEY,
    DATABASE_URL: started.ready.DATABASE_URL,
  })

  const sql = connect(t, started.ready.DATABASE_URL)
  t.same(
    [
      ...(await sql`
        select tenant_id, channel, provider, rate_per_minute, daily_limit, is_default
        from pigeonpost.accounts`),
    ],
    [
      {
        tenant_id: 1,
        channel: 'fakechat',
        provider: 'fakechat',
        rate_per_minute: null,
        daily_limit: null,
        is_default: true,
      },
    ],
    'a fakechat account that nothing limits',
  )
  const [key] = await sql`select scopes from pigeonpost.api_keys`
  t.same(key?.['scopes'], scopes, 'a key that may do everything')

  const second = await complete(t, ['start'], { env: { PORT: '0', PIGEONPOST_DATA: data } })
  t.equal(second.code, 1, 'a second start on the folder is refused')
  t.match(
    second.stderr,
    new RegExp(
      `^pigeonpost: the data folder ${data} is in use by process ${started.child.pid}:.*\n$`,
    ),
  )
  t.equal(await readFile(join(data, 'env'), 'utf8'), text, 'and changes nothing')

  const other = await newFolder(t)
  const elsewhere = join(other, 'new')
  const third = await complete(t, ['start'], {
    env: { PORT: String(port), PIGEONPOST_DATA: elsewhere },
  })
  t.equal(third.code, 1, 'a start on its port is refused')
  t.match(third.stderr, new RegExp(`^pigeonpost: PORT: port ${port} on 127.0.0.1 is in use.*\n$`))
  t.notOk(existsSync(elsewhere), 'before anything is made')

  t.equal((await send(started, 'still here')).status, 202, 'and the first goes on')
})

t.test('Ctrl-C ends it and what hangs, and the next start finds everything again', async (t) => {
  const data = await newFolder(t)
  const first = await startReady(t, data)
  const answer = await send(first, 'kept')
  t.equal(answer.status, 202)
  // The simulator never answers this one, so a request is under way when the signal comes.
  await send(first, '#hang')
  const sql = connect(t, first.ready.DATABASE_URL)
  await waitFor(
    async () =>
      (
        await sql`select from pigeonpost.messages_with_state where body = '#hang' and state = 'sending'`
      ).count,
    { what: 'the request to be under way' },
  )
  await sql.end()
  // An operator's change stays: nothing is made anew.
  const settings = connect(t, first.ready.DATABASE_URL)
  await settings`update pigeonpost.accounts set address = '+15559990000', is_default = false`
  await stop(first)
  t.equal(await first.ended, 0)
  t.notOk(serverRuns(data), 'the database ended as well')

  // As in a shell that has the env file: the embedded database's URL is no other server's.
  const second = await startReady(t, data, { DATABASE_URL: first.ready.DATABASE_URL })
  t.equal(second.ready.PIGEONPOST_KEY, first.ready.PIGEONPOST_KEY, 'the same key')
  t.equal(second.ready.embedded, true)
  const messages = connect(t, second.ready.DATABASE_URL)
  // Nobody knows whether that one arrived.
  const hung = await waitFor(
    async () => {
      const [row] = await messages<{ kept: number; ms: number | null }[]>`
        select (select count(*)::integer from pigeonpost.messages where body = 'kept') as kept, a.duration_ms as ms
        from pigeonpost.messages m join pigeonpost.delivery_attempts a on a.message_id = m.id
        where m.body = '#hang' and m.status = 'unknown'`
      return row
    },
    { what: 'the request that was cut short to be unknown' },
  )
  t.equal(hung.kept, 1)
  t.ok((hung.ms ?? 0) < 24_000, 'it was not given its whole time')
  const accounts = connect(t, second.ready.DATABASE_URL)
  t.equal((await accounts`select from pigeonpost.accounts`).count, 1)
  t.equal((await accounts`select from pigeonpost.api_keys`).count, 1)

  t.comment('the key is revoked, then the file is gone')
  await accounts`update pigeonpost.api_keys set revoked_at = now()`
  await stop(second)
  const third = await startReady(t, data)
  t.not(third.ready.PIGEONPOST_KEY, first.ready.PIGEONPOST_KEY, 'a key that is no more is replaced')
  t.equal((await send(third, 'by the new key')).status, 202)
  await stop(third)
  await rm(join(data, 'env'))
  const fourth = await startReady(t, data)
  t.equal((await send(fourth, 'by another')).status, 202)
  t.match(await readEnvFile(data), { PIGEONPOST_KEY: fourth.ready.PIGEONPOST_KEY })
})

t.test('a second Ctrl-C ends it at once, and leaves no database behind', async (t) => {
  const data = await newFolder(t)
  const started = await startReady(t, data)
  const sql = connect(t, started.ready.DATABASE_URL)
  await send(started, '#hang')
  await waitFor(
    async () => (await sql`select from pigeonpost.outbox where state = 'sending'`).count,
    { what: 'the request to be under way' },
  )
  await sql.end()
  // The first two are one Ctrl-C, as npm and the terminal deliver it.
  started.child.kill('SIGINT')
  started.child.kill('SIGINT')
  await waitFor(() => started.child.exitCode !== null || !started.child.kill('SIGINT'), {
    what: 'the process to end',
    every: 400,
  })
  // An end in order, for which the request under way has its time, is 0.
  t.equal(await started.ended, 130)
  await waitFor(() => !serverRuns(data), { what: 'the database to end' })
})

t.test('a Ctrl-C while it starts ends it too', async (t) => {
  const data = await newFolder(t)
  const running = run(t, ['start'], { env: { PORT: '0', PIGEONPOST_DATA: data } })
  await waitFor(() => running.output.stdout.includes('Making the database'), { what: 'the start' })
  running.child.kill('SIGINT')
  t.equal(await running.ended, 0)
  t.notOk(serverRuns(data))
  t.notOk(existsSync(join(data, 'env')))
})

t.test('start on a database of ours migrates it, and prints no password', async (t) => {
  const data = await newFolder(t)
  const { url, sql } = await testDatabase(t, { blank: true })
  const env = { DATABASE_URL: url, PORT: '0', PIGEONPOST_DATA: data }
  const running = run(t, ['start'], { env })
  await waitFor(() => running.output.stdout.includes('Ctrl-C stops it'), { what: 'the start' })
  t.equal((await sql`select from pigeonpost.accounts`).count, 1)
  const { password } = new URL(url)
  t.notMatch(running.output.stdout + running.output.stderr, password)
  t.match(running.output.stdout, /DATABASE_URL +postgres:\/\/pigeonpost:\*\*\*@127\.0\.0\.1/)
  t.equal((await readEnvFile(data)).DATABASE_URL, url)
  for (const line of running.output.stderr.trim().split('\n'))
    t.doesNotThrow(() => JSON.parse(line))

  const second = await complete(t, ['start'], { env })
  t.equal(second.code, 1)
  t.match(second.stderr, 'is in use by process')
  running.child.kill('SIGTERM')
  t.equal(await running.ended, 0)
  t.strictSame((await readdir(data)).toSorted(), ['env', 'fakechat', 'media'])
})

t.test('what is wrong is one line that names it, and no password', async (t) => {
  const folder = await newFolder(t)
  const closed = await freePort()
  const file = join(await newFolder(t), 'file')
  await writeFile(file, '')
  const cases: [Record<string, string>, RegExp][] = [
    [{ PORT: 'abc' }, /PORT is "abc"/],
    [{ PIGEONPOST_AUTH: 'none', HOST: '0.0.0.0' }, /PIGEONPOST_AUTH=none .*HOST/],
    [{ DATABASE_URL: 'postgres://user:hunter2@/app' }, /DATABASE_URL names no host/],
    [
      { DATABASE_URL: `postgres://user:hunter2@127.0.0.1:${closed}/app` },
      new RegExp(`DATABASE_URL: PostgreSQL at 127.0.0.1:${closed} does not answer`),
    ],
    [
      { DATABASE_URL: 'postgres://user:hunter2@nowhere.invalid/app' },
      /DATABASE_URL: the host "nowhere.invalid"/,
    ],
    [{ HOST: '192.0.2.1' }, /HOST: 192.0.2.1 is not an address of this machine/],
    [{ PIGEONPOST_DATA: join(file, 'data') }, /PIGEONPOST_DATA: the data folder .* cannot be made/],
  ]
  await Promise.all(
    cases.map(async ([env, message], index) => {
      const data = join(folder, String(index))
      const place = { PORT: '0', PIGEONPOST_DATA: data, ...env }
      const { code, stderr } = await complete(t, ['start'], { env: place })
      t.equal(code, 1, `${message}`)
      t.match(stderr, new RegExp(`^pigeonpost: ${message.source}[^\n]*\n$`))
      t.notMatch(stderr, 'hunter2')
      t.notOk(existsSync(join(data, 'env')), 'and nothing is left')
    }),
  )
})

t.test('LOG_LEVEL=debug shows where an error comes from', async (t) => {
  const env = { DATABASE_URL: 'postgres://user@127.0.0.1:1/app', LOG_LEVEL: 'debug' }
  const { stderr } = await complete(t, ['migrate'], { env })
  t.match(stderr, /^pigeonpost: DATABASE_URL: .*\n.*Failure: .*\n +at /)
})

function connect(t: Test, url: string): postgres.Sql {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  t.teardown(async () => sql.end({ timeout: 1 }))
  return sql
}

async function send({ ready }: Started, content: string): Promise<Response> {
  return fetch(`${ready.PIGEONPOST_URL}/api/v1/messages`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${ready.PIGEONPOST_KEY}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ to: '+27831234567', content }),
  })
}

/** An orderly end. Two signals, since npm and the terminal deliver one Ctrl-C twice. */
async function stop(started: Started): Promise<void> {
  started.child.kill('SIGINT')
  started.child.kill('SIGINT')
  await started.ended
}

function serverRuns(data: string): boolean {
  return existsSync(join(data, 'pg', 'server', 'data', 'postmaster.pid'))
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await promisify(server.close.bind(server))()
  return typeof address === 'object' && address ? address.port : 0
}
