import t from 'tap'
import { testDatabase } from '../support/database.ts'
import { complete } from './cli.ts'

t.test('replay takes in what failed, doubles nothing, and tells what still fails', async (t) => {
  const { url, sql } = await testDatabase(t)
  const pigeonpost = async (...args: string[]) => complete(t, args, { env: { DATABASE_URL: url } })
  const inbox = () =>
    sql`select id, status, attempts, error_code, processed_at from pigeonpost.webhook_inbox order by received_at`
  const messages = () => sql`select body from pigeonpost.messages order by number`
  await sql`insert into pigeonpost.tenants (tenant_id) values (1)`
  const keep = async (body: string, error: string) => {
    const [row] = await sql<{ id: string }[]>`
      insert into pigeonpost.webhook_inbox (tenant_id, channel, path, body, status, error_code, error_field, error_message, attempts)
      values (1, 'fakechat', '/api/webhooks/fakechat', ${Buffer.from(body)}, 'failed', ${error}, 'body', 'as it was', 1)
      returning id`
    return row?.id ?? ''
  }
  // As if this version could read what the one before could not.
  const good = await keep(
    JSON.stringify({
      platform: 'fakechat',
      user: { id: '+27831234567' },
      message: { id: 'late', type: 'text', content: 'Better late', timestamp: 1733768400 },
    }),
    'payload_unreadable',
  )
  const bad = await keep('{"platform": "fakechat"', 'json_malformed')

  t.match(await pigeonpost('replay'), { code: 2, stderr: /give ids, or say which/ })
  t.match(await pigeonpost('replay', good, '--all'), { code: 2, stderr: /not both/ })
  const dry = await pigeonpost('replay', '--all', '--dry-run')
  t.match(dry, {
    code: 0,
    stdout: new RegExp(`${good} .*payload_unreadable[^]*${bad}[^]*2 webhooks`),
  })
  t.same([...(await messages())], [], 'and stores nothing')

  const first = await pigeonpost('replay', '--channel', 'fakechat')
  t.match(first, {
    code: 1,
    stdout: `${bad}  json_malformed: `,
    stderr: 'pigeonpost: 1 of 2 failed again\n',
  })
  t.match(first.stdout, /2 replayed: 1 processed, 1 failed, 1 messages stored\n$/)
  t.same([...(await messages())], [{ body: 'Better late' }])
  t.match(await inbox(), [
    { id: good, status: 'processed', attempts: 2, error_code: null, processed_at: Date },
    { id: bad, status: 'failed', attempts: 2, error_code: 'json_malformed' },
  ])

  const again = await pigeonpost('replay', good, '--json')
  t.equal(again.code, 0, again.stderr)
  t.same(JSON.parse(again.stdout), {
    replayed: [{ id: good, status: 'processed', stored: 0, duplicates: 1, error: null }],
  })
  t.equal((await messages()).length, 1)
  t.equal((await inbox()).length, 2)
  t.match(await pigeonpost('replay', '--all', '--tenant', '2'), { code: 0, stdout: /^0 replayed/ })
  t.match(await pigeonpost('replay', '0193a1b2-0000-7000-8000-000000000001'), {
    code: 1,
    stderr: /has no webhook/,
  })
})

t.test('a webhook that nobody needs is dismissed, and can still be replayed', async (t) => {
  const { url, sql } = await testDatabase(t)
  const pigeonpost = async (...args: string[]) => complete(t, args, { env: { DATABASE_URL: url } })
  await sql`insert into pigeonpost.tenants (tenant_id) values (1)`
  const body = '{"platform": "fakechat"'
  const keep = async (path: string) =>
    (
      await sql<{ id: string }[]>`
        insert into pigeonpost.webhook_inbox (tenant_id, channel, path, body, status, error_code)
        values (1, 'fakechat', ${path}, ${Buffer.from(body)}, 'failed', 'json_malformed') returning id`
    )[0]?.id ?? ''
  const one = await keep('/api/webhooks/fakechat')
  const other = await keep('/api/webhooks/fakechat?2')
  const statuses = async () =>
    (
      await sql<
        { status: string }[]
      >`select status from pigeonpost.webhook_inbox order by received_at`
    ).map(({ status }) => status)

  t.match(await pigeonpost('replay', '--dismiss', '--all', '--processed'), { code: 2 })
  t.match(await pigeonpost('replay', '--dismiss', '--all', '--dry-run'), {
    code: 0,
    stdout: /2 webhooks\n$/,
  })
  t.same(await statuses(), ['failed', 'failed'])
  t.match(await pigeonpost('replay', '--dismiss', one), { code: 0, stdout: '1 dismissed\n' })
  t.same(await statuses(), ['dismissed', 'failed'])
  const again = await pigeonpost('replay', '--dismiss', one, other, '--json')
  t.same(JSON.parse(again.stdout), { dismissed: [other] }, 'only those that were not')
  t.match(await pigeonpost('status', '--json'), { code: 0, stdout: /"inboxFailures": ?0/ })
  t.match(await pigeonpost('replay', '--all'), { code: 0, stdout: /^0 replayed/ })

  // It fails again, and stays dismissed: a provider that repeats it does not bring it back.
  t.match(await pigeonpost('replay', one), { code: 1 })
  t.same(await statuses(), ['dismissed', 'dismissed'])
  t.match(
    await sql`select attempts, processed_at from pigeonpost.webhook_inbox where id = ${one}`,
    [{ attempts: 1, processed_at: Date }],
  )
})

t.test('prune counts, deletes, and tells of what', async (t) => {
  const { url, sql } = await testDatabase(t)
  const pigeonpost = async (...args: string[]) => complete(t, args, { env: { DATABASE_URL: url } })
  await sql`insert into pigeonpost.tenants (tenant_id) values (1), (2)`
  await sql`
    insert into pigeonpost.parked_updates (tenant_id, channel, external_message_id, "update", created_at)
    select tenant, 'x', n::text, '{}', now() - interval '31 days' from generate_series(1, 2) tenant cross join generate_series(1, 3) n`
  const left = async () => (await sql`select from pigeonpost.parked_updates`).length
  t.match(await pigeonpost('prune', '--dry-run'), {
    code: 0,
    stdout:
      'tenant 1  parked_updates  3 older than 30 days\ntenant 2  parked_updates  3 older than 30 days\n6 rows would be deleted\n',
  })
  t.equal(await left(), 6)
  const json = await pigeonpost('prune', '--tenant', '2', '--json')
  t.equal(json.code, 0, json.stderr)
  t.match(
    JSON.parse(json.stdout).pruned.filter((one: { pruned: number }) => one.pruned > 0),
    [{ tenantId: 2, kind: 'parked_updates', days: 30, pruned: 3 }],
  )
  t.equal(await left(), 3)
  t.match(await pigeonpost('prune'), { code: 0, stdout: /3 rows deleted\n$/ })
  t.equal(await left(), 0)
})
