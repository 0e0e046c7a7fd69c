import { pino } from 'pino'
import t from 'tap'
import { startApi } from '../../../adapters/http/index.ts'
import { startWorker } from '../../../adapters/worker/worker.ts'
import { noPooler, startPooler, through } from '../../support/pooler.ts'
import { waitFor } from '../../support/wait.ts'
import { scripted, silent } from '../worker/delivery/support.ts'
import { example, testApi } from './support/api.ts'

t.test(
  'behind a transaction pooler every webhook that is answered 200 is stored',
  { skip: noPooler },
  async (t) => {
    const { database, sql, key } = await testApi(t, { own: true })
    const pooler = await startPooler(database.url)
    t.teardown(async () => pooler.stop())
    const url = through(pooler, database.url)
    const provider = scripted()
    const worker = await startWorker({
      url,
      directUrl: database.url,
      logger: silent,
      providers: new Map([[provider.name, provider]]),
    })
    t.teardown(async () => worker.stop())
    const api = await startApi({
      url,
      directUrl: database.url,
      host: '127.0.0.1',
      port: 0,
      auth: 'keys',
      logger: pino({ level: 'silent' }),
    })
    t.teardown(async () => api.close())
    const [account] = await sql<{ id: string }[]>`
    insert into pigeonpost.accounts (tenant_id, channel, address, provider, rate_per_minute)
    values (1, 'whatsapp', '+27830000000', 'scripted', null) returning id`

    const post = async (path: string, body: unknown) => {
      const response = await fetch(api.url + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      await response.arrayBuffer()
      return response.status
    }
    let next = 0
    const stored: string[] = []
    const statuses: number[] = []
    await Promise.all(
      Array.from({ length: 30 }, async () => {
        for (let n = next++; n < 300; n = next++) {
          const id = `pooled-${n}`
          const webhook = { ...example, user: { id: `+2783${String(4_000_000 + (n % 40))}` } }
          const status = await post('/api/webhooks/fakechat', {
            ...webhook,
            message: { ...example.message, id },
          })
          statuses.push(status)
          if (status === 200) stored.push(id)
          statuses.push(
            await post('/api/v1/messages', {
              to: `+2783${String(5_000_000 + (n % 40))}`,
              content: `reply ${n}`,
              whatsappAccountId: account?.id,
            }),
          )
        }
      }),
    )
    t.same(new Set(statuses), new Set([200, 202]), 'none was refused')
    const found = await sql<{ id: string }[]>`
    select external_message_id as id from pigeonpost.messages where direction = 'inbound'`
    t.same(found.map(({ id }) => id).toSorted(), stored.toSorted())
    await waitFor(() => provider.requests.length === 300, { what: 'the deliveries' })
    await waitFor(
      async () => {
        const [row] = await sql<{ count: number }[]>`
        select count(*)::integer as count from pigeonpost.messages where status = 'sent'`
        return row?.count === 300
      },
      { what: 'their outcomes' },
    )
    const [stuck] = await sql<{ count: number }[]>`
    select count(*)::integer as count from pg_stat_activity
    where datname = current_database() and state = 'idle in transaction (aborted)'`
    t.equal(stuck?.count, 0, 'no session is left in a failed transaction')
  },
)

t.test('a worker behind one says at its start what it needs', { skip: noPooler }, async (t) => {
  const { database } = await testApi(t, { own: true })
  const pooler = await startPooler(database.url)
  t.teardown(async () => pooler.stop())
  await t.rejects(
    startWorker({ url: through(pooler, database.url), logger: silent, providers: new Map() }),
    {
      name: 'InvalidInputError',
      message: /^The worker needs sessions of its own/,
      details: { code: 'pooler', field: 'DATABASE_DIRECT_URL' },
    },
  )
})
