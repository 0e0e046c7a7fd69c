import t, { type Test } from 'tap'
import { connect, type Transaction } from '../../../db/connect.ts'
import {
  type ConversationFilter,
  type ConversationPage,
  countConversations,
  listConversations,
} from '../../../db/conversations/list.ts'
import { listConversationMessages } from '../../../db/conversations/messages.ts'
import { asTenant } from '../../../db/tenant.ts'
import { testDatabase } from '../../support/database.ts'

async function setUp(t: Test) {
  const { sql, url } = await testDatabase(t)
  await sql`insert into pigeonpost.tenants (tenant_id) values (1), (2)`
  const pool = connect(url, { max: 2 })
  t.teardown(() => pool.end())
  const say = async (address: string, at: string, tenantId = 1) => {
    const [row] = await sql`
      insert into pigeonpost.messages (tenant_id, channel, direction, address, external_message_id, body, sent_at)
      values (${tenantId}, 'fakechat', 'inbound', ${address}, ${`${address} ${at}`}, ${at}, ${at}::text::timestamptz) returning conversation_id`
    return String(row?.['conversation_id'])
  }
  const app = <T>(work: (tx: Transaction) => Promise<T>, tenantId = 1) =>
    asTenant(pool, tenantId, work)
  const list = (page: Partial<ConversationPage> = {}, filter: Partial<ConversationFilter> = {}) =>
    app((tx) => listConversations(tx, { tenantId: 1, ...filter }, { limit: 20, ...page }))
  const fold = async () => {
    while (Number((await sql`select pigeonpost.fold() as n`)[0]?.['n']) !== 0);
  }
  return { sql, say, app, list, fold }
}
const day = (n: number) => `2026-01-${String(n).padStart(2, '0')}T10:00:00.123456Z`
const ids = (rows: { id: string }[]) => rows.map(({ id }) => id)

t.test('the conversation with the latest message comes first, folded or not', async (t) => {
  const { say, list, fold } = await setUp(t)
  const a = await say('+27831234561', day(1))
  const b = await say('+27831234562', day(2))
  const c = await say('+27831234563', day(3))
  t.same(ids(await list()), [c, b, a])
  await fold()
  t.same(ids(await list()), [c, b, a])
  await say('+27831234561', day(4))
  const rows = await list()
  t.same(ids(rows), [a, c, b], 'what is not folded yet counts')
  t.match(rows[0], { total_messages: 2, unread_count: 2, last_message_at: new Date(day(4)) })
  t.match(rows[1], { total_messages: 1, unread_count: 1 })
  await fold()
  t.same(await list(), rows, 'and is the same when it is folded')
})

t.test('a conversation without a message stands where it was opened', async (t) => {
  const { sql, say, list, fold } = await setUp(t)
  const talked = await say('+27831234561', day(1))
  const [account] = await sql`select id from pigeonpost.accounts`
  const [opened] = await sql`
    insert into pigeonpost.conversations (tenant_id, type, account_id, group_name, created_at)
    values (1, 'group', ${account?.['id']}, 'Friends', '2025-12-31') returning id`
  await fold()
  t.same(ids(await list()), [talked, opened?.['id']])
  await sql`update pigeonpost.conversations set created_at = '2026-02-01' where type = 'group'`
  const rows = await list()
  t.same(ids(rows), [opened?.['id'], talked])
  t.match(rows[0], { messages: [], participants: [], last_message_at: null })
})

t.test('it comes with who is in it and its 20 latest messages, newest first', async (t) => {
  const { sql, say, list } = await setUp(t)
  for (let n = 1; n <= 22; n++) await say('+27831234561', day(n))
  await sql`update pigeonpost.customers set name = 'Thandi'`
  await sql`update pigeonpost.accounts set name = 'Shop', address = '+15550001111'`
  const [row] = await list()
  t.same(
    row?.messages.map(({ body }) => body),
    Array.from({ length: 20 }, (_, n) => day(22 - n)),
  )
  t.match(
    row?.participants.toSorted((a) => (a.customerId ? -1 : 1)),
    [
      { customerId: row?.customer_id, accountId: null, name: 'Thandi', address: '+27831234561' },
      { customerId: null, accountId: row?.account_id, name: 'Shop', address: '+15550001111' },
    ],
  )
  t.equal(row?.participants.length, 2)
  t.equal(row?.accountAddress, '+15550001111')
})

t.test('pages by place or by number leave none out and repeat none', async (t) => {
  const { sql, say, list, fold, app } = await setUp(t)
  for (let n = 0; n < 9; n++) await say(`+2783123456${n}`, day(1))
  await fold()
  for (let n = 7; n < 9; n++) await say(`+2783123456${n}`, day(2))
  await sql`
    insert into pigeonpost.conversations (tenant_id, type, account_id, group_name, created_at)
    select 1, 'group', id, 'G' || i, ${day(1)} from pigeonpost.accounts, generate_series(1, 3) i`
  const all = await list()
  t.equal(all.length, 12)
  const seen: string[] = []
  for (let after: ConversationPage['after']; ;) {
    const rows = await list({ limit: 5, after })
    if (rows.length === 0) break
    seen.push(...ids(rows))
    after = rows.at(-1)?.place
  }
  t.same(seen, ids(all))
  t.same(ids(await list({ limit: 5, offset: 5 })), ids(all).slice(5, 10))
  t.same(
    ids(await list({}, { type: 'group' })).toSorted(),
    ids(all.filter((c) => c.type === 'group')).toSorted(),
  )
  const count = (most: number) =>
    app((tx) => countConversations(tx, { tenantId: 1, type: 'direct' }, most))
  t.same([await count(100), await count(4)], [9, 4])
})

t.test('of two that were merged the one that lives has its place by both', async (t) => {
  const { sql, say, list } = await setUp(t)
  const a = await say('+27831234561', day(1))
  const b = await say('+27831234562', day(2))
  const c = await say('+27831234563', day(3))
  await say('+27831234562', day(4))
  await sql`
    select pigeonpost.merge_customers(1, (select customer_id from pigeonpost.conversations where id = ${a}),
      (select customer_id from pigeonpost.conversations where id = ${b}))`
  t.same(ids(await list()), [a, c])
})

t.test('nothing of another tenant is listed', async (t) => {
  const { say, list, app } = await setUp(t)
  const theirs = await say('+27831234561', day(1), 2)
  t.same(await list(), [])
  t.same(await list({}, { tenantId: 2 }), [])
  t.same(
    await app((tx) =>
      listConversationMessages(tx, { tenantId: 2, conversationId: theirs, limit: 5 }),
    ),
    [],
  )
})

t.test('messages of a conversation come newest first, page by page', async (t) => {
  const { say, app } = await setUp(t)
  let conversationId = ''
  for (let n = 1; n <= 5; n++) conversationId = await say('+27831234561', day(n))
  await say('+27831234562', day(6))
  const read = (limit: number, after?: ConversationPage['after']) =>
    app((tx) => listConversationMessages(tx, { tenantId: 1, conversationId, limit, after }))
  const first = await read(3)
  t.same(
    first.map(({ body }) => body),
    [day(5), day(4), day(3)],
  )
  t.equal(first[2]?.place.at, day(3), 'to the microsecond')
  t.same(
    (await read(3, first[2]?.place)).map(({ body }) => body),
    [day(2), day(1)],
  )
})
