import t, { type Test } from 'tap'
import { connect, type Transaction } from '../../../db/connect.ts'
import { listConversationMessages } from '../../../db/conversations/messages.ts'
import { countMessages, type ListFilter, listMessages } from '../../../db/messages/list.ts'
import { countKindsAmong } from '../../../db/messages/statistics.ts'
import type { Place } from '../../../db/paging/keyset.ts'
import type { Direction, MessageRow, MessageStatus } from '../../../db/rows.ts'
import { asTenant } from '../../../db/tenant.ts'
import { testDatabase } from '../../support/database.ts'
import { seeded } from '../../support/random.ts'
import { without } from '../../support/rules.ts'

const start = Date.UTC(2026, 0, 1)
const minute = 60_000
const at = (minutes: number) => new Date(start + minutes * minute)

/** Messages of all kinds whose times, said and stored, are not in the order of their numbers. */
async function setUp(t: Test) {
  const core = await testDatabase(t)
  const { sql } = core
  const pool = connect(core.url, { max: 2 })
  t.teardown(() => pool.end())
  const random = seeded(7)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
  await sql`insert into pigeonpost.tenants (tenant_id) values (1)`
  const accounts = await sql<{ id: string }[]>`
    insert into pigeonpost.accounts (tenant_id, channel, address) values (1, 'sms', '+27820000001'), (1, 'sms', '+27820000002') returning id`
  for (let n = 0; n < 400; n++) {
    const direction = pick(['inbound', 'inbound', 'outbound', 'system'] as const)
    // Imports have times of their own.
    const stored = random() < 0.1 ? at(Math.floor(random() * 400)) : at(n)
    const [row] = await sql<{ id: string }[]>`insert into pigeonpost.messages ${sql({
      tenant_id: 1,
      channel: 'sms',
      direction,
      account_id: pick(accounts).id,
      address: pick(['+27831234561', '+27831234562', '+27831234563']),
      content_type: pick(['text', 'text', 'image', 'video']),
      campaign_id: random() < 0.2 ? 'spring' : null,
      created_at: stored,
      sent_at: at(Math.floor(n + random() * 20)),
      external_message_id: direction === 'inbound' ? `m${n}` : null,
    })} returning id`
    for (const status of pick<string[]>([
      [],
      [],
      ['read'],
      ['sending', 'failed'],
      ['sending', 'unknown'],
      ['canceled'],
      ['sending', 'sent'],
    ])) {
      await sql`update pigeonpost.messages set status = ${status} where tenant_id = 1 and id = ${row?.id ?? ''}`
    }
    if (random() < 0.05)
      await sql`update pigeonpost.threads set status = 'archived' where status = 'active'`
  }
  const app = <T>(work: (tx: Transaction) => Promise<T>) => asTenant(pool, 1, work)
  return { sql, app, accounts: accounts.map(({ id }) => id), pick, random }
}

type Found = MessageRow & { place: Place }

/** All pages behind one another. */
async function readAll(read: (after: Place | undefined) => Promise<Found[]>): Promise<Found[]> {
  const all: Found[] = []
  for (;;) {
    const page = await read(all.at(-1)?.place)
    all.push(...page)
    if (page.length < 7) return all
  }
}

const ids = (rows: Iterable<{ id: string }>) => [...rows].map(({ id }) => id)

t.test('every filter, by pages, finds what it means, newest first, and counts it', async (t) => {
  const { sql, app, accounts, pick, random } = await setUp(t)
  const customers = await sql<{ id: string }[]>`select id from pigeonpost.customers`
  const check = async (filter: ListFilter) => {
    const name = JSON.stringify(filter)
    const expected = await sql<{ id: string }[]>`
      select id from pigeonpost.messages where tenant_id = 1
        ${filter.accountId ? sql`and account_id = ${filter.accountId}` : sql``}
        ${filter.customerId ? sql`and customer_id = ${filter.customerId}` : sql``}
        ${filter.direction ? sql`and direction = ${filter.direction}` : sql``}
        ${filter.contentType ? sql`and content_type = ${filter.contentType}` : sql``}
        ${filter.statuses ? sql`and status = any (${filter.statuses}::text[])` : sql``}
        ${filter.campaignId ? sql`and campaign_id = ${filter.campaignId}` : sql``}
        ${filter.since ? sql`and created_at >= ${filter.since}` : sql``}
        ${filter.until ? sql`and created_at < ${filter.until}` : sql``}
      order by ${filter.customerId ? sql`occurred_at desc, number desc` : sql`number desc`}`
    const found = await readAll((after) =>
      app((tx) => listMessages(tx, filter, { limit: 7, after })),
    )
    t.same(ids(found), ids(expected), name)
    const second = await app((tx) => listMessages(tx, filter, { limit: 7, offset: 7 }))
    t.same(ids(second), ids(expected).slice(7, 14), `${name}: a page by number`)
    const { total } = await app((tx) => countMessages(tx, filter, 10_000))
    t.equal(total, expected.length, `${name}: total`)
    const kinds = await app((tx) => countKindsAmong(tx, filter, 10_000))
    t.equal(
      kinds.reduce((sum, kind) => sum + kind.messages, 0),
      expected.length,
      `${name}: kinds`,
    )
  }
  const some = <T>(of: readonly T[]): T | undefined => (random() < 0.3 ? pick(of) : undefined)
  const round = async () => {
    for (let n = 0; n < 40; n++) {
      const since = random() < 0.4 ? Math.floor(random() * 400) : undefined
      const until = random() < 0.4 ? (since ?? 0) + Math.floor(random() * 100) : undefined
      await check({
        tenantId: 1,
        accountId: some(accounts),
        customerId: some(customers)?.id,
        direction: some<Direction>(['inbound', 'outbound', 'system']),
        contentType: some<MessageRow['content_type']>(['text', 'image', 'video', 'audio']),
        statuses: some<MessageStatus[]>([
          ['failed'],
          ['unknown', 'canceled'],
          ['read'],
          ['delivered', 'failed'],
          ['queued'],
        ]),
        campaignId: some(['spring', 'autumn']),
        since: since === undefined ? undefined : at(since),
        until: until === undefined ? undefined : at(until),
      })
    }
  }
  await round()
  while ((await sql`select pigeonpost.fold() as n`)[0]?.['n'] !== 0);
  await round()
  await without(sql, 'pigeonpost_private.extend_spans', [':= 2000', ':= 10'], async () => {
    await sql`delete from pigeonpost_private.message_spans`
    for (const part of [0.3, 0.31, 0.8])
      await sql`select pigeonpost_private.extend_spans(1, (max(number) * ${part}::numeric)::bigint) from pigeonpost.messages`
  })
  t.ok((await sql`select from pigeonpost_private.message_spans`).length > 20)
  await round()
  const last = async () => {
    const [row] = await sql<{ span: number; message: number }[]>`
      select (select max(last_number) from pigeonpost_private.message_spans) as span, (select max(number) from pigeonpost.messages) as message`
    return row ?? { span: 0, message: -1 }
  }
  t.ok((await last()).span < (await last()).message)
  await sql`
    insert into pigeonpost.messages (tenant_id, channel, direction, address, external_message_id)
    select 1, 'sms', 'inbound', '+27831234561', 'more ' || n from generate_series(1, 1100) n`
  while ((await sql`select pigeonpost.fold() as n`)[0]?.['n'] !== 0);
  const { span, message } = await last()
  t.equal(span, message, 'folding goes on with the spans')
})

t.test(
  'a conversation is merged from its threads in the order in which things were said',
  async (t) => {
    const { sql, app } = await setUp(t)
    const conversations = await sql<{ id: string; threads: number }[]>`
    select conversation_id as id, count(*)::integer as threads from pigeonpost.threads group by 1`
    t.ok(conversations.some(({ threads }) => threads > 3))
    for (const { id } of conversations) {
      const expected = await sql<{ id: string }[]>`
      select id from pigeonpost.messages where conversation_id = ${id} order by occurred_at desc, number desc`
      const options = { tenantId: 1, conversationId: id, limit: 7 }
      const found = await readAll((after) =>
        app((tx) => listConversationMessages(tx, { ...options, after })),
      )
      t.same(ids(found), ids(expected))
      const third = await app((tx) => listConversationMessages(tx, { ...options, offset: 14 }))
      t.same(ids(third), ids(expected).slice(14, 21))
    }
  },
)

t.test(
  'the counters of a long conversation are its folded ones and the log behind them',
  async (t) => {
    const { sql } = await setUp(t)
    const [long] = await sql<{ id: string; customer_id: string }[]>`
    select id, customer_id from pigeonpost.conversations where customer_id is not null limit 1`
    const { id = '', customer_id: customerId = '' } = long ?? {}
    while ((await sql`select pigeonpost.fold() as n`)[0]?.['n'] !== 0);
    // As if it had a million more that nobody counts one by one.
    await sql`update pigeonpost.conversations set total_messages = total_messages + 1e6, unread_count = unread_count + 1e6 where id = ${id}`
    await sql`update pigeonpost.customers set total_messages = total_messages + 1e6, unread_count = unread_count + 1e6 where id = ${customerId}`
    const read = async () => {
      const [row] = await sql<Record<string, number>[]>`
      select c.total_messages as total, c.unread_count as unread, k.total_messages as customers, k.unread_count as "customersUnread",
        (select count(*) from pigeonpost.messages where conversation_id = ${id})::integer as stored
      from pigeonpost_private.exact_counters(1, ${id}, null) c, pigeonpost_private.exact_counters(1, null, ${customerId}) k`
      return row ?? {}
    }
    const before = await read()
    t.equal(before['total'], 1e6 + (before['stored'] ?? 0))
    const more = await sql<{ id: string }[]>`
    insert into pigeonpost.messages (tenant_id, channel, direction, conversation_id, external_message_id, body)
    select 1, 'sms', 'inbound', ${id}, 'more ' || n, 'x' from generate_series(1, 3) n returning id`
    await sql`update pigeonpost.messages set status = 'read' where id = ${more[0]?.id ?? ''}`
    await sql`delete from pigeonpost.messages where id = ${more[1]?.id ?? ''}`
    const after = await read()
    for (const name of ['total', 'customers'])
      t.equal((after[name] ?? 0) - (before[name] ?? 0), 2, name)
    for (const name of ['unread', 'customersUnread'])
      t.equal((after[name] ?? 0) - (before[name] ?? 0), 1, name)
    while ((await sql`select pigeonpost.fold() as n`)[0]?.['n'] !== 0);
    t.same(await read(), after, 'and are the same when that is folded')
  },
)
