import type { FastifyInstance } from 'fastify'
import { Counter, Gauge, Registry } from 'prom-client'
import { type AccountMetrics, type Metrics, readMetrics } from '../../../../db/metrics.ts'
import { principalOf } from '../../server/auth.ts'
import type { Services } from '../../server/context.ts'
import { noQuery } from '../../shared/fields.ts'

const exposition = {
  description: 'The text format of Prometheus',
  content: { 'text/plain': { schema: { type: 'string' as const } } },
}

/** Accounts that get series of their own; each has 10. */
const maxAccounts = 200

/**
 * `GET /metrics` for Prometheus: a key with the scope `metrics` sees its own tenant's. There is no exception for loopback,
 * since behind a proxy of the same machine everyone comes from there. No label carries an address.
 */
export function addMetrics(app: FastifyInstance, { context }: Services): void {
  app.get('/metrics', {
    schema: {
      querystring: noQuery,
      operationId: 'getMetrics',
      summary: 'Metrics of the tenant, for Prometheus',
    },
    config: { scope: 'metrics', operation: { responses: { 200: exposition } } },
    handler: async (request, reply) => {
      const { tenantId } = principalOf(request)
      const metrics = await context.asTenant(tenantId, (tx) =>
        readMetrics(tx, { tenantId, accounts: maxAccounts }),
      )
      const registry = expose(tenantId, metrics)
      exposeWebhooks(registry, context.refusedWebhooks.read())
      return reply.type(registry.contentType).send(await registry.metrics())
    },
  })
}

/** All of it anew for each scrape: nothing is kept that another tenant's scrape could find. */
function expose(
  tenantId: number,
  { messages, accounts, accountsLeftOut, mediaTasks }: Metrics,
): Registry {
  const registry = new Registry()
  const tenant = String(tenantId)
  const gauge = <L extends string>(name: string, help: string, labels: readonly L[]) =>
    new Gauge({
      name: `pigeonpost_${name}`,
      help,
      labelNames: ['tenant', ...labels],
      registers: [registry],
    })

  const grouped = {
    status: ['Messages by status', messages.byStatus],
    direction: ['Messages by direction', messages.byDirection],
    type: ['Messages by content type', messages.byType],
  } as const
  gauge('messages', 'Messages stored', []).set({ tenant }, messages.total)
  for (const [label, [help, counts]] of Object.entries(grouped)) {
    const series = gauge(`messages_by_${label}`, help, [label])
    for (const [key, count] of Object.entries(counts)) series.set({ tenant, [label]: key }, count)
  }
  const rates = {
    delivery_ratio: [
      '(delivered + read) / (sent + delivered + read + failed), outbound',
      messages.deliveryRate,
    ],
    read_ratio: ['read / (delivered + read), outbound', messages.readRate],
  } as const
  for (const [name, [help, value]] of Object.entries(rates)) {
    const series = gauge(name, help, [])
    // NaN is Prometheus' word for a rate of nothing.
    series.set({ tenant }, value ?? Number.NaN)
  }

  const queue = gauge('account_messages', 'Outbound messages of an account by state', [
    'account',
    'channel',
    'state',
  ])
  const sent = gauge('account_sent_per_minute', 'Messages sent in the last 60 seconds', [
    'account',
    'channel',
  ])
  const oldest = gauge(
    'account_oldest_waiting_seconds',
    'For how long the oldest waiting message could have been sent; 0 where none waits',
    ['account', 'channel'],
  )
  for (const account of accounts) {
    const labels = { tenant, account: account.accountId, channel: account.channel }
    for (const state of states) queue.set({ ...labels, state }, account[state])
    sent.set(labels, account.sentPerMinute)
    oldest.set(labels, account.oldestSeconds ?? 0)
  }
  gauge(
    'accounts_left_out',
    `Accounts without series: those past the ${maxAccounts} busiest`,
    [],
  ).set({ tenant }, accountsLeftOut)

  const files = gauge('media_tasks', 'Files that wait to be fetched, scanned or deleted', ['kind'])
  const oldestFile = gauge(
    'media_oldest_task_seconds',
    'For how long the oldest of them waits; 0 where none does',
    ['kind'],
  )
  for (const { kind, tasks, oldestSeconds } of mediaTasks) {
    files.set({ tenant, kind }, tasks)
    oldestFile.set({ tenant, kind }, oldestSeconds)
  }
  return registry
}

/** Counted by this process since it started; a webhook that does not prove itself has no tenant. */
function exposeWebhooks(registry: Registry, refused: ReadonlyMap<string, number>): void {
  const counter = new Counter({
    name: 'pigeonpost_webhook_signatures_refused_total',
    help: 'Webhooks whose signature was missing or wrong, since this process started',
    labelNames: ['channel'],
    registers: [registry],
  })
  for (const [channel, count] of refused) counter.inc({ channel }, count)
}

const states = [
  'waiting',
  'scheduled',
  'sending',
  'retrying',
  'completed',
  'failed',
  'canceled',
  'unknown',
] as const satisfies (keyof AccountMetrics)[]
