import { pino } from 'pino'
import t from 'tap'
import { startApi } from '../../../adapters/http/index.ts'
import { startWorker } from '../../../adapters/worker/worker.ts'
import { createKey } from '../../../db/keys/create.ts'
import { startProxy } from '../../support/proxy.ts'
import { waitFor } from '../../support/wait.ts'
import { addAccount, deliveryDatabase, queue, readMessages, scripted } from './delivery/support.ts'

t.test('connections whose server is gone are given up, and the work goes on', async (t) => {
  const { url, sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  const { key } = await createKey(sql, { tenantId: 1, name: 'test' })
  const proxy = await startProxy(t, url)
  const lines: { level: number; msg: string; service?: string }[] = []
  const logger = pino(
    { level: 'info' },
    { write: (line: string) => void lines.push(JSON.parse(line) as (typeof lines)[number]) },
  )
  const provider = scripted()
  const worker = await startWorker({
    url: proxy.url,
    logger,
    providers: new Map([[provider.name, provider]]),
  })
  t.teardown(async () => worker.stop())
  const api = await startApi({ url: proxy.url, host: '127.0.0.1', port: 0, auth: 'keys', logger })
  t.teardown(async () => api.close())
  const get = async () =>
    (await fetch(`${api.url}/api/v1/messages`, { headers: { authorization: `Bearer ${key}` } }))
      .status

  await queue(sql, target, ['before'])
  const areSent = async (count: number) =>
    waitFor(
      async () =>
        (await readMessages(sql)).filter(({ status }) => status === 'sent').length === count,
      { what: `${count} deliveries` },
    )
  await areSent(1)
  t.equal(await get(), 200)
  await waitFor(() => worker.notifying, { what: 'the relay' })

  const frozenAt = performance.now()
  proxy.freeze()
  await queue(sql, target, ['after'])
  await areSent(2)
  t.comment(`delivered ${Math.round((performance.now() - frozenAt) / 1_000)} s after`)
  await waitFor(async () => (await get()) === 200, { what: 'the API to answer' })
  await waitFor(() => worker.notifying, { what: 'the relay to lead again' })
  t.comment(`all is well ${Math.round((performance.now() - frozenAt) / 1_000)} s after`)

  // Only what was under way: an idle connection is closed in silence, and opened when it is needed.
  for (const service of new Set(lines.flatMap((line) => line.service ?? []))) {
    const told = lines.filter((line) => line.service === service)
    t.equal(told.at(-1)?.msg, 'works again', `${service} says that it is over`)
    t.ok(told.length <= 4, `${service} says little: ${told.map(({ msg }) => msg).join('; ')}`)
  }
  t.ok(
    lines.some(({ msg }) => msg === 'works again'),
    'the outage is in the log',
  )
  t.equal(provider.requests.length, 2, 'and nothing was sent twice')
})
