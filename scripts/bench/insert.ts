import { connect, type Sql } from '../../db/connect.ts'
import { startRelayProcess } from './relay.ts'
import { interleave, type Outcome } from './rounds.ts'

const conversations = 1000
const body = 'Hello there, how are you today?'
const raw =
  '{"key":{"id":"3EB0ABC123"},"message":{"conversation":"Hello there, how are you today?"}}'

type Conversation = {
  address: string
  account_id: string
  conversation_id: string
  thread_id: string
  customer_id: string
}

/**
 * The insert of one message by 8 connections, and of 500 by 2, against the bare twin (same columns, same indexes, same
 * durability, no trigger, no foreign key) and against our own triggers with nobody to ring for them, so that each
 * transaction does its own NOTIFY.
 */
export async function benchInserts(
  url: string,
  options: { rounds: number; seconds: number; log: (line: string) => void },
): Promise<Outcome[]> {
  const sql = connect(url, { max: 8, name: 'bench' })
  const known = await prepare(sql)
  let serial = Date.now() * 1000
  let relay: Awaited<ReturnType<typeof startRelayProcess>> | null = null
  const withRelay = async (wanted: boolean) => {
    if (wanted && !relay) relay = await startRelayProcess(url)
    if (!wanted && relay) {
      await relay.stop()
      relay = null
    }
  }

  const one = async () => {
    const to = known[serial % known.length] as Conversation
    await sql`
      insert into pigeonpost.messages
        (tenant_id, channel, direction, address, external_message_id, content_type, body, sent_at, raw)
      values (1, 'whatsapp', 'inbound', ${to.address}, ${`m${serial++}`}, 'text', ${body}, now(), ${raw}::text::jsonb)
      on conflict (tenant_id, external_message_id, conversation_id) do nothing`
  }
  const oneBare = async () => {
    const to = known[serial % known.length] as Conversation
    await sql`
      insert into bench.bare
        (tenant_id, account_id, conversation_id, thread_id, customer_id, sender_customer_id, channel, direction, status,
         address, external_message_id, content_type, body, sent_at, delivered_at, raw)
      values (1, ${to.account_id}, ${to.conversation_id}, ${to.thread_id}, ${to.customer_id}, ${to.customer_id},
        'whatsapp', 'inbound', 'delivered', ${to.address}, ${`m${serial++}`}, 'text', ${body}, now(), now(), ${raw}::text::jsonb)
      on conflict (tenant_id, external_message_id, conversation_id) do nothing`
  }
  const single = await interleave(
    'single rows, 8 connections',
    [
      { name: 'bare', run: () => load(oneBare, 8, options.seconds) },
      {
        name: 'pigeonpost',
        run: async () => {
          await withRelay(true)
          return load(one, 8, options.seconds)
        },
      },
      {
        name: 'naive (NOTIFY each)',
        run: async () => {
          await withRelay(false)
          return load(one, 8, options.seconds)
        },
      },
    ],
    [
      { name: 'of the bare table', of: 'pigeonpost', to: 'bare', target: 0.75 },
      { name: 'times NOTIFY in each', of: 'pigeonpost', to: 'naive (NOTIFY each)', target: 2 },
    ],
    options,
  )

  const batch = 500
  const many = async () => {
    const messages = Array.from({ length: batch }, () => ({
      tenant_id: 1,
      direction: 'inbound',
      address: (known[serial % known.length] as Conversation).address,
      external_message_id: `m${serial++}`,
      body,
      sent_at: '2026-11-20T10:00:00Z',
      raw: { key: { id: '3EB0ABC123' }, message: { conversation: body } },
    }))
    const [stored] = await sql<{ stored: number }[]>`
      select count(*) filter (where outcome = 'stored') as stored from pigeonpost.ingest(${sql.json(messages)})`
    if (stored?.stored !== batch) throw new Error(`ingest stored ${stored?.stored} of ${batch}`)
  }
  const manyBare = async () => {
    const to = Array.from({ length: batch }, () => known[serial++ % known.length] as Conversation)
    await sql`
      insert into bench.bare
        (tenant_id, account_id, conversation_id, thread_id, customer_id, sender_customer_id, channel, direction, status,
         address, external_message_id, content_type, body, sent_at, delivered_at, raw)
      select 1, r.account_id, r.conversation_id, r.thread_id, r.customer_id, r.customer_id, 'whatsapp', 'inbound', 'delivered',
        r.address, r.external_id, 'text', ${body}, now(), now(), r.raw::jsonb
      from unnest(
        ${to.map((c) => c.account_id)}::uuid[], ${to.map((c) => c.conversation_id)}::uuid[], ${to.map((c) => c.thread_id)}::uuid[],
        ${to.map((c) => c.customer_id)}::uuid[], ${to.map((c) => c.address)}::text[],
        ${to.map((_, i) => `m${serial - batch + i}`)}::text[], ${to.map(() => raw)}::text[])
        r (account_id, conversation_id, thread_id, customer_id, address, external_id, raw)
      on conflict (tenant_id, external_message_id, conversation_id) do nothing`
  }
  await withRelay(true)
  const bulk = await interleave(
    'bulk, 500 a call, 2 connections',
    [
      { name: 'bare', run: async () => (await load(manyBare, 2, options.seconds)) * batch },
      { name: 'ingest()', run: async () => (await load(many, 2, options.seconds)) * batch },
    ],
    [{ name: 'of the bare table', of: 'ingest()', to: 'bare', target: 0.5 }],
    options,
  )
  await withRelay(false)
  await sql.end()
  return [single, bulk]
}

async function prepare(sql: Sql): Promise<Conversation[]> {
  await sql`drop schema if exists bench cascade`
  await sql`create schema bench`
  await sql`create table bench.bare (like pigeonpost.messages including defaults including indexes)`
  await sql`
    insert into pigeonpost.messages (tenant_id, channel, direction, address, external_message_id, body)
    select 1, 'whatsapp', 'inbound', '+2783' || (1000000 + i), 'first' || i, 'first' from generate_series(1, ${conversations}::int) i`
  await sql`analyze`
  return sql<Conversation[]>`
    select address, account_id, conversation_id, thread_id, customer_id from pigeonpost.messages
    where external_message_id like 'first%'`
}

/** Calls per second of `lanes` callers, each with its own connection, one call after another. */
async function load(call: () => Promise<void>, lanes: number, seconds: number): Promise<number> {
  let calls = 0
  const started = performance.now()
  const end = started + seconds * 1000
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      while (performance.now() < end) {
        await call()
        calls += 1
      }
    }),
  )
  return calls / ((performance.now() - started) / 1000)
}
