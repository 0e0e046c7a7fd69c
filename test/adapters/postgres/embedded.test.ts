import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import {
  type EmbeddedOptions,
  EmbeddedPostgresError,
  InUseError,
  removeEmbedded,
  startEmbedded,
} from '../../../adapters/postgres/embedded.ts'
import { postgresVersion } from '../../support/version.ts'
import { waitFor } from '../../support/wait.ts'

const root = process.getuid?.() === 0

t.test('a second start finds the data and the port of the first', async (t) => {
  const folder = await newFolder(t)
  const first = await start(t, { folder })
  await query(first.url, 'create table kept as select 42 as answer')
  await first.stop()
  const second = await start(t, { folder })
  t.equal(second.url, first.url)
  t.same(await query(second.url, 'select answer from kept'), [{ answer: 42 }])
})

t.test('the server speaks UTF-8, knows Unicode case, and keeps time in UTC', async (t) => {
  const { url } = await start(t, { folder: await newFolder(t), settings: {} })
  t.same(
    await query(
      url,
      `select current_setting('server_encoding') as encoding, lower('ÀÉÖ') as low,
    current_setting('timezone') as zone, current_setting('fsync') as fsync, current_user as who,
    current_setting('listen_addresses') as listens`,
    ),
    [
      {
        encoding: 'UTF8',
        low: 'àéö',
        zone: 'UTC',
        fsync: 'on',
        who: 'pigeonpost',
        listens: '127.0.0.1',
      },
    ],
  )
})

t.test('the password lies in a file that only its owner may read', async (t) => {
  const folder = await newFolder(t)
  const { url } = await start(t, { folder })
  const path = join(folder, 'server', 'password')
  t.equal((await stat(path)).mode & 0o777, 0o600)
  t.equal((await readFile(path, 'utf8')).trim(), new URL(url).password)
  await t.rejects(query(url.replace(/:[0-9a-f]+@/, ':wrong@'), 'select 1'), { code: '28P01' })
})

t.test('a live second owner is refused by name, and the first goes on', async (t) => {
  const folder = await newFolder(t)
  const first = await start(t, { folder })
  const refusal = await startEmbedded({ folder, version: postgresVersion }).catch((error) => error)
  t.type(refusal, InUseError)
  t.match(refusal, { folder, message: new RegExp(`${folder} is in use by process ${process.pid}`) })
  t.same(await query(first.url, 'select 1 as one'), [{ one: 1 }])
})

t.test('the server of a killed owner is taken over, with all it committed', async (t) => {
  const folder = await newFolder(t)
  const owner = await startOwner(t, folder)
  await query(owner.url, 'create table kept as select 42 as answer')
  const before = await query(owner.url, 'select pg_postmaster_start_time()::text as started')
  owner.child.kill('SIGKILL')
  await once(owner.child, 'exit')
  const next = await start(t, { folder })
  t.equal(next.url, owner.url)
  t.same(await query(next.url, 'select pg_postmaster_start_time()::text as started'), before)
  t.same(await query(next.url, 'select answer from kept'), [{ answer: 42 }])
})

t.test('a Ctrl-C in the terminal does not reach the server', async (t) => {
  const owner = await startOwner(t, await newFolder(t))
  process.kill(-(owner.child.pid ?? 0), 'SIGINT')
  await once(owner.child, 'exit')
  t.same(await query(owner.url, 'select 1 as one'), [{ one: 1 }])
})

t.test('of two first starts at one instant one wins and the other is refused', async (t) => {
  const folder = await newFolder(t)
  const options = { folder, version: postgresVersion }
  const outcomes = await Promise.allSettled([1, 2, 3].map(async () => startEmbedded(options)))
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled') t.teardown(outcome.value.stop)
    else t.type(outcome.reason, InUseError)
  }
  t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
  t.strictSame(await readdir(folder), ['server'], 'the losers leave nothing behind')
})

t.test('a cluster that was half made is made again', async (t) => {
  const folder = await newFolder(t)
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  await mkdir(join(folder, `init-${child.pid}-abc`, 'data'), { recursive: true })
  const { url } = await start(t, { folder })
  t.same(await query(url, 'select 1 as one'), [{ one: 1 }])
  t.strictSame(await readdir(folder), ['server'])
})

t.test('a pid file whose pid is now another process is no obstacle', async (t) => {
  const folder = await newFolder(t)
  const first = await start(t, { folder })
  const path = join(folder, 'server', 'data', 'postmaster.pid')
  const text = await readFile(path, 'utf8')
  await first.stop()
  // As the server's user: PostgreSQL takes a pid that it may not signal for a stale one by itself.
  const { uid, gid } = await stat(join(folder, 'server', 'data'))
  const other = spawn('sleep', ['60'], { uid, gid, cwd: '/' })
  t.teardown(() => other.kill())
  await writeFile(path, text.replace(/^\d+/, String(other.pid)), { mode: 0o600 })
  const second = await start(t, { folder })
  t.same(await query(second.url, 'select 1 as one'), [{ one: 1 }])
})

t.test('a server that was killed starts again, with all it committed', async (t) => {
  const folder = await newFolder(t)
  const lost: Error[] = []
  const first = await start(t, { folder, onLost: (error) => lost.push(error) })
  await query(first.url, 'create table kept as select 42 as answer')
  const path = join(folder, 'server', 'data', 'postmaster.pid')
  process.kill(Number((await readFile(path, 'utf8')).split('\n')[0]), 'SIGKILL')
  await waitFor(() => lost.length > 0, { what: 'the owner to notice' })
  t.match(lost[0], { name: 'EmbeddedPostgresError', message: `PostgreSQL in ${folder} has died` })
  await first.stop()
  const second = await start(t, { folder })
  t.same(await query(second.url, 'select answer from kept'), [{ answer: 42 }])
})

t.test('the folder stays ours when a crashed backend ends every connection', async (t) => {
  const folder = await newFolder(t)
  const { url } = await start(t, { folder })
  const rows = await query(
    url,
    `select pid from pg_stat_activity where application_name like '%owner%'`,
  )
  process.kill(Number(rows[0]?.['pid']), 'SIGKILL')
  await waitFor(
    async () => (await query(url, `select from pg_locks where locktype = 'advisory'`)).length,
    { what: 'the lock to be taken again' },
  )
  await t.rejects(startEmbedded({ folder, version: postgresVersion }), InUseError)
})

t.test('a port that is taken is named', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  t.teardown(() => other.close())
  await once(other, 'listening')
  const address = other.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const outcome = start(t, { folder: await newFolder(t), port })
  await t.rejects(outcome, {
    name: 'EmbeddedPostgresError',
    message: `port ${port} for the embedded`,
  })
})

t.test('a setting that the server refuses is in the error', async (t) => {
  const outcome = start(t, { folder: await newFolder(t), settings: { max_connections: 'many' } })
  await t.rejects(outcome, { name: 'EmbeddedPostgresError', message: /max_connections.*"many"/ })
})

t.test('data of another version of PostgreSQL is refused and left alone', async (t) => {
  const folder = await newFolder(t)
  await (await start(t, { folder })).stop()
  const file = join(folder, 'server', 'data', 'PG_VERSION')
  await writeFile(file, '14\n')
  await t.rejects(start(t, { folder }), EmbeddedPostgresError)
  t.equal(await readFile(file, 'utf8'), '14\n')
})

t.test(
  'as root, a folder that the server cannot enter gets its data below /var/lib, and keeps it',
  { skip: root ? false : 'only root runs the server as somebody else' },
  async (t) => {
    const parent = await newFolder(t)
    await chmod(parent, 0o700)
    const folder = join(parent, 'pg')
    const lines: string[] = []
    const first = await start(t, { folder, log: (line) => lines.push(line) })
    const place = await readlink(join(folder, 'server'))
    t.teardown(() => rm(place, { recursive: true, force: true }))
    t.match(place, /^\/var\/lib\/pigeonpost\//)
    t.ok(
      lines.some((line) => line.includes(place)),
      'it says so',
    )
    await query(first.url, 'create table kept as select 42 as answer')
    await first.stop()
    const second = await start(t, { folder })
    t.same(await query(second.url, 'select answer from kept'), [{ answer: 42 }])
    await second.stop()
    await removeEmbedded(folder)
    await t.rejects(stat(place), { code: 'ENOENT' }, 'the data goes with the folder')
    await t.rejects(stat(folder), { code: 'ENOENT' })
  },
)

type Row = Record<string, unknown>

async function query(url: string, text: string): Promise<Row[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return [...(await sql.unsafe<Row[]>(text))].map((row) => ({ ...row }))
  } finally {
    await sql.end()
  }
}

async function newFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pigeon post '))
  await chmod(folder, 0o755)
  t.teardown(async () => rm(folder, { recursive: true, force: true }))
  return folder
}

async function start(t: Test, options: EmbeddedOptions): ReturnType<typeof startEmbedded> {
  // What these tests kill is processes, never the machine, so waiting for the disk proves nothing.
  const settings = { fsync: 'off' }
  const embedded = await startEmbedded({ version: postgresVersion, settings, ...options })
  t.teardown(embedded.stop)
  return embedded
}

/** A process of its own group that owns the folder until it is killed. */
async function startOwner(
  t: Test,
  folder: string,
): Promise<{ child: ReturnType<typeof spawn>; url: string }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'owner.ts'), folder], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(async () => {
    child.kill('SIGKILL')
    // Whatever the test left running: taken over, then stopped.
    await startEmbedded({ folder, version: postgresVersion }).then(
      async (embedded) => embedded.stop(),
      () => {},
    )
  })
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  return { child, url: String(line) }
}
