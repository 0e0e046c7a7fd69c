import { connect, type Sql } from '../../../db/connect.ts'
import { startClients, type Work } from '../clients.ts'
import { interleave, type Outcome } from '../rounds.ts'
import { createTwin, twinInsert } from '../twin.ts'
import { createBackgroundWorker } from '../background-worker.ts'
import { createYardsticks, literalBareInsert, literalInsert } from '../yardsticks.ts'

const lanes = 8
const people = 1000
const tenantId = 1
export const body = 'Hello there, how are you today?'
export const raw =
  '{"key":{"id":"3EB0ABC123"},"message":{"conversation":"Hello there, how are you today?"}}'
const bridge = { name: 'bench_bridge', password: 'bench' }

/** The usual message, written in each of the ways that are compared. */
export type Singles = Record<
  'ours' | 'bridge' | 'bare' | 'literal' | 'literalNotify' | 'literalBare',
  Work
>

/**
 * One message a transaction by 8 clients, to customers whose threads exist, against the et_messages contract's tables with and
 * without a NOTIFY in each, our own path with a NOTIFY in each (no worker runs, so our triggers notify), and the bare
 * twin. The worker runs beside ours, and catches up before anybody else's turn. Where there is a NOTIFY somebody listens,
 * on both sides: nobody writes one that is not heard.
 */
export async function benchSingle(
  url: string,
  options: { rounds: number; seconds: number; log: (line: string) => void },
): Promise<Outcome> {
  const sql = connect(url, { max: 2, name: 'bench' })
  const clients = startClients(lanes)
  const worker = createBackgroundWorker(sql, url)
  const listeners: Sql[] = []
  try {
    const works = await prepareSingles(sql, url)
    for (const [at, channel] of [
      [works.literalNotify.url, 'et_messages'],
      [url, 'pigeonpost_events'],
    ] as const) {
      const listener = connect(at, { max: 1, name: 'bench listener' })
      listeners.push(listener)
      await listener.listen(channel, () => {})
    }
    const rate = (name: string, work: Work, beside: boolean) => ({
      name,
      async run() {
        await worker.runs(beside)
        return clients.rate(work, options)
      },
    })
    return await interleave(
      'single rows, 8 clients',
      [
        rate('literal', works.literal, false),
        rate('literal without trigger', works.literalBare, false),
        rate('literal + NOTIFY', works.literalNotify, false),
        rate('bare twin', works.bare, false),
        rate('pigeonpost + NOTIFY', works.ours, false),
        rate('pigeonpost', works.ours, true),
        rate('pigeonpost as a bridge', works.bridge, true),
      ],
      [
        { name: 'of literal', of: 'pigeonpost', to: 'literal', target: 0.6 },
        { name: 'times literal + NOTIFY', of: 'pigeonpost', to: 'literal + NOTIFY', target: 1.5 },
        { name: 'times NOTIFY in each', of: 'pigeonpost', to: 'pigeonpost + NOTIFY', target: 2 },
        { name: 'of the bare twin', of: 'pigeonpost', to: 'bare twin', target: 0.55 },
        {
          name: 'of the owner, as a bridge',
          of: 'pigeonpost as a bridge',
          to: 'pigeonpost',
          target: 0.87,
        },
      ],
      options,
    )
  } finally {
    await Promise.all([clients.stop(), worker.stop()])
    await Promise.all([sql, ...listeners].map(async (pool) => pool.end({ timeout: 1 })))
  }
}

/** Makes the yardsticks, the twin, a bridge's login, and the same number of customers on all sides. */
export async function prepareSingles(sql: Sql, url: string): Promise<Singles> {
  const urls = await createYardsticks(sql, url, people)
  await createTwin(sql)
  await sql`
    insert into pigeonpost.messages (tenant_id, channel, direction, address, external_message_id, content_type, body, sent_at, raw)
    select ${tenantId}, 'whatsapp', 'inbound', '+2783' || (1000000 + i), 'known' || i, 'text', ${body}, now(), ${raw}::text::jsonb
    from generate_series(1, ${people}::integer) i
    on conflict (tenant_id, external_message_id, conversation_id) do nothing`
  await sql.unsafe(`
    do $$ begin
      if to_regrole('${bridge.name}') is null then
        create role ${bridge.name} login password '${bridge.password}' in role pigeonpost_bridge;
      end if;
    end $$`)
  await sql`select pigeonpost.grant_tenant(${bridge.name}, ${tenantId})`
  // Once they are stored they are as usual as any; what came first, a customer and a thread, is not.
  await sql`
    insert into pigeonpost.messages (tenant_id, channel, direction, address, external_message_id, content_type, body, sent_at, raw)
    select ${tenantId}, 'whatsapp', 'inbound', '+2783' || (1000000 + i), 'usual' || i, 'text', ${body}, now(), ${raw}::text::jsonb
    from generate_series(1, ${people}::integer) i
    on conflict (tenant_id, external_message_id, conversation_id) do nothing`
  await sql`analyze`
  const twin = await twinInsert(
    sql,
    `m.tenant_id = ${tenantId} and m.external_message_id like 'usual%'`,
  )
  const leads = Array.from({ length: people }, (_, i) => [String(i + 1), body, raw])
  const asBridge = new URL(url)
  asBridge.username = bridge.name
  asBridge.password = bridge.password
  const ours = {
    url,
    identified: true,
    text: `
      insert into pigeonpost.messages
        (tenant_id, channel, direction, address, external_message_id, content_type, body, sent_at, raw)
      values (${tenantId}, 'whatsapp', 'inbound', $2, $1, 'text', $3, now(), $4::text::jsonb)
      on conflict (tenant_id, external_message_id, conversation_id) do nothing`,
    rows: Array.from({ length: people }, (_, i) => [`+2783${1_000_001 + i}`, body, raw]),
  }
  const literal = { identified: true, text: literalInsert, rows: leads }
  return {
    ours,
    bridge: { ...ours, url: asBridge.href },
    bare: { url, identified: true, text: twin.single, rows: twin.rows },
    literal: { ...literal, url: urls.literal },
    literalNotify: { ...literal, url: urls.literal_notify },
    literalBare: {
      url: urls.literal_bare,
      identified: true,
      text: literalBareInsert,
      rows: leads.map((row, i) => [...row, String(i + 1)]),
    },
  }
}
