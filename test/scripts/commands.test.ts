import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { connect } from '../../db/connect.ts'
import { prepareFirstRun } from '../../db/first-run.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { waitFor } from '../support/wait.ts'
import { complete, newFolder, run } from './cli.ts'

const commands = [
  'start',
  'migrate',
  'api',
  'worker',
  'status',
  'tail',
  'history',
  'send',
  'retry',
  'resolve',
  'cancel',
  'replay',
  'prune',
]

t.test('every command explains itself', async (t) => {
  await Promise.all(
    [...commands, 'media move', 'media sweep', 'media rescan'].map(async (command) => {
      const { code, stdout, stderr } = await complete(t, [...command.split(' '), '--help'])
      t.equal(code, 0, command)
      t.equal(stderr, '')
      for (const part of ['Environment:', 'Examples:', 'Exit codes:', 'LOG_LEVEL', '--json']) {
        t.match(stdout, part, `${command} --help tells of ${part}`)
      }
    }),
  )
})

t.test('wrong usage exits with 2 and names what is wrong', async (t) => {
  const cases: [string[], RegExp][] = [
    [[], /Usage: pigeonpost/],
    [['strat'], /^pigeonpost: unknown command 'strat'/],
    [['start', '--prot', '1'], /^pigeonpost: unknown option '--prot'/],
    [['start', 'now'], /^pigeonpost: too many arguments/],
    [['send', '--to', '+27831234567'], /^pigeonpost: required option '--body <text>'/],
    [['send', '--to', 'x', '--body', 'y', '--tenant', '0'], /--tenant.*whole number from 1 to/],
    [['send', '--to', 'x', '--body', 'y', '--account', 'z'], /--account.*uuid/],
    [['tail', '--after', 'yesterday'], /--after.*whole number from 0/],
  ]
  await Promise.all(
    cases.map(async ([args, message]) => {
      const { code, stdout, stderr } = await complete(t, args)
      t.equal(code, 2, args.join(' '))
      t.match(stderr, message)
      t.equal(stdout, '')
    }),
  )
})

t.test('without a database a command says what to do', async (t) => {
  const folder = await newFolder(t)
  const env = { PIGEONPOST_DATA: folder }
  const none = await complete(t, ['status'], { env })
  t.equal(none.code, 1)
  t.match(
    none.stderr,
    /^pigeonpost: DATABASE_URL is not set, .*env; set DATABASE_URL .*pigeonpost start.*\n$/,
  )

  await writeFile(
    join(folder, 'env'),
    `export DATABASE_URL='postgres://user:hunter2@127.0.0.1:1/app'\n`,
  )
  const stopped = await complete(t, ['status'], { env })
  t.equal(stopped.code, 1)
  t.match(
    stopped.stderr,
    /^pigeonpost: DATABASE_URL is not set.*does not answer.*run "pigeonpost start".*\n$/,
  )
  t.notMatch(stopped.stderr, 'hunter2')
})

t.test('migrate says what it did, and the second time changes nothing', async (t) => {
  const { url, sql } = await testDatabase(t, { blank: true })
  const env = { DATABASE_URL: url }
  for (const command of ['api', 'worker']) {
    const early = await complete(t, [command], { env: { ...env, PORT: '0' } })
    t.equal(early.code, 1)
    t.match(
      early.stderr,
      /^pigeonpost: DATABASE_URL: .* lacks .*; run "pigeonpost migrate" first\n$/,
    )
  }
  const first = await complete(t, ['migrate'], { env })
  t.equal(first.code, 0, first.stderr)
  t.match(first.stdout, /^Applied 000001-schema\.sql$/m)
  const catalog = async () =>
    (
      await sql`
    select md5(string_agg(c::text, ',' order by c::text)) as sum from (
      select oid, xmin, relname from pg_class union all select oid, xmin, proname from pg_proc
      union all select 0, xmin, filename from graphile_migrate.migrations) c`
    )[0]?.['sum']
  const before = await catalog()
  const second = await complete(t, ['migrate'], { env })
  t.equal(second.code, 0)
  t.match(second.stdout, /^Nothing to do: the schema is at \d{6}-.*\n$/)
  t.equal(await catalog(), before)
})

t.test('tail prints each event as it happens, and bodies only when asked', async (t) => {
  const database = await testDatabase(t)
  const env = { DATABASE_URL: database.url }
  await insert(database, 'before', 'an old secret')

  const live = run(t, ['tail'], { env })
  const json = run(t, ['tail', '--json', '--bodies', '--type', 'message.*'], { env })
  await waitFor(
    async () =>
      (
        await database.sql`
        select from pg_stat_activity
        where datname = ${database.name} and query ilike 'listen%'`
      ).count === 2,
    { what: 'both to listen' },
  )
  await insert(database, 'abc123', 'a secret\u009b31m')
  await waitFor(() => live.output.stdout.includes('message.inbound.created'), { what: 'the event' })
  await waitFor(() => json.output.stdout.includes('\n'), { what: 'the event as JSON' })
  for (const { child, ended } of [live, json]) {
    child.kill('SIGINT')
    t.equal(await ended, 0)
  }
  t.match(live.output.stdout, /^\d{4}-\S+Z #\d+ message\.inbound\.created .*direction=inbound/m)
  t.notMatch(live.output.stdout, 'secret')
  const lines = json.output.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.match(lines, [{ type: 'message.inbound.created', payload: { body: 'a secret\u009b31m' } }])
  t.equal(lines.length, 1, 'only the type that was asked for, and nothing from before')

  const again = ['tail', '--after', '0', '--type', 'message.inbound.created', '--limit', '2']
  const both = await complete(t, [...again, '--bodies'], { env })
  t.equal(both.code, 0)
  t.match(both.stdout, /body="an old secret"\n.*body="a secret\\u009b31m"\n$/)
  const lean = await complete(t, [...again, '--json'], { env })
  t.notMatch(lean.stdout, 'secret')
})

t.test('tail ends quietly when its reader goes away', async (t) => {
  const database = await testDatabase(t)
  await insert(database, 'abc123', 'Hello')
  const { child, ended, output } = run(t, ['tail', '--after', '0'], {
    env: { DATABASE_URL: database.url },
  })
  child.stdout?.destroy()
  // Whatever it writes next breaks the pipe.
  await waitFor(
    async () => {
      await insert(database, `m${Math.random()}`, 'Hello')
      return child.exitCode !== null
    },
    { what: 'tail to end' },
  )
  t.equal(await ended, 0)
  t.equal(output.stderr, '')
})

t.test('api and worker serve together, and send follows a message to its end', async (t) => {
  const { env, sql } = await prepared(t)
  const api = run(t, ['api'], { env })
  const worker = run(t, ['worker'], { env })
  const listening = await waitFor(() => /listens on (\S+)/.exec(api.output.stdout), {
    what: 'the API',
  })
  await waitFor(() => worker.output.stdout.includes('The worker runs'), { what: 'the worker' })
  t.equal((await fetch(`${listening[1]}/health/ready`)).status, 200)

  const base = ['send', '--to', '+27 83 123 4567', '--body']
  const read = await complete(t, [...base, 'Hello', '--wait'], { env })
  t.equal(read.code, 0, read.stderr)
  t.match(read.stdout, /^\S{36} {2}queued\n(\S{36} {2}\w+\n)*\S{36} {2}read\n$/)
  t.match(await sql`select address, status from pigeonpost.messages where body = 'Hello'`, [
    { address: '+27831234567', status: 'read' },
  ])
  const failed = await complete(t, [...base, '#fail', '--wait', '--json'], { env })
  t.equal(failed.code, 1)
  t.match(JSON.parse(failed.stdout), { status: 'failed', error_code: 'recipient_unreachable' })
  t.match(
    failed.stderr,
    /^pigeonpost: the message ended as failed \(recipient_unreachable: .*\)\n$/,
  )

  const status = await complete(t, ['status', '--json'], { env })
  t.equal(status.code, 0, status.stderr)
  t.doesNotThrow(() => JSON.parse(status.stdout))
  t.match((await complete(t, ['status'], { env })).stdout, /read +1$/m)
  t.match((await complete(t, ['status'], { env })).stdout, /^files +none waits$/m)
  await sql`
    insert into pigeonpost_private.media_tasks (tenant_id, kind, subject, attempts, created_at, due_at)
    values (1, 'scan', 'a', 3, now() - interval '1 hour', now() + interval '1 hour')`
  const waiting = await complete(t, ['status'], { env })
  t.match(waiting.stdout, /^files +1 to be scanned \(for 36\d\d s\)$/m)

  for (const { child, ended, output } of [api, worker]) {
    child.kill('SIGTERM')
    t.equal(await ended, 0, output.stderr)
  }
})

t.test('send says which message waits, and why one cannot be sent', async (t) => {
  const { env, sql } = await prepared(t)
  const send = async (...args: string[]) =>
    complete(t, ['send', '--body', 'Hello', ...args], { env })
  const to = ['--to', '+27831234567']
  const [waits, queued, phone, channel, account, tenant] = await Promise.all([
    send(...to, '--wait', '--timeout', '1'),
    send(...to, '--json'),
    send('--to', '12'),
    send(...to, '--channel', 'pigeon'),
    send(...to, '--account', '00000000-0000-7000-8000-000000000000'),
    send(...to, '--tenant', '7'),
  ])
  t.equal(waits.code, 1)
  t.match(waits.stderr, /^pigeonpost: the message is still queued after 1 s.*worker.*\n$/)
  t.equal(queued.code, 0)
  t.match(JSON.parse(queued.stdout), { status: 'queued', channel: 'fakechat' })
  const wrong: [typeof waits, RegExp][] = [
    [phone, /^pigeonpost: --to: "12" is no phone number; give it in E\.164 format/],
    [channel, /^pigeonpost: --channel: tenant 1 has no account of "pigeon"; it has fakechat/],
    [account, /^pigeonpost: --account: tenant 1 has no account 0/],
    [tenant, /^pigeonpost: --tenant: tenant 7 has no account/],
  ]
  for (const [{ code, stderr }, message] of wrong) {
    t.equal(code, 1)
    t.match(stderr, message)
  }
  t.equal((await sql`select from pigeonpost.messages`).count, 2, 'only what was queued is there')

  await sql`insert into pigeonpost.accounts (tenant_id, channel) values (1, 'sms')`
  const which = await send(...to)
  t.equal(which.code, 1)
  t.match(which.stderr, /--channel: tenant 1 has 2 accounts; name a channel \(fakechat, sms\)/)
  t.equal((await send(...to, '--channel', 'fakechat')).code, 0)
})

async function prepared(t: Test) {
  const { url, sql } = await testDatabase(t)
  const ours = connect(url, { max: 1 })
  await prepareFirstRun(ours, undefined)
  await ours.end()
  const folder = await newFolder(t)
  return { env: { DATABASE_URL: url, PORT: '0', PIGEONPOST_DATA: folder }, sql }
}

async function insert({ sql }: TestDatabase, id: string, body: string): Promise<void> {
  await sql`
    insert into pigeonpost.messages (tenant_id, channel, direction, address, external_message_id, body)
    values (1, 'fakechat', 'inbound', '+27831234567', ${id}, ${body})`
}
