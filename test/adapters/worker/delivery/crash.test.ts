import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { newFolder, startReady } from '../../../scripts/cli.ts'
import { waitFor } from '../../../support/wait.ts'
import { deliveryDatabase } from './support.ts'

const kills = [150, 400]
const count = 1_000

type Line = { message_id: string; external_message_id: string }

async function readJournal(data: string): Promise<Line[]> {
  const text = await readFile(join(data, 'fakechat', 'journal.jsonl'), 'utf8').catch(() => '')
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line)
}

t.test(
  'killed again and again in 1,000 sends, it loses no message and sends none twice',
  async (t) => {
    const { url, sql } = await deliveryDatabase(t)
    const data = await newFolder(t)
    // By a URL that "start" cannot take for the one of its own embedded database.
    const owner = new URL(url)
    owner.username = `owner_${owner.pathname.slice(1)}`
    owner.password = ''
    await sql.unsafe(`create role ${owner.username} login superuser`)
    const env = { DATABASE_URL: owner.href, LOG_LEVEL: 'error' }
    let running = await startReady(t, data, env)
    await sql`
    insert into pigeonpost.messages (tenant_id, channel, direction, address, body)
    select 1, 'fakechat', 'outbound', '+1777' || lpad((n % 20)::text, 7, '0'), 'message ' || n
    from generate_series(1, ${count}) n`

    for (const kill of kills) {
      await waitFor(async () => (await readJournal(data)).length >= kill, {
        what: `${kill} messages to be acknowledged`,
        every: 2,
      })
      running.child.kill('SIGKILL')
      await running.ended
      // What its connections were doing ends with them.
      await waitFor(
        async () => {
          const rows = await sql`
          select from pg_stat_activity
          where datname = current_database() and application_name like 'pigeonpost %'`
          return rows.length === 0
        },
        { what: 'its connections to be gone' },
      )
      // As if the lease, 30 s, were over.
      await sql`update pigeonpost.outbox set due_at = now() where state = 'sending'`
      await sql`
      update pigeonpost_private.account_wakeups set due_at = now(), leased_until = now()
      where leased_until is not null`
      const [left] = await sql<{ queued: number }[]>`
      select count(*) as queued from pigeonpost.outbox where state = 'queued'`
      t.ok((left?.queued ?? 0) > 0, `killed with ${left?.queued} to go`)
      running = await startReady(t, data, env)
    }

    const statuses = async () => {
      const rows = await sql<{ status: string; count: number }[]>`
      select status, count(*) from pigeonpost.messages group by status`
      return Object.fromEntries(rows.map((row) => [row.status, row.count]))
    }
    await waitFor(
      async () => {
        const { unknown = 0, read = 0 } = await statuses()
        return unknown + read === count
      },
      { what: 'all messages to be read, or unknown', timeout: 600_000, every: 100 },
    ).catch(async (error: unknown) => {
      t.comment(await statuses())
      throw error
    })
    const journal = await readJournal(data)
    const acknowledged = new Set(journal.map((line) => line.message_id))
    t.equal(acknowledged.size, journal.length, 'none was acknowledged twice')
    const { unknown = 0, ...others } = await statuses()
    t.same(Object.keys(others), ['read'], 'every other was read')
    // Ten under way and ten being recorded, or what the provider takes in 50 ms.
    t.ok(unknown <= kills.length * 120, `${unknown} are in doubt`)
    const unsent = await sql<{ id: string }[]>`
    select id from pigeonpost.messages where status = 'read' and id <> all (${[...acknowledged]}::uuid[])`
    t.same([...unsent], [], 'what is read was acknowledged')
    running.child.kill('SIGTERM')
    t.equal(await running.ended, 0)
  },
)
