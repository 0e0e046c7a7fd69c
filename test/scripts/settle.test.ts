import t, { type Test } from 'tap'
import { testDatabase } from '../support/database.ts'
import { complete } from './cli.ts'

async function database(t: Test) {
  const { url, sql } = await testDatabase(t)
  const pigeonpost = async (...args: string[]) => complete(t, args, { env: { DATABASE_URL: url } })
  const store = async (status: string, row: Record<string, unknown> = {}) => {
    const full = {
      tenant_id: 1,
      channel: 'sms',
      direction: 'outbound',
      address: '+27831234567',
      body: 'x',
      ...row,
    }
    const [stored] = await sql`insert into pigeonpost.messages ${sql(full)} returning id, number`
    const id = String(stored?.['id'])
    if (status !== 'queued')
      await sql`update pigeonpost.messages set status = ${status} where id = ${id}`
    return { id, number: String(stored?.['number']) }
  }
  const statuses = async () =>
    (await sql`select status from pigeonpost.messages order by number`).map((row) => row['status'])
  return { sql, pigeonpost, store, statuses }
}

t.test(
  'retry queues by id and by filter, tries out first, and tells what it did not',
  async (t) => {
    const { sql, pigeonpost, store, statuses } = await database(t)
    const [one, two, three] = [await store('failed'), await store('failed'), await store('failed')]
    const read = await store('read')
    await sql`update pigeonpost.messages set error_code = 'busy' where id in (${two.id}, ${three.id})`

    const named = await pigeonpost('retry', one.number, read.id)
    t.equal(named.code, 1)
    t.match(named.stdout, `1 queued again\n${read.id}  is read\n`)
    t.match(named.stderr, /^pigeonpost: 1 of 2 could not be changed\n$/)
    t.same(await statuses(), ['queued', 'failed', 'failed', 'read'])

    const dry = await pigeonpost('retry', '--status', 'failed', '--error-code', 'busy', '--dry-run')
    t.equal(dry.code, 0, dry.stderr)
    t.equal(
      dry.stdout,
      `${two.id}  #${two.number}  failed (busy)\n${three.id}  #${three.number}  failed (busy)\n2 messages\n`,
    )
    t.same(await statuses(), ['queued', 'failed', 'failed', 'read'], 'and changed nothing')

    const some = await pigeonpost(
      'retry',
      '--channel',
      'sms',
      '--since',
      '1h',
      '--limit',
      '1',
      '--json',
    )
    t.equal(some.code, 0, some.stderr)
    t.match(JSON.parse(some.stdout), {
      changed: [{ id: two.id, previousStatus: 'failed', status: 'queued' }],
      unchanged: [],
      more: true,
    })
    const all = await pigeonpost('retry', '--all')
    t.match(all, { code: 0, stdout: '1 queued again\n' })
    t.same(await statuses(), ['queued', 'queued', 'queued', 'read'])
    t.match(await pigeonpost('retry', '--all', '--tenant', '2'), {
      code: 0,
      stdout: '0 queued again\n',
    })
  },
)

t.test('cancel takes back a campaign', async (t) => {
  const { pigeonpost, store, statuses } = await database(t)
  await store('queued', { campaign_id: 'spring' })
  await store('queued', { campaign_id: 'spring', scheduled_for: new Date(Date.now() + 3_600_000) })
  await store('sent', { campaign_id: 'spring' })
  await store('queued')
  t.match(await pigeonpost('cancel', '--campaign', 'spring', '--all'), {
    code: 0,
    stdout: '2 canceled\n',
  })
  t.same(await statuses(), ['canceled', 'canceled', 'sent', 'queued'])
})

t.test('resolve settles one message, once', async (t) => {
  const { sql, pigeonpost, store, statuses } = await database(t)
  const [one, two, three] = [await store('unknown'), await store('unknown'), await store('unknown')]
  t.match(await pigeonpost('resolve', one.number, '--sent', '--external-id', 'SM1'), {
    code: 0,
    stdout: `${one.id}  sent\n`,
  })
  t.match(await pigeonpost('resolve', two.id, '--failed'), {
    code: 0,
    stdout: `${two.id}  failed\n`,
  })
  const json = await pigeonpost('resolve', three.id, '--queue', '--json')
  t.match(JSON.parse(json.stdout), { id: three.id, previousStatus: 'unknown', status: 'queued' })
  t.same(await statuses(), ['sent', 'failed', 'queued'])
  const [row] = await sql`select external_message_id from pigeonpost.messages where id = ${one.id}`
  t.equal(row?.['external_message_id'], 'SM1')
  const again = await pigeonpost('resolve', one.number, '--failed')
  t.match(again, { code: 1, stderr: `pigeonpost: message ${one.number} is sent\n` })
})

t.test('wrong usage of them exits with 2 and names what is wrong', async (t) => {
  const cases: [string[], RegExp][] = [
    [['retry'], /^pigeonpost: give ids, or select messages/],
    [['retry', '7', '--all'], /not both/],
    [['retry', 'x'], /number or a uuid/],
    [['retry', '--status', 'unknown'], /Allowed choices are failed/],
    [['retry', '--since', 'yesterday'], /--since.*ISO|Give a time/],
    [['cancel', '--status', 'sending'], /Allowed choices are scheduled, queued, retrying/],
    [['resolve', '7'], /--sent, --failed or --queue/],
    [['resolve', '7', '--sent', '--failed'], /cannot be used with/],
    [['resolve', '7', '--failed', '--external-id', 'x'], /goes with --sent/],
  ]
  for (const [args, message] of cases) {
    await t.test(args.join(' '), async (t) => {
      const { code, stderr, stdout } = await complete(t, args)
      t.equal(code, 2)
      t.match(stderr, message)
      t.equal(stdout, '')
    })
  }
})

t.test('status tells of each account, as a table and as JSON', async (t) => {
  const { pigeonpost, store } = await database(t)
  await store('queued')
  await store('read')
  await store('failed')
  const { code, stdout, stderr } = await pigeonpost('status')
  t.equal(code, 0, stderr)
  t.match(stdout, /^delivered +50\.0 %/m)
  t.match(stdout, /^account +tenant +channel .*sent\/min$/m)
  t.match(stdout, /^[0-9a-f-]{36} +1 +sms +- +connected +none +1 +\d+ s +0 +0 +0 +1 +1 +0 +1$/m)
  const json = await pigeonpost('status', '--json')
  t.match(JSON.parse(json.stdout), {
    messages: {
      total: 3,
      outbound: { queued: 1, read: 1, failed: 1 },
      deliveryRate: 0.5,
      readRate: 1,
    },
    accounts: [{ channel: 'sms', waiting: 1, completed: 1, failed: 1, sentPerMinute: 1 }],
  })
})
