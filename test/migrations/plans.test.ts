import t from 'tap'
import { readDayUse } from '../../db/accounts/limits.ts'
import type { Db, Transaction } from '../../db/connect.ts'
import { countConversation } from '../../db/conversations/find.ts'
import { countConversations, listConversations } from '../../db/conversations/list.ts'
import {
  countConversationMessages,
  listConversationMessages,
} from '../../db/conversations/messages.ts'
import { countCustomer } from '../../db/customers/find.ts'
import { deleteMedia } from '../../db/media/media.ts'
import { findMessage } from '../../db/messages/find.ts'
import { threadHistory } from '../../db/messages/history.ts'
import { countMessages, type ListFilter, listMessages } from '../../db/messages/list.ts'
import { markRead } from '../../db/messages/mark-read.ts'
import { selectMessages } from '../../db/messages/select.ts'
import { countKinds, countKindsAmong } from '../../db/messages/statistics.ts'
import { readMetrics } from '../../db/metrics.ts'
import { planAnew } from '../../db/plan-cache.ts'
import { asTenant } from '../../db/tenant.ts'
import { findThread } from '../../db/threads/find.ts'
import { coreDatabase } from '../support/sql.ts'
import { account, conversation, customer, fillMillion, idOf, storedAt, thread } from './million.ts'

// What each list, filter, counter and query of the documents costs among a million messages, in rows and index entries
// that the statements which the code runs read of the large tables: no plan and no time, which say less and change more.

t.setTimeout(900_000)
const core = await coreDatabase(t)
const { sql } = core
const one = core.pool(1, { max_parallel_workers_per_gather: '0' })
const bridge = await core.login(['pigeonpost_bridge'], [1])
await fillMillion(sql)

const limit = 50

/** Rows and entries that this transaction has read of tables that grow, and of messages by a scan. */
async function readSoFar(tx: Db): Promise<{ rows: number; scanned: number }> {
  const [row] = await tx<{ rows: number; scanned: number }[]>`
    select coalesce(sum(pg_stat_get_xact_tuples_returned(c.oid)), 0)::integer as rows,
      coalesce(sum(pg_stat_get_xact_tuples_returned(c.oid)) filter (where c.oid = 'pigeonpost.messages'::regclass), 0)::integer as scanned
    from (
      select c.oid from pg_class c where c.oid = any (${tables}::text[]::regclass[])
      union all
      select x.indexrelid from pg_index x where x.indrelid = any (${tables}::text[]::regclass[])) c`
  return row ?? { rows: 0, scanned: 0 }
}
const tables = [
  'messages',
  'conversations',
  'threads',
  'customers',
  'conversation_participants',
].map((name) => `pigeonpost.${name}`)

async function measure<T>(tx: Db, work: () => Promise<T>) {
  const before = await readSoFar(tx)
  const result = await work()
  const after = await readSoFar(tx)
  return { result, rows: after.rows - before.rows, scanned: after.scanned - before.scanned }
}

/** As the API runs it. */
const asApp = async <T>(work: (tx: Transaction) => Promise<T>, tenantId = 1) =>
  asTenant(one, tenantId, async (tx) => {
    await planAnew(tx)
    return measure(tx, () => work(tx))
  })

const second = { at: storedAt(500_000).toISOString().replace('Z', '000Z'), number: 500_000 }

// Rows found, and how many may be read for a page of 50. One tells how far the log is ahead of the counts.
const lists: [name: string, filter: Partial<ListFilter>, found: number, most: number][] = [
  ['everything', {}, 50, 110],
  ['an account', { accountId: account(1) }, 50, 110],
  ['an account of few', { accountId: account(4) }, 50, 110],
  ['inbound', { direction: 'inbound' }, 50, 200],
  ['outbound', { direction: 'outbound' }, 50, 500],
  ['system, few and long past', { direction: 'system' }, 7, 50],
  ['images', { contentType: 'image' }, 50, 400],
  ['videos, few and long past', { contentType: 'video' }, 47, 150],
  ['text', { contentType: 'text' }, 50, 200],
  ['outbound images', { direction: 'outbound', contentType: 'image' }, 50, 200],
  ['no location at all', { contentType: 'location' }, 0, 1],
  ['failed', { statuses: ['failed'] }, 50, 110],
  ['unknown, few and long past', { statuses: ['unknown'] }, 10, 50],
  ['failed, unknown or canceled', { statuses: ['failed', 'canceled', 'unknown'] }, 50, 300],
  ['delivered', { statuses: ['delivered'] }, 50, 200],
  ['read', { statuses: ['read'] }, 50, 1_000],
  ['none on its way', { statuses: ['queued'] }, 0, 1],
  ['what failed of an account', { statuses: ['failed'], accountId: account(3) }, 50, 1_200],
  ['outbound of an account of few', { direction: 'outbound', accountId: account(4) }, 0, 1],
  ['a campaign', { campaignId: 'spring' }, 50, 110],
  ['what failed of a campaign', { campaignId: 'spring', statuses: ['failed'] }, 0, 1_100],
  ['no such campaign', { campaignId: 'autumn' }, 0, 0],
  ['a customer of 100,000', { customerId: customer(1) }, 50, 5_500],
  ['a customer of few', { customerId: customer(1234) }, 14, 100],
  ['an hour long past', { since: storedAt(100_000), until: storedAt(100_120) }, 50, 5_000],
  ['a year long past', { since: storedAt(0), until: storedAt(500_000) }, 50, 5_000],
  ['since long ago', { since: storedAt(1000) }, 50, 5_000],
  [
    'images of an hour long past',
    { contentType: 'image', since: storedAt(100_000), until: storedAt(100_340) },
    18,
    5_000,
  ],
  ['failed in a year long past', { statuses: ['failed'], until: storedAt(500_000) }, 50, 300],
  [
    'an account in a year long past',
    { accountId: account(2), until: storedAt(500_000) },
    50,
    5_000,
  ],
  ['before there was any', { until: storedAt(0) }, 0, 5_000],
  ['after all', { since: storedAt(2_000_000) }, 0, 5_000],
]

t.test('a list of messages costs its page, whatever it filters by', async (t) => {
  for (const [name, filter, found, most] of lists) {
    const { result, rows, scanned } = await asApp((tx) =>
      listMessages(tx, { tenantId: 1, ...filter }, { limit }),
    )
    t.equal(result.length, found, `${name}: found`)
    t.ok(rows <= most + 2 * found, `${name}: read ${rows}`)
    t.equal(scanned, 0, `${name}: no scan`)
    if (found < limit) continue
    const next = await asApp((tx) =>
      listMessages(
        tx,
        { tenantId: 1, ...filter },
        {
          limit,
          after:
            filter.customerId || filter.accountId === account(4) ? result.at(-1)?.place : second,
        },
      ),
    )
    t.ok(next.result.length > 0, `${name}: a page behind a cursor`)
    t.ok(next.rows <= most + 2 * found, `${name}: behind a cursor read ${next.rows}`)
  }
  const none = await asApp(
    (tx) => listMessages(tx, { tenantId: 2, direction: 'outbound' }, { limit }),
    2,
  )
  t.match(none, { result: [], rows: 1 }, 'a tenant without any')
})

t.test('a total costs no more than counting to ten thousand', async (t) => {
  for (const [name, filter, found] of lists) {
    const { result, rows, scanned } = await asApp((tx) =>
      countMessages(tx, { tenantId: 1, ...filter }, 10_000),
    )
    t.ok(result.total >= found, `${name}: ${result.total}`)
    t.ok(rows <= 25_000, `${name}: read ${rows}`)
    t.equal(scanned, 0, name)
    if (filter.campaignId ?? filter.customerId ?? filter.since ?? filter.until) continue
    t.match({ result, rows }, { result: { isEstimate: false }, rows: 1 }, name)
  }
})

type Case = [name: string, most: number, work: (tx: Transaction) => Promise<unknown>]

const conversationId = conversation(1)
const cases: Case[] = [
  [
    'a conversation of 100,000 in 200 threads',
    5_500,
    (tx) => listConversationMessages(tx, { tenantId: 1, conversationId, limit }),
  ],
  [
    'the same behind a cursor',
    5_500,
    (tx) => listConversationMessages(tx, { tenantId: 1, conversationId, limit, after: second }),
  ],
  [
    'how many it has',
    25_000,
    (tx) => countConversationMessages(tx, { tenantId: 1, conversationId, most: 10_001 }),
  ],
  ['its counters', 1_000, (tx) => countConversation(tx, 1, conversationId)],
  ["its customer's counters", 1_000, (tx) => countCustomer(tx, 1, customer(1))],
  ['the counters of a usual one', 100, (tx) => countConversation(tx, 1, conversation(1234))],
  ['conversations', 8_000, (tx) => listConversations(tx, { tenantId: 1 }, { limit: 20 })],
  [
    "a customer's conversations",
    6_000,
    (tx) => listConversations(tx, { tenantId: 1, customerId: customer(21) }, { limit: 20 }),
  ],
  ['how many conversations', 25_000, (tx) => countConversations(tx, { tenantId: 1 }, 10_001)],
  [
    "a thread's history",
    160,
    (tx) => threadHistory(tx, { tenantId: 1, thread: thread(50010), limit }),
  ],
  ['a thread and its times', 10, (tx) => findThread(tx, 1, thread(50010))],
  ['a message by its number', 4, (tx) => findMessage(tx, 1, '500001')],
  ['a message is read', 20, (tx) => markRead(tx, 1, '500001')],
  ['statistics', 5, (tx) => countKinds(tx, { tenantId: 1 })],
  [
    'statistics of a month',
    100_000,
    (tx) =>
      countKindsAmong(
        tx,
        { tenantId: 1, since: storedAt(100_000), until: storedAt(180_000) },
        100_000,
      ),
  ],
  ['what an account sent today', 5_000, (tx) => readDayUse(tx, 1, account(1))],
  ['metrics', 5_000, (tx) => readMetrics(tx, { tenantId: 1, accounts: 20 })],
  [
    'what failed, for a retry',
    3_000,
    (tx) => selectMessages(tx, { tenantId: 1, statuses: ['failed'] }, 1_000),
  ],
  [
    'what waits, to be canceled',
    10,
    (tx) =>
      selectMessages(tx, { tenantId: 1, statuses: ['scheduled', 'queued', 'retrying'] }, 1_000),
  ],
  [
    'what failed of a campaign, for a retry',
    2_500,
    (tx) => selectMessages(tx, { tenantId: 1, statuses: ['failed'], campaignId: 'spring' }, 1_000),
  ],
  [
    'the message of a receipt',
    4,
    (tx) => tx`select pigeonpost.find_message(1, 'whatsapp', 'x500001', null, null)`,
  ],
  [
    'an upload that is deleted',
    400,
    async (tx) => {
      t.equal(await deleteMedia(tx, 1, idOf(6, 1)), 'deleted')
    },
  ],
]

t.test('what else is read of messages costs what it answers', async (t) => {
  for (const [name, most, work] of cases) {
    const { rows, scanned } = await asApp(work)
    t.ok(rows <= most, `${name}: read ${rows}`)
    t.equal(scanned, 0, `${name}: no scan`)
  }
})

// The queries that the documents show, or name an index for.
const queries: [name: string, most: number, query: string][] = [
  [
    '000: a conversation',
    100,
    `select * from pigeonpost.messages m join pigeonpost.threads t on t.tenant_id = m.tenant_id and t.id = m.thread_id
    where t.tenant_id = 1 and t.conversation_id = '${conversation(1234)}'`,
  ],
  [
    '000: a sender',
    200,
    `select m.* from pigeonpost.conversation_participants p
      join pigeonpost.threads t on t.tenant_id = p.tenant_id and t.conversation_id = p.conversation_id
      join pigeonpost.messages m on m.tenant_id = t.tenant_id and m.thread_id = t.id and m.sender_customer_id = p.customer_id
    where p.tenant_id = 1 and p.customer_id = '${customer(21)}'`,
  ],
  [
    '000: sent at',
    40_000,
    `select * from pigeonpost.messages where tenant_id = 1 and sent_at >= '${storedAt(500_000).toISOString()}' and sent_at < '${storedAt(500_100).toISOString()}'`,
  ],
  ['002: a thread', 100, `select * from et_messages where thread_id = 1234 order by timestamp asc`],
  [
    '002: a lead across active threads',
    300,
    `select m.* from et_messages m join et_threads t on m.thread_id = t.id
    where m.lead_id = 2345 and t.status = 'active' order by m.timestamp asc`,
  ],
  [
    '002: a lead who writes in groups',
    600,
    `select * from et_messages where tenant_id = 1 and lead_id = 21 order by timestamp desc limit 50`,
  ],
  [
    '002: a lead on a channel',
    200,
    `select * from et_messages where tenant_id = 1 and lead_id = 2345 and channel = 'whatsapp' order by timestamp desc limit 50`,
  ],
  [
    '002: the duplicate check',
    60,
    `select id from et_messages where channel = 'whatsapp' and lead_id = 2345 and message_id = 'x7033'`,
  ],
  [
    '002: the active thread',
    10,
    `select id from et_threads where lead_id = 2345 and channel = 'whatsapp' and status = 'active' limit 1`,
  ],
  ['002: a message by its id', 20, `select * from et_messages where id = 500001`],
  [
    '004: an account and a contact',
    100,
    `select m.* from pigeonpost.threads t join pigeonpost.messages m on m.tenant_id = t.tenant_id and m.thread_id = t.id
    where t.tenant_id = 1 and t.customer_id = '${customer(1234)}' and m.account_id = '${account(1)}' order by m.created_at desc`,
  ],
  [
    '004: a campaign',
    110,
    `select * from pigeonpost.messages where tenant_id = 1 and campaign_id = 'spring' order by number desc limit 50`,
  ],
  [
    '004: a status',
    110,
    `select * from pigeonpost.messages where tenant_id = 1 and problem = 'failed' order by number desc limit 50`,
  ],
]

t.test('the queries of the documents do, for the owner and for a bridge', async (t) => {
  for (const [who, as] of [
    ['owner', one],
    ['bridge', bridge],
  ] as const) {
    for (const [name, most, query] of queries) {
      const { result, rows, scanned } = await as.begin((tx) => measure(tx, () => tx.unsafe(query)))
      t.ok(result.length > 0, `${name} as ${who}: finds`)
      t.ok(rows <= most, `${name} as ${who}: read ${rows}`)
      t.equal(scanned, 0, `${name} as ${who}: no scan`)
    }
  }
})

t.test('what is written by other columns than the key reads what it changes', async (t) => {
  const writes: [name: string, most: number, statement: string][] = [
    [
      'a merge',
      1_500,
      `select pigeonpost.merge_customers(1, '${customer(2345)}', '${customer(2346)}')`,
    ],
    [
      'a thread is deleted, and its messages',
      500,
      `delete from pigeonpost.threads where tenant_id = 1 and id = '${thread(3456)}'`,
    ],
    [
      'a redelivery by document 002',
      60,
      `insert into et_messages (tenant_id, lead_id, channel, message_id, timestamp, direction, raw_json)
      values (1, 2345, 'whatsapp', 'x7033', 0, 'inbound', '{}')`,
    ],
    [
      'what a message that is gone leaves to fold',
      2_000,
      `select pigeonpost_private.last_message_at(1, '${conversationId}', null)`,
    ],
  ]
  for (const [name, most, statement] of writes) {
    const { rows, scanned } = await one.begin((tx) => measure(tx, () => tx.unsafe(statement)))
    t.ok(rows <= most, `${name}: read ${rows}`)
    t.equal(scanned, 0, `${name}: no scan`)
  }
})
