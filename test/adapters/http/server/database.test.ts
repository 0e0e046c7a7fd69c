import t from 'tap'
import { errorOf, testApi } from '../support/api.ts'

const message = { to: '+27831234567', content: 'hello' }

t.test('while the database takes no writes, sends are to come again', async (t) => {
  const { sql, database, post, get } = await testApi(t, { own: true })
  await sql`
    insert into pigeonpost.accounts (tenant_id, channel, address, provider)
    values (1, 'whatsapp', '+27830000000', 'fakechat')`
  const readOnly = async (on: boolean) => {
    // A session of the pool may be a new one, and read-only by now.
    await sql.begin('read write', async (tx) =>
      tx.unsafe(`alter database ${database.name} set default_transaction_read_only = ${on}`),
    )
    await sql`
      select pg_terminate_backend(pid, 60000) from pg_stat_activity
      where datname = ${database.name} and pid <> pg_backend_pid() and application_name <> 'test'`
  }
  await readOnly(true)
  const refused = await post('/api/v1/messages', message)
  t.equal(refused.status, 503)
  t.equal(errorOf(t, refused).code, 'database_read_only')
  t.equal(refused.headers.get('retry-after'), '1')
  const ready = await get('/health/ready')
  t.equal(ready.status, 503)
  t.match(ready.body.details, [{ field: 'database', message: 'The database takes no writes' }])

  await readOnly(false)
  t.equal((await post('/api/v1/messages', message)).status, 202)
  t.equal((await get('/health/ready')).status, 200)
})

t.test('a full disk is said so, and it is not ready', async (t) => {
  const { sql, post, get } = await testApi(t, { own: true })
  await sql`
    insert into pigeonpost.accounts (tenant_id, channel, address, provider)
    values (1, 'whatsapp', '+27830000000', 'fakechat')`
  t.equal((await get('/health/ready')).status, 200)
  // Postgres's own error, where a real disk would raise it.
  await sql.unsafe(`
    create function pigeonpost.full_disk() returns trigger language plpgsql as
    $$ begin raise exception 'could not extend file' using errcode = '53100'; end $$;
    create trigger full_disk before insert on pigeonpost.customers execute function pigeonpost.full_disk()`)
  const refused = await post('/api/v1/messages', message)
  t.equal(refused.status, 507)
  t.equal(errorOf(t, refused).code, 'database_full')
  t.ok(Number(refused.headers.get('retry-after')) > 0)
  t.notMatch(
    JSON.stringify(refused.body),
    /extend file/,
    'the database’s own words are for the log',
  )
  const ready = await get('/health/ready')
  t.equal(ready.status, 503)
  t.match(ready.body.details, [{ message: 'The database has no room left' }])
  await sql`drop trigger full_disk on pigeonpost.customers`
})

t.test('serializable and German by default, it sends as ever', async (t) => {
  const { sql, database, post } = await testApi(t, { own: true })
  await sql`
    insert into pigeonpost.accounts (tenant_id, channel, address, provider)
    values (1, 'whatsapp', '+27830000000', 'fakechat')`
  for (const setting of ['default_transaction_isolation = serializable', 'datestyle = german']) {
    await sql.unsafe(`alter database ${database.name} set ${setting}`)
  }
  await sql`
    select pg_terminate_backend(pid, 60000) from pg_stat_activity
    where datname = ${database.name} and pid <> pg_backend_pid() and application_name <> 'test'`
  const answers = await Promise.all(
    Array.from({ length: 60 }, async (_, n) =>
      post('/api/v1/messages', { ...message, to: `+2783123${String(4_000 + (n % 5))}` }),
    ),
  )
  t.same(
    answers.map(({ status }) => status).filter((status) => status !== 202),
    [],
  )
  const [stored] = await sql<{ count: number }[]>`
    select count(*)::integer as count from pigeonpost.messages`
  t.equal(stored?.count, 60)
})
