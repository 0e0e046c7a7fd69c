import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import postgres from 'postgres'
import t from 'tap'
import { asTenant } from '../../db/tenant.ts'
import { databaseUrl, startTestCluster } from '../support/cluster.ts'
import { testDatabase } from '../support/database.ts'
import { store } from '../support/messages.ts'
import { describeCatalog, dumpSchema, findPgDump } from '../support/dump.ts'

const root = join(import.meta.dirname, '..', '..')
const folder = join(root, 'migrations', 'fixtures')
const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).toSorted()
const fixtures = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))

/** In a process of its own: graphile-migrate keeps its connections a while, and exits when they are lost. */
async function migrate(url: string): Promise<unknown> {
  const { NODE_OPTIONS: _, ...env } = process.env
  return promisify(execFile)(
    process.execPath,
    [join(root, 'scripts', 'pigeonpost.ts'), 'migrate'],
    {
      env: { ...env, DATABASE_URL: url },
    },
  )
}

/** What is in one and not in the other. */
function difference(before: string[], after: string[]): { gone: string[]; new: string[] } {
  return {
    gone: before.filter((line) => !after.includes(line)),
    new: after.filter((line) => !before.includes(line)),
  }
}

t.test('the fixtures, applied again, change nothing', async (t) => {
  const { sql } = await testDatabase(t)
  await store(sql, { tenant_id: 1, address: '+27831234567' })
  const before = await describeCatalog(sql)
  t.ok(before.length > 1000)
  await sql.begin(async (tx) => {
    for (const text of fixtures) await tx.unsafe(text)
  })
  t.strictSame(difference(before, await describeCatalog(sql)), { gone: [], new: [] })
  await store(sql, { tenant_id: 1, address: '+27831234567' })

  await t.test('and bring back what somebody changed by hand', async (t) => {
    await sql.unsafe(`
      create or replace function pigeonpost.sanitize_body(p_body text) returns text language sql immutable as 'select p_body';
      drop policy tenant_rows on pigeonpost.messages;
      grant delete on pigeonpost.messages to pigeonpost_bridge;
      grant execute on function pigeonpost.grant_tenant to public;
      alter table pigeonpost.threads disable row level security;
      drop trigger "000_guard" on pigeonpost.messages;
      comment on table pigeonpost.messages is null;
      alter view pigeonpost.ingest_batches owner to pigeonpost`)
    t.not((await describeCatalog(sql)).join(), before.join())
    await sql.begin(async (tx) => {
      for (const text of fixtures) await tx.unsafe(text)
    })
    t.strictSame(difference(before, await describeCatalog(sql)), { gone: [], new: [] })
  })
})

t.test('who is no superuser migrates, serves, and gets the same schema', async (t) => {
  const { sql } = await testDatabase(t)
  const cluster = await startTestCluster()
  t.teardown(() => cluster.stop())
  const admin = postgres(cluster.url, { max: 1, onnotice: () => {} })
  await admin`create role deployer login createrole createdb`
  await admin`create role second login`
  for (const [database, owner] of [
    ['first', 'deployer'],
    ['again', 'deployer'],
    ['other', 'second'],
  ] as const) {
    await admin`create database ${admin(database)} owner ${admin(owner)}`
  }
  const url = (database: string, user: string): string => {
    const result = new URL(databaseUrl(cluster.url, database))
    result.username = user
    result.password = ''
    return result.href
  }
  await migrate(url('first', 'deployer'))
  await migrate(url('first', 'deployer'))
  const deployer = postgres(url('first', 'deployer'), {
    onnotice: () => {},
    types: { bigint: { to: 20, from: [20], parse: Number, serialize: String } },
  })
  const expected = await describeCatalog(sql)
  t.strictSame(difference(expected, await describeCatalog(deployer)), { gone: [], new: [] })

  await store(deployer, { tenant_id: 1, address: '+27831234567' })
  await deployer`insert into et_messages (tenant_id, lead_id, channel, message_id, timestamp, direction, raw_json)
    values (1, 1, 'whatsapp', 'x', 1, 'inbound', '{}')`
  const seen = await asTenant(deployer as never, 1, async (tx) => {
    await store(tx, { tenant_id: 1, address: '+27831234567' })
    return tx<{ count: number }[]>`select count(*) from pigeonpost.messages`
  })
  t.equal(seen[0]?.count, 3)
  t.match(await deployer`select pigeonpost.fold() as folded`, [{ folded: Number }])
  await deployer`select pigeonpost.grant_tenant('pigeonpost_bridge', 2)`
  t.match(await deployer`select pigeonpost.my_tenants() as mine`, [{ mine: [1, 2] }])

  await t.test('another database of the same cluster finds the roles there', async (t) => {
    await migrate(url('again', 'deployer'))
    await t.rejects(migrate(url('other', 'second')), {
      code: 1,
      stderr: /grant pigeonpost_owner, pigeonpost_ingest, pigeonpost_app to second/,
    })
    await admin`grant pigeonpost_owner, pigeonpost_ingest, pigeonpost_app to second`
    await migrate(url('other', 'second'))
  })
  await Promise.all([deployer.end(), admin.end()])
})

const pgDump = await findPgDump()
t.test(
  'migrations/schema.sql is what the migrations make',
  { skip: 'missing' in pgDump ? pgDump.missing : false },
  async (t) => {
    if ('missing' in pgDump) return
    const { url } = await testDatabase(t)
    const text = await dumpSchema(pgDump.path, url)
    const written = await readFile(join(root, 'migrations', 'schema.sql'), 'utf8')
    t.ok(text.length > 50_000)
    t.strictSame(
      difference(written.split('\n'), text.split('\n')),
      { gone: [], new: [] },
      'else: PG_VERSION=15 node test/dump-schema.ts',
    )
    t.ok(text === written)
  },
)
