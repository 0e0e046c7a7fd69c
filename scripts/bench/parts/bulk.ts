import { connect, type Sql } from '../../../db/connect.ts'
import { startClients, type Work } from '../clients.ts'
import { interleave, type Outcome, type Ratio, type Variant } from '../rounds.ts'
import { body, raw } from './single.ts'
import { createTwin, twinInsert } from '../twin.ts'
import { createBackgroundWorker } from '../background-worker.ts'

const lanes = 2
const batch = 500
const people = 1000

export const shapes = ['whatsapp', 'telegram', 'email', 'group', 'outbound'] as const
export type Shape = (typeof shapes)[number]

type Item = {
  channel: string
  direction: string
  address: string
  conversation_external_id?: string
}

/** The nth person's message, less what all have. Ten people talk in each group. */
const items: Record<Shape, (n: number) => Item> = {
  whatsapp: (n) => ({
    channel: 'whatsapp',
    direction: 'inbound',
    address: `+2783${1_000_000 + n}`,
  }),
  telegram: (n) => ({ channel: 'telegram', direction: 'inbound', address: `${1_110_000 + n}` }),
  email: (n) => ({ channel: 'email', direction: 'inbound', address: `person${n}@example.com` }),
  group: (n) => ({
    channel: 'whatsapp',
    direction: 'inbound',
    address: `+2783${1_000_000 + n}`,
    conversation_external_id: `12036302${1_000_000 + (n % 100)}@g.us`,
  }),
  outbound: (n) => ({
    channel: 'whatsapp',
    direction: 'outbound',
    address: `+2783${1_000_000 + n}`,
  }),
}

/**
 * 500 messages a call through ingest(), of each shape, against inserts of 500 rows with the same values into the bare
 * twin; by 2 clients, the worker running, to customers whose conversations exist. Each shape has a tenant of its own.
 */
export async function benchBulk(
  url: string,
  options: {
    rounds: number
    seconds: number
    only?: readonly string[]
    log: (line: string) => void
  },
): Promise<Outcome> {
  const sql = connect(url, { max: 2, name: 'bench' })
  const clients = startClients(lanes)
  const worker = createBackgroundWorker(sql, url)
  try {
    await createTwin(sql)
    const variants: Variant[] = []
    const ratios: Ratio[] = []
    for (const [i, shape] of shapes.entries()) {
      if (options.only && !options.only.includes(shape)) continue
      const { ours, bare } = await prepare(sql, url, shape, 21 + i)
      const rate = (name: string, work: Work) => ({
        name,
        async run() {
          await worker.runs(true)
          return clients.rate(work, options)
        },
      })
      variants.push(rate(`bare, ${shape}`, bare), rate(`ingest(), ${shape}`, ours))
      ratios.push({
        name: `of the bare twin, ${shape}`,
        of: `ingest(), ${shape}`,
        to: `bare, ${shape}`,
        target: 0.65,
      })
    }
    return await interleave('500 a call, 2 clients', variants, ratios, options)
  } finally {
    await Promise.all([clients.stop(), worker.stop()])
    await sql.end()
  }
}

async function prepare(
  sql: Sql,
  url: string,
  shape: Shape,
  tenantId: number,
): Promise<{ ours: Work; bare: Work }> {
  const identified = shape !== 'outbound'
  const messages = Array.from({ length: people }, (_, n) => ({
    ...items[shape](n),
    tenant_id: tenantId,
    content_type: 'text',
    body,
    raw: JSON.parse(raw) as Record<string, Record<string, string>>,
  }))
  // What is sent by this account waits until it is connected: nobody delivers it meanwhile.
  const address = { telegram: '7000000001', email: 'team@example.com' }[messages[0]?.channel ?? '']
  await sql`
    insert into pigeonpost.accounts (tenant_id, channel, address, provider, status, is_default, rate_per_minute, daily_limit)
    values (${tenantId}, ${messages[0]?.channel ?? ''}, ${address ?? '+15550000001'}, 'noop', 'disconnected', true, null, null)`
  // The first makes customers and conversations; the second is as any other then.
  for (const turn of ['first', 'usual']) {
    const some = messages.map((message, n) => ({
      ...message,
      direction: turn === 'first' ? 'inbound' : message.direction,
      sent_at: new Date().toISOString(),
      ...(identified || turn === 'first' ? { external_message_id: `${turn}-${n}` } : {}),
    }))
    await sql`select count(*) from pigeonpost.ingest(${sql.json(some)})`
  }
  await sql`analyze`
  const usual = identified ? `m.external_message_id like 'usual-%'` : `m.direction = 'outbound'`
  const twin = await twinInsert(sql, `m.tenant_id = ${tenantId} and ${usual}`)
  if (twin.rows.length !== people) throw new Error(`${twin.rows.length} of ${people} were stored`)
  return {
    ours: {
      url,
      batch,
      identified,
      text: `select count(*) filter (where outcome = 'stored') as stored from pigeonpost.ingest($1)`,
      items: messages,
    },
    bare: { url, batch, identified, text: twin.batch, rows: twin.rows },
  }
}
