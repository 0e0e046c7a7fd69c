import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { missingFixtures } from '../../db/fixtures.ts'
import { migrationsFolder } from '../../db/migrations.ts'
import { describeCatalog } from '../support/dump.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { someoneWaits, waitFor } from '../support/wait.ts'
import { complete, type Ended, run } from '../scripts/cli.ts'

const committed = await readdir(join(migrationsFolder(), 'committed'))
const fixtures = (await readdir(join(migrationsFolder(), 'fixtures'))).toSorted()

/** In a process of its own, as people run it, and since graphile-migrate ends a process that loses its connections. */
const migrate = async (test: Test, { url }: TestDatabase, ...args: string[]): Promise<Ended> =>
  complete(test, ['migrate', ...args], { env: { DATABASE_URL: url } })
const ledger = async ({ sql }: TestDatabase) => [
  ...(await sql`select name, sha256, earlier, xmin::text from pigeonpost_private.fixtures order by name`),
]
const outdate = ({ sql }: TestDatabase, name: string) =>
  sql`update pigeonpost_private.fixtures set sha256 = 'of before' where name = ${name}`
/** Every line that tells of a file; the last file of graphile-worker's stands for all of them. */
const lines = (verb: string): RegExp =>
  new RegExp(
    [`graphile-worker \\d{6}\\.sql`, ...committed, ...fixtures.map((name) => `fixtures/${name}`)]
      .map((name) => `${verb} ${name}\n`)
      .join(''),
  )

t.test('what a migration would do is told before, and done once', async (t) => {
  const core = await testDatabase(t, { blank: true })
  const check = await migrate(t, core, '--check')
  t.equal(check.code, 1)
  t.match(check.stdout, lines('Would apply'))
  const dry = await migrate(t, core, '--dry-run')
  t.equal(dry.code, 0)
  t.equal(dry.stdout, check.stdout)
  const told = await migrate(t, core, '--check', '--json')
  t.equal(told.code, 1)
  const plan = JSON.parse(told.stdout)
  t.match(plan, { migrations: committed, fixtures, version: committed.at(-1) })
  t.ok(plan.worker.length > 0)
  const schemas = await core.sql`select from pg_namespace where nspname ~ '^(pigeonpost|graphile)'`
  t.equal(schemas.count, 0, 'nothing has changed')

  const first = await migrate(t, core)
  t.equal(first.code, 0, first.stderr)
  t.equal(first.stdout, check.stdout.replaceAll('Would apply', 'Applied'))

  const before = [await ledger(core), await describeCatalog(core.sql)]
  for (const args of [[], ['--check'], ['--dry-run']]) {
    const json = await migrate(t, core, ...args, '--json')
    t.equal(json.code, 0)
    t.same(JSON.parse(json.stdout), {
      migrations: [],
      fixtures: [],
      worker: [],
      version: committed.at(-1),
    })
  }
  t.strictSame([await ledger(core), await describeCatalog(core.sql)], before)

  const both = await migrate(t, core, '--check', '--dry-run')
  t.equal(both.code, 2)
})

t.test('a fixture whose hash differs is applied, and its old hash remembered', async (t) => {
  const core = await testDatabase(t)
  const { sql } = core
  const before = await describeCatalog(sql)
  await sql`drop trigger "000_guard" on pigeonpost.messages`
  t.equal((await migrate(t, core)).stdout, `Nothing to do: the schema is at ${committed.at(-1)}\n`)
  t.not((await describeCatalog(sql)).length, before.length, 'what is unchanged is left alone')

  await outdate(core, '020_tenancy.sql')
  await sql`delete from pigeonpost_private.fixtures where name = '070_events.sql'`
  for (const [args, code] of [
    [['--check'], 1],
    [['--dry-run'], 0],
  ] as const) {
    const told = await migrate(t, core, ...args)
    t.equal(told.code, code)
    t.equal(
      told.stdout,
      'Would apply fixtures/020_tenancy.sql\nWould apply fixtures/070_events.sql\n',
    )
  }
  t.not((await describeCatalog(sql)).length, before.length)
  const json = await migrate(t, core, '--json')
  t.match(JSON.parse(json.stdout), {
    migrations: [],
    fixtures: ['020_tenancy.sql', '070_events.sql'],
  })
  t.strictSame(await describeCatalog(sql), before)
  t.match(
    await ledger(core),
    fixtures.map((name) => ({
      name,
      sha256: /^[0-9a-f]{64}$/,
      earlier: name === '020_tenancy.sql' ? ['of before'] : [],
    })),
  )
  t.equal((await migrate(t, core, '--check')).code, 0)
})

t.test('a process of an earlier version stays ready when a later one has migrated', async (t) => {
  const core = await testDatabase(t)
  const { sql } = core
  await sql`
    update pigeonpost_private.fixtures set sha256 = 'of a later one', earlier = array['older', sha256]
    where name = '070_events.sql'`
  t.strictSame(await missingFixtures(sql), [])
  t.equal((await complete(t, ['status'], { env: { DATABASE_URL: core.url } })).code, 0)
  // Going back to it is a migration, too.
  t.equal((await migrate(t, core)).stdout, 'Applied fixtures/070_events.sql\n')
  const [row] =
    await sql`select earlier from pigeonpost_private.fixtures where name = '070_events.sql'`
  t.strictSame(row?.['earlier'], ['older', 'of a later one'])

  await outdate(core, '070_events.sql')
  t.strictSame(await missingFixtures(sql), ['070_events.sql'])
  const refused = await complete(t, ['status'], { env: { DATABASE_URL: core.url } })
  t.equal(refused.code, 1)
  t.match(
    refused.stderr,
    /lacks 0 of our migrations and 1 of our fixtures; run "pigeonpost migrate"/,
  )
})

t.test('a fixture that fails leaves everything as it was', async (t) => {
  const core = await testDatabase(t)
  const { sql } = core
  // Of an earlier file, to be brought back; and a view that a later file cannot replace, since it would lose a column.
  await sql.unsafe(`
    drop trigger "000_guard" on pigeonpost.messages;
    drop view pigeonpost.ingest_batches;
    create view pigeonpost.ingest_batches as select 1 as other`)
  await outdate(core, '020_tenancy.sql')
  const before = [await ledger(core), await describeCatalog(sql)]
  const failed = await migrate(t, core)
  t.equal(failed.code, 1)
  t.match(failed.stderr, /^pigeonpost: cannot .* view/)
  t.strictSame([await ledger(core), await describeCatalog(sql)], before)
  t.equal((await migrate(t, core, '--check')).stdout, 'Would apply fixtures/020_tenancy.sql\n')
})

t.test('of two at once one migrates, and the other finds it done', async (t) => {
  const core = await testDatabase(t, { blank: true })
  const { sql } = core
  const holder = core.connect({ max: 1 })
  await holder`select pg_advisory_lock(1886416753)`
  const both = [1, 2].map(() => run(t, ['migrate'], { env: { DATABASE_URL: core.url } }))
  await waitFor(
    async () =>
      (
        await sql`
          select from pg_locks l join pg_stat_activity a on a.pid = l.pid
          where a.datname = current_database() and l.locktype = 'advisory' and not l.granted`
      ).count === 2,
    { what: 'both to wait' },
  )
  await holder`select pg_advisory_unlock(1886416753)`
  for (const { ended, output } of both) t.equal(await ended, 0, output.stderr)
  const [one = '', other = ''] = both
    .map(({ output }) => output.stdout)
    .toSorted((a, b) => b.length - a.length)
  t.match(one, lines('Applied'))
  t.equal(other, `Nothing to do: the schema is at ${committed.at(-1)}\n`)
})

t.test(
  'a table that is in use is waited for, and does not keep others from it for long',
  async (t) => {
    const core = await testDatabase(t)
    const { sql } = core
    await outdate(core, '020_tenancy.sql')
    const { ended, output } = await sql.begin(async (reader) => {
      await reader`select from pigeonpost.messages`
      const started = run(t, ['migrate'], { env: { DATABASE_URL: core.url } })
      await waitFor(async () => someoneWaits(sql, 'relation'), { what: 'it to wait' })
      await waitFor(() => started.output.stderr.includes('trying again'), {
        what: 'it to give way',
      })
      return started
    })
    t.equal(await ended, 0, output.stderr)
    t.equal(output.stdout, 'Applied fixtures/020_tenancy.sql\n')
  },
)

t.test('a database whose migrations are not ours is refused, and left alone', async (t) => {
  const core = await testDatabase(t)
  const { sql } = core
  const before = await describeCatalog(sql)
  const refused = async (hint: RegExp): Promise<void> => {
    for (const args of [[], ['--check']]) {
      const { code, stdout, stderr } = await migrate(t, core, ...args)
      t.equal(code, 1)
      t.equal(stdout, '')
      t.match(stderr, hint)
    }
    t.strictSame(await describeCatalog(sql), before)
  }
  await outdate(core, '020_tenancy.sql')

  await sql`insert into graphile_migrate.migrations (hash, previous_hash, filename)
    select 'sha1:later', hash, '000999.sql' from graphile_migrate.migrations order by filename desc limit 1`
  await refused(
    /^pigeonpost: DATABASE_URL: the database has migration 999, .*install that one\.\n$/,
  )

  await sql`delete from graphile_migrate.migrations`
  await sql`insert into graphile_migrate.migrations (hash, filename) values ('sha1:other', '000001.sql')`
  await refused(/^pigeonpost: .* from a pre-release .* Make a new database .*\n$/)
})

t.test('migrations hold what cannot be replaced, and nothing else', async (t) => {
  const replaceable = (text: string): string[] =>
    text.match(
      /\b(create|drop|alter)\s+(or\s+replace\s+)?(\w+\s+)?(function|procedure|trigger|view|policy)\s+\S+|\benable row level security\b|\b(grant|revoke)\b[^;\n]* on \S+/g,
    ) ?? []
  for (const name of committed) {
    const text = await readFile(join(migrationsFolder(), 'committed', name), 'utf8')
    const found = replaceable(text.replaceAll(/--.*$/gm, ''))
    const expected = 'create or replace function pigeonpost.uuid_v7()'
    // Once for each of the servers that it is for: the tables' defaults need it.
    t.strictSame(found, name.startsWith('000001') ? [expected, expected] : [])
    t.notMatch(text, '--!include')
  }
  for (const name of fixtures) {
    const text = await readFile(join(migrationsFolder(), 'fixtures', name), 'utf8')
    t.notMatch(
      text.replaceAll(/--.*$/gm, ''),
      /^ *create (table|sequence|(unique )?index)|^ *alter table .* (add|drop|alter) (column|constraint)/m,
      `${name} makes no table`,
    )
  }
})
