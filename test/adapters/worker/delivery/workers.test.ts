import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Sql } from '../../../../db/connect.ts'
import { startProviderServer } from '../../../support/provider.ts'
import { waitFor } from '../../../support/wait.ts'
import { deliveryDatabase } from './support.ts'

/** PIGEONPOST_TEST_SENDS=5000 is the whole campaign; the suite sends fewer. */
const count = Number(process.env['PIGEONPOST_TEST_SENDS'] ?? 1_000)
const accounts = 3
const leaseMs = 3_000
const kills = 4

async function startProcess(url: string, provider: string, keyed: boolean): Promise<ChildProcess> {
  const { NODE_OPTIONS: _, ...env } = process.env
  const child = spawn(
    process.execPath,
    [
      join(import.meta.dirname, 'worker-process.ts'),
      url,
      provider,
      keyed ? 'keyed' : 'plain',
      String(leaseMs),
    ],
    { env, stdio: ['ignore', 'pipe', 'inherit'] },
  )
  await once(child.stdout ?? child, 'data')
  return child
}

async function statuses(sql: Sql): Promise<Record<string, number>> {
  const rows = await sql<{ status: string; count: number }[]>`
    select status, count(*) from pigeonpost.messages group by status`
  return Object.fromEntries(rows.map((row) => [row.status, row.count]))
}

/**
 * Three workers, one of which is killed each time that the provider has taken a fifth more, and comes back; until all is
 * settled.
 */
async function campaign(
  t: Test,
  sql: Sql,
  url: string,
  { provider, keyed, taken }: { provider: string; keyed: boolean; taken: Map<string, number> },
) {
  const running = await Promise.all(
    Array.from({ length: 3 }, async () => startProcess(url, provider, keyed)),
  )
  try {
    for (let kill = 1; kill <= kills; kill++) {
      await waitFor(() => taken.size >= (count * kill) / (kills + 1), {
        what: `${kill} fifths to be taken`,
        every: 5,
      })
      const turn = kill % running.length
      running[turn]?.kill('SIGKILL')
      running[turn] = await startProcess(url, provider, keyed)
    }
    await waitFor(
      async () => {
        const { sent = 0, unknown = 0 } = await statuses(sql)
        return sent + unknown === count
      },
      { what: 'all to be sent or in doubt', timeout: 600_000, every: 100 },
    )
  } catch (error) {
    t.comment(await statuses(sql))
    throw error
  } finally {
    for (const child of running) child.kill('SIGKILL')
  }
  t.comment(`${kills} kills`, await statuses(sql))
}

for (const keyed of [true, false]) {
  const title = keyed
    ? 'killed at any moment, three workers lose none and double none where a key is taken'
    : 'killed at any moment, three workers double none, and every doubt is unknown'
  t.test(title, { timeout: 850_000 }, async (t) => {
    const { url, sql } = await deliveryDatabase(t)
    const taken = new Map<string, number>()
    const keys = new Map<string, string>()
    const server = await startProviderServer(t, (body, response, request) => {
      const { id } = JSON.parse(body) as { id: string }
      const key = String(request.headers['idempotency-key'])
      const known = keys.get(key)
      if (!keyed || known === undefined) taken.set(id, (taken.get(id) ?? 0) + 1)
      const answer = known ?? `ext-${id}-${taken.get(id) ?? 0}`
      keys.set(key, answer)
      // Long enough that a kill finds some of them taken and not recorded.
      setTimeout(() => response.end(JSON.stringify({ id: answer })), 10)
    })
    await sql`
      insert into pigeonpost.accounts (tenant_id, channel, address, provider, rate_per_minute, daily_limit)
      select 1, 'whatsapp', '+1555000000' || n, 'http', null, null from generate_series(1, ${accounts}) n`
    await sql`
      insert into pigeonpost.messages (tenant_id, account_id, channel, direction, address, body)
      select 1, a.id, 'whatsapp', 'outbound', '+1777' || lpad((n % 20)::text, 7, '0'), 'message ' || n
      from generate_series(1, ${count}) n
      join (select id, row_number() over (order by id) as k from pigeonpost.accounts) a on a.k = n % ${accounts} + 1`
    await campaign(t, sql, url, { provider: server.url, keyed, taken })

    const doubled = [...taken].filter(([, times]) => times > 1)
    t.same(doubled, [], 'none was taken twice')
    const rows = await sql<{ id: string; status: string }[]>`
      select id, status from pigeonpost.messages`
    const lost = rows.filter((row) => row.status === 'sent' && !taken.has(row.id))
    t.same(lost, [], 'what is sent was taken')
    const { unknown = 0 } = await statuses(sql)
    if (keyed) {
      t.equal(taken.size, count, 'none was lost')
      t.equal(unknown, 0, 'none is in doubt')
    } else {
      const [row] = await sql<{ count: number }[]>`
        select count(*) from pigeonpost.delivery_attempts where outcome = 'unknown' and error_code = 'lease_expired'`
      t.equal(row?.count, unknown, 'every doubt is one that a kill left')
      t.ok(taken.size + unknown >= count, 'none was lost')
    }
  })
}
