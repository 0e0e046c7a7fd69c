import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { connect, type Sql } from '../../db/connect.ts'
import { startTestCluster } from '../support/cluster.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { receive } from '../support/messages.ts'
import { applyCommitted } from '../support/schema.ts'
import { postgresVersion } from '../support/version.ts'

const execute = promisify(execFile)

const consume = async (sql: Sql): Promise<string[]> =>
  (
    await sql<
      { id: string }[]
    >`select payload ->> 'external_message_id' as id from pigeonpost.consume_events('c', 1) where type like 'message.%'`
  ).map((row) => row.id)

/** A log with events that a consumer has read, some that it has not, and a writer under way. */
async function source(): Promise<{ core: TestDatabase; writer: Sql }> {
  const core = await testDatabase(t)
  await core.login(['pigeonpost_bridge'], [1])
  for (let index = 0; index < 20; index++)
    await receive(core.sql, { tenant: 1, id: `read ${index}` })
  t.equal((await consume(core.sql)).length, 20)
  const writer = core.connect({ max: 1 })
  await writer`begin`
  await receive(writer, { tenant: 1, id: 'never here' })
  await receive(core.sql, { tenant: 1, id: 'unread 1' })
  await receive(core.sql, { tenant: 1, id: 'unread 2' })
  t.same(await consume(core.sql), [], 'a round has begun that waits for the writer')
  return { core, writer }
}

/**
 * What must hold in the copy: the unread, then the new, nothing lost, nothing again. Its transactions begin at a number
 * of their own, by which a cursor on them would pass the unread over, or wait for ever.
 */
async function continues(t: Test, sql: Sql): Promise<void> {
  t.same(await consume(sql), ['unread 1', 'unread 2'])
  t.same(await consume(sql), [])
  const next = await receive(sql, { tenant: 1, id: 'new' })
  const [last] = await sql`select max(number) as number, count(*) from pigeonpost.messages`
  t.same([next?.number, last?.['count']], [last?.['number'], 23], 'numbers go on')
  t.same(await consume(sql), ['new'])
  t.notOk(await receive(sql, { tenant: 1, id: 'unread 1' }), 'a redelivery is still one')
  while ((await sql`select pigeonpost.fold() as n`)[0]?.['n']);
  t.match(await sql`select total_messages, unread_count from pigeonpost.conversations`, [
    { total_messages: 23, unread_count: 23 },
  ])
}

const found = await execute('pg_dump', ['--version']).then(
  ({ stdout }) => Number(/\s(\d+)/.exec(stdout)?.[1]),
  () => 0,
)
const dumping = {
  skip:
    found < postgresVersion &&
    `${found ? `pg_dump ${found} dumps no newer server` : 'there is no pg_dump'}: apt-get install postgresql-client-${postgresVersion}`,
}
t.test(
  'dumped and restored into a new cluster, the log goes on where it was',
  dumping,
  async (t) => {
    const { core, writer } = await source()
    const cluster = await startTestCluster()
    t.teardown(async () => cluster.stop())
    await pipe(
      ['pg_dumpall', '--roles-only', '--no-role-passwords', '-d', core.url],
      ['psql', '-q', cluster.url],
    )
    await pipe(['pg_dump', core.url], ['psql', '-q', '-v', 'ON_ERROR_STOP=1', cluster.url])
    await writer`rollback`
    const sql = connect(cluster.url, { max: 2 })
    t.teardown(async () => sql.end({ timeout: 1 }))
    await continues(t, sql)
  },
)

t.test('so does a copy of its rows in a new cluster that was migrated', async (t) => {
  const { core, writer } = await source()
  const cluster = await startTestCluster()
  t.teardown(async () => cluster.stop())
  const sql = connect(cluster.url, { max: 1 })
  t.teardown(async () => sql.end({ timeout: 1 }))
  await applyCommitted(sql)
  const tables = await core.sql<{ name: string }[]>`
    select c.oid::regclass::text as name from pg_class c
    where c.relnamespace in ('pigeonpost'::regnamespace, 'pigeonpost_private'::regnamespace) and c.relkind = 'r' and c.relname <> 'tenant_roles'
    order by 1`
  t.ok(tables.length > 20)
  // As a data-only restore does it: no trigger fires.
  await sql`set session_replication_role = replica`
  for (const { name } of tables) {
    await sql.unsafe(`delete from ${name}`)
    const from = await core.sql.unsafe(`copy ${name} to stdout`).readable()
    await pipeline(from, await sql.unsafe(`copy ${name} from stdin`).writable())
  }
  const sequences = await core.sql<{ name: string; last: number | null }[]>`
    select format('%I.%I', schemaname, sequencename) as name, last_value as last from pg_sequences where schemaname = 'pigeonpost'`
  for (const { name, last } of sequences)
    if (last !== null) await sql`select setval(${name}, ${last})`
  await sql`set session_replication_role = origin`
  await writer`rollback`
  await continues(t, sql)
})

async function pipe(from: [string, ...string[]], to: [string, ...string[]]): Promise<void> {
  const source = spawn(from[0], from.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] })
  const target = spawn(to[0], to.slice(1), { stdio: ['pipe', 'ignore', 'pipe'] })
  let said = ''
  target.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const ends = Promise.all([once(source, 'exit'), once(target, 'exit')])
  await pipeline(source.stdout, target.stdin)
  const [[read], [wrote]] = await ends
  if (read !== 0 || wrote !== 0)
    throw new Error(
      `${from[0]} | ${to[0]} ended with ${String(read)} and ${String(wrote)}\n${said}`,
    )
}
