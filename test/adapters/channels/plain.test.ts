import type postgres from 'postgres'
import t, { type Test } from 'tap'
import { type OpenWebhook, openWebhook } from '../../../adapters/channels/open.ts'
import { createReceiver } from '../../../adapters/channels/receive.ts'
import { storePlain } from '../../../adapters/channels/store-plain.ts'
import { type ReceivedWebhook, storeTogether } from '../../../adapters/channels/store.ts'
import { connect, type Sql } from '../../../db/connect.ts'
import { asTenant } from '../../../db/tenant.ts'
import { testDatabase } from '../../support/database.ts'
import { waitFor } from '../../support/wait.ts'
import { reserve } from '../worker/support.ts'

const noon = 1_793_620_800
const user = { id: '+27831234567' }

/** A webhook of the simulator's. */
async function open(tenantId: number, content: object): Promise<OpenWebhook> {
  const at = '/api/webhooks/fakechat'
  const payload = { platform: 'fakechat', user, ...content }
  return openWebhook(async () => null, {
    tenantId,
    channel: 'fakechat',
    request: {
      method: 'POST',
      url: at,
      path: at,
      query: {},
      headers: { 'content-type': 'application/json', cookie: 'secret' },
      body: Buffer.from(JSON.stringify(payload)),
    },
  })
}

const message = (id: string, more: object = {}, from = user.id) => ({
  user: { id: from },
  message: { id, type: 'text', content: `This is ${id}`, timestamp: noon, ...more },
})

async function start(t: Test) {
  const { url, sql } = await testDatabase(t)
  await sql`insert into pigeonpost.tenants (tenant_id) values (1), (2)`
  const pool = (max: number): Sql => {
    const made = connect(url, { max })
    t.teardown(async () => made.end({ timeout: 1 }))
    return made
  }
  return { sql, pool }
}

/** What was answered, and what stands in the tables, less ids and times. */
async function outcome(sql: postgres.Sql, tenantId: number, answers: ReceivedWebhook[]) {
  return {
    answers: answers.map(({ status, messages, updates, duplicates, error }) => {
      const told = messages.map(({ externalMessageId, duplicate }) => ({
        externalMessageId,
        duplicate,
      }))
      return { status, messages: told, updates, duplicates, error }
    }),
    messages: await sql`
      select m.external_message_id, m.direction, m.status, m.address, m.body, m.content_type, m.metadata, m.raw, m.sent_at
      from pigeonpost.messages m where m.tenant_id = ${tenantId} order by m.number`,
    inbox: await sql`
      select w.channel, w.method, w.path, w.headers, w.body, w.digest, w.status, w.attempts, w.error_code, w.processed_at is not null as done
      from pigeonpost.webhook_inbox w where w.tenant_id = ${tenantId} order by w.digest`,
    events: await sql`
      select e.type, e.payload from pigeonpost.event_log e where e.tenant_id = ${tenantId} order by e.id`,
    parked: await sql`
      select p.external_message_id, p.update ->> 'status' as status from pigeonpost.parked_updates p
      where p.tenant_id = ${tenantId} order by 1, 2`,
  }
}

const receipt = (id: string, status: string, timestamp = noon + 60) => ({
  receipt: { message_id: id, status, timestamp },
})

t.test('messages and receipts by one statement leave what the long way leaves', async (t) => {
  const { sql, pool } = await start(t)
  const ours = pool(1)
  const batches = [
    [message('a'), message('b', { content: 'Olá 👋' }, '+27831234568'), message('c')],
    // Once more in another batch, with a new one and news of what is not here yet.
    [message('a', { timestamp: noon + 1 }), message('d'), receipt('later', 'delivered')],
    [receipt('later', 'read'), receipt('b', 'read')],
    [{ message: { ...message('later').message }, user }],
    [message('a')],
  ]
  const all: Record<'plain' | 'long', ReceivedWebhook[]> = { plain: [], long: [] }
  for (const batch of batches) {
    const opened = await Promise.all(batch.map(async (content) => open(1, content)))
    const stored = await storePlain(ours, opened, {})
    if (!stored) return t.fail('they are plain')
    all.plain.push(...stored)
    const same = await Promise.all(batch.map(async (content) => open(2, content)))
    all.long.push(...(await asTenant(ours, 2, (tx) => storeTogether(tx, same))))
  }
  const [plain, long] = [await outcome(sql, 1, all.plain), await outcome(sql, 2, all.long)]
  t.equal(plain.messages.length, 5)
  t.equal(plain.inbox.length, 9)
  t.notMatch(JSON.stringify(plain.inbox), /secret/)
  t.strictSame(JSON.parse(comparable(plain)), JSON.parse(comparable(long)))
  for (const { inboxId, messageIds } of all.plain) {
    t.equal((await sql`select from pigeonpost.webhook_inbox where id = ${inboxId}`).length, 1)
    for (const id of messageIds)
      t.equal((await sql`select from pigeonpost.messages where id = ${id}`).length, 1)
  }
})

/** Events name rows by ids and moments, which differ. */
function comparable(value: object): string {
  return JSON.stringify(value)
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'id')
    .replaceAll(/"(tenant_id|number)":\d+/g, '"$1":0')
    .replaceAll(/"(at|timestamp|occurred_at|delivered_at|created_at)":"[^"]*"/g, '"$1":"then"')
}

t.test('the usual webhooks take that one statement and nothing else', async (t) => {
  const { sql, pool } = await start(t)
  const ours = pool(1)
  const receiver = createReceiver({
    run: async () => {
      throw new Error('the long way')
    },
    plain: async (work) => work(ours),
  })
  const first = await receiver.store(await open(1, message('a')))
  t.match(first, { status: 'processed', duplicates: 0, messages: [{ externalMessageId: 'a' }] })
  const news = await receiver.store(await open(1, receipt('later', 'read')))
  t.match(news, { status: 'processed', updates: [{ result: 'parked' }] })
  t.equal((await sql`select from pigeonpost.webhook_inbox where status = 'processed'`).length, 2)
  t.equal((await sql`select from pigeonpost.messages`).length, 1)
})

async function isNotPlain(t: Test, stored: Promise<unknown>): Promise<void> {
  const error = await stored.catch((error: unknown) => error)
  t.match(error, { code: 'PPC01', constraint_name: 'webhooks_are_plain' })
}

t.test(
  'what takes more than a statement is left alone, and nothing of it is written',
  async (t) => {
    const { sql, pool } = await start(t)
    const ours = pool(1)
    const nothing = async (why: string) => {
      t.equal((await sql`select from pigeonpost.webhook_inbox`).length, 0, why)
      t.equal((await sql`select from pigeonpost.messages`).length, 0, why)
    }
    const unreadable = await open(1, { message: { id: 'x' } })
    t.equal(await storePlain(ours, [await open(1, message('a')), unreadable], {}), null)
    await nothing('one that cannot be read')
    const refused = await open(1, message('b', { content: 'x'.repeat(1_048_577) }))
    await isNotPlain(t, storePlain(ours, [await open(1, message('a')), refused], {}))
    await nothing('one that is refused')
  },
)

t.test(
  'a stub is not taken for the message: its copy goes the long way and fills it in',
  async (t) => {
    const { sql, pool } = await start(t)
    const ours = pool(2)
    const receiver = createReceiver({ run: async (work) => work(ours) })
    await receiver.store(await open(1, message('s')))
    await sql`update pigeonpost.messages set body = null, metadata = metadata || '{"stub": true}'`
    const copy = await open(1, message('s', { timestamp: noon + 1 }))
    await isNotPlain(t, storePlain(ours, [copy], {}))
    t.match(await receiver.store(copy), { status: 'processed', duplicates: 1 })
    const [row] = await sql`select body, metadata from pigeonpost.messages`
    t.equal(row?.['body'], 'This is s')
    t.equal(row?.['metadata']['stub'], undefined)
  },
)

t.test('a row that somebody holds keeps its own webhook waiting, and no other', async (t) => {
  const { sql, pool } = await start(t)
  const [inbox, plain] = [pool(2), pool(1)]
  const receiver = createReceiver({
    run: async (work) => work(inbox),
    plain: async (work) => work(plain),
  })
  const send = async (content: object) => receiver.store(await open(1, content))
  await send(message('first', {}, '+27831230001'))
  const held = await reserve(pool(1))
  await held`begin`
  await held`select from pigeonpost.conversations for update`
  let settled = false
  const waiting = send(message('stuck', {}, '+27831230001')).then((answer) => {
    settled = true
    return answer
  })
  const blocked = () => sql`
    select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  await waitFor(async () => (await blocked()).length > 0, { what: 'it to wait' })
  const free: ReceivedWebhook[] = []
  for (const n of [1, 2, 3]) {
    void send(message(`free${n}`, {}, `+2783123100${n}`)).then((answer) => free.push(answer))
    await waitFor(() => free.length === n, { what: `No. ${n} to be answered`, timeout: 20_000 })
  }
  t.ok(free.every(({ status }) => status === 'processed'))
  t.equal(settled, false)
  await held`rollback`
  held.release()
  t.match(await waiting, { status: 'processed', duplicates: 0 })
  t.equal((await sql`select from pigeonpost.messages`).length, 5)
})

t.test('the same deliveries at two servers at once are stored once', async (t) => {
  const { sql, pool } = await start(t)
  const receivers = [1, 2].map(() => {
    const [inbox, plain] = [pool(2), pool(1)]
    return createReceiver({ run: async (work) => work(inbox), plain: async (work) => work(plain) })
  })
  const contents = Array.from({ length: 60 }, (_, n) => message(`m${n}`, {}, `+2783123${2000 + n}`))
  const answers = await Promise.all(
    receivers.map(async (receiver, side) =>
      Promise.all(
        (side === 0 ? contents : contents.toReversed()).map(async (content) =>
          receiver.store(await open(1, content)),
        ),
      ),
    ),
  )
  const inboxIds = answers.map((side) => side.map(({ inboxId }) => inboxId).toSorted())
  t.strictSame(inboxIds[0], inboxIds[1], 'each is told the one row')
  t.equal(new Set(inboxIds[0]).size, 60)
  const duplicates = answers.flat().reduce((sum, one) => sum + one.duplicates, 0)
  t.equal(duplicates, 60)
  t.equal((await sql`select from pigeonpost.messages`).length, 60)
  t.match(await sql`select distinct status, attempts from pigeonpost.webhook_inbox`, [
    { status: 'processed', attempts: 1 },
  ])
})
