import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { startApi } from '../../../adapters/http/index.ts'
import { connect } from '../../../db/connect.ts'
import { createKey } from '../../../db/keys/create.ts'
import { startProviderServer } from '../../support/provider.ts'
import { startProxy } from '../../support/proxy.ts'
import { startPair } from '../../support/standby.ts'
import { waitFor } from '../../support/wait.ts'
import { addAccount } from './delivery/support.ts'

/** PIGEONPOST_TEST_PROMOTIONS=20 is what was measured; the suite makes fewer. */
const promotions = Number(process.env['PIGEONPOST_TEST_PROMOTIONS'] ?? 2)

async function startWorkerProcess(t: Test, url: string, provider: string): Promise<ChildProcess> {
  const { NODE_OPTIONS: _, ...env } = process.env
  const program = join(import.meta.dirname, 'delivery', 'worker-process.ts')
  const child = spawn(process.execPath, [program, url, provider, 'plain', '5000'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  await once(child.stdout ?? child, 'data')
  return child
}

t.test(
  'a standby is promoted under load: none is lost, none doubled, and the work goes on',
  async (t) => {
    const pair = await startPair(t)
    const proxy = await startProxy(t, pair.url())
    // What the test itself asks, past the proxy, of the current primary.
    const ask = async <T>(work: (sql: ReturnType<typeof connect>) => Promise<T>): Promise<T> => {
      const sql = connect(pair.url(), { max: 1, silenceMs: null })
      try {
        return await work(sql)
      } finally {
        await sql.end({ timeout: 1 })
      }
    }
    await ask(
      async (sql) =>
        sql`insert into pigeonpost.tenants (tenant_id) values (1) on conflict do nothing`,
    )
    const target = await ask(async (sql) => addAccount(sql, 'http'))
    const { key } = await ask(async (sql) => createKey(sql, { tenantId: 1, name: 'test' }))

    const taken = new Map<string, number>()
    const server = await startProviderServer(t, (body, response) => {
      const { id } = JSON.parse(body) as { id: string }
      taken.set(id, (taken.get(id) ?? 0) + 1)
      setTimeout(() => response.end(JSON.stringify({ id: `ext-${id}-${taken.get(id)}` })), 10)
    })
    const worker = await startWorkerProcess(t, proxy.url, server.url)
    const api = await startApi({
      url: proxy.url,
      host: '127.0.0.1',
      port: 0,
      auth: 'keys',
      logger: pino({ level: 'silent' }),
    })
    t.teardown(async () => api.close())

    const load = new AbortController()
    const sends: string[] = []
    const webhooks: string[] = []
    async function send(client: number): Promise<void> {
      for (let n = 0; !load.signal.aborted; n++) {
        const name = `${client}-${n}`
        const post = async (path: string, body: unknown) => {
          const response = await fetch(api.url + path, {
            method: 'POST',
            headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
            body: JSON.stringify(body),
          })
          const text = await response.text()
          return response.ok ? (JSON.parse(text) as { data: { id: string } }) : null
        }
        const sent = await post('/api/v1/messages', {
          to: `+2783${String(5_000_000 + (n % 50))}`,
          content: name,
          whatsappAccountId: target.accountId,
        })
        if (sent) sends.push(name)
        const stored = await post('/api/webhooks/fakechat', {
          platform: 'fakechat',
          user: { id: `+2783${String(4_000_000 + (n % 50))}` },
          message: { id: name, type: 'text', content: name, timestamp: 1733768400 },
        })
        if (stored) webhooks.push(name)
      }
    }
    const clients = Promise.all([1, 2, 3, 4].map(send))

    const seconds: number[] = []
    for (let n = 0; n < promotions; n++) {
      const before = taken.size
      await waitFor(() => taken.size > before + 20, { what: 'deliveries before the failover' })
      let goesOn: Promise<void> | undefined
      await pair.failOver((url) => {
        const promotedAt = performance.now()
        const takenThen = taken.size
        proxy.moveTo(url)
        goesOn = waitFor(() => taken.size > takenThen, {
          what: 'deliveries after the failover',
          every: 20,
        }).then(() => void seconds.push((performance.now() - promotedAt) / 1_000))
      })
      await goesOn
      t.equal(worker.exitCode, null, 'the worker lives')
    }
    load.abort()
    await clients
    t.comment(
      `deliveries go on ${seconds.map((s) => s.toFixed(1)).join(', ')} s after each promotion`,
    )

    const readAll = async () =>
      ask(
        async (sql) => sql<{ id: string; body: string; direction: string; status: string }[]>`
        select id, body, direction, status from pigeonpost.messages`,
      )
    await waitFor(
      async () =>
        (await readAll()).every(
          ({ direction, status }) => direction === 'inbound' || /^(sent|unknown)$/.test(status),
        ),
      { what: 'all to be sent or in doubt', every: 200 },
    )
    const rows = await readAll()
    const bodies = (direction: string) =>
      new Set(rows.filter((row) => row.direction === direction).map((row) => row.body))
    t.same(
      sends.filter((name) => !bodies('outbound').has(name)),
      [],
      `of ${sends.length} sends that were accepted none is lost`,
    )
    t.same(
      webhooks.filter((name) => !bodies('inbound').has(name)),
      [],
      `of ${webhooks.length} webhooks that were answered 200 none is lost`,
    )
    t.same(
      [...taken].filter(([, times]) => times > 1),
      [],
      'none was sent twice',
    )
    t.same(
      rows.filter(({ id, status }) => status === 'sent' && !taken.has(id)),
      [],
      'what is sent was taken',
    )
    const doubts = rows.filter(({ status }) => status === 'unknown').length
    t.comment(`${taken.size} taken, ${doubts} in doubt`)
  },
)
