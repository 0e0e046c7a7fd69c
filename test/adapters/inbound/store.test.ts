import type postgres from 'postgres'
import t, { type Test } from 'tap'
import type { InboundMessage } from '../../../adapters/channels/channel.ts'
import { type OpenWebhook, openWebhook } from '../../../adapters/inbound/open.ts'
import { createReceiver } from '../../../adapters/inbound/queue.ts'
import { type ReceivedWebhook, storeWebhooks } from '../../../adapters/inbound/store.ts'
import { connect, type Sql } from '../../../db/connect.ts'
import { testDatabase } from '../../support/database.ts'
import { waitFor } from '../../support/wait.ts'
import { reserve } from '../worker/delivery/support.ts'
import { keyOf, peer as baileys, post } from '../channels/baileys/peer.ts'
import { mimePeer } from '../channels/email/peer.ts'
import { telegramPeer } from '../channels/telegram/peer.ts'
import type { Peer, PeerRequest } from '../../support/peer.ts'

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
      receivedAt: new Date(),
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
      select m.external_message_id, m.direction, m.status, m.address, m.alternate_address, m.conversation_external_id, m.body, m.body_version,
        m.content_type, m.media_url, m.metadata, m.raw, m.sent_at, m.occurred_at = m.sent_at as in_time, m.revoked_at,
        p.external_message_id as answers, c.type, c.external_id as chat, c.group_name, a.address as account,
        dense_rank() over (partition by t.conversation_id order by t.number) as thread,
        count(*) over (partition by t.id) as said
      from pigeonpost.messages m join pigeonpost.conversations c on c.id = m.conversation_id
      join pigeonpost.accounts a on a.id = m.account_id join pigeonpost.threads t on t.id = m.thread_id
      left join pigeonpost.messages p on p.id = m.reply_to_id
      where m.tenant_id = ${tenantId} order by m.channel, m.external_message_id, c.external_id`,
    people: await sql`
      select i.channel, i.address, (select string_agg(o.address, ' ' order by o.address) from pigeonpost.customer_identities o
        where o.customer_id = i.customer_id) as also, (select count(*) from pigeonpost.conversation_participants p
        where p.customer_id = i.customer_id and p.left_at is null) as chats
      from pigeonpost.customer_identities i where i.tenant_id = ${tenantId} order by 1, 2`,
    media: await sql`
      select m.filename, m.content_type, m.position, o.external_message_id from pigeonpost.media m
      join pigeonpost.messages o on o.id = m.message_id where m.tenant_id = ${tenantId} order by 4, 3`,
    reactions: await sql`
      select r.sender, r.emoji, r.reacted_at from pigeonpost.message_reactions r where r.tenant_id = ${tenantId} order by 1, 2`,
    inbox: await sql`
      select w.channel, w.method, w.path, w.headers, w.body, w.digest, w.status, w.attempts, w.error_code, w.error_field,
        w.error_message, w.processed_at is not null as done
      from pigeonpost.webhook_inbox w where w.tenant_id = ${tenantId} order by w.digest`,
    events: await sql`
      select e.type, m.external_message_id as of, e.payload from pigeonpost.events e left join pigeonpost.messages m on m.id = e.message_id
      where e.tenant_id = ${tenantId} order by 1, 2, 3::text`,
    parked: await sql`
      select p.external_message_id, p.update ->> 'status' as status from pigeonpost.parked_updates p
      where p.tenant_id = ${tenantId} order by 1, 2`,
  }
}

const receipt = (id: string, status: string, timestamp = noon + 60) => ({
  receipt: { message_id: id, status, timestamp },
})

/** A webhook of a channel's own, on its bare path. */
async function openAs(tenantId: number, peer: Peer, request: PeerRequest): Promise<OpenWebhook> {
  const { channel } = peer
  const at = `/api/webhooks/${channel.name}`
  const { method = 'POST', headers, body } = request
  return openWebhook(async () => null, {
    tenantId,
    channel: channel.name,
    request: {
      method,
      url: at,
      path: at,
      query: {},
      receivedAt: new Date(),
      headers,
      body: Buffer.from(body),
    },
  })
}

/** Batches of webhooks of every shape, for whatever tenant. */
function batches(): ((tenantId: number) => Promise<OpenWebhook>)[][] {
  const at = new Date(noon * 1000)
  const usual = (content: object) => (tenantId: number) => open(tenantId, content)
  const telegram = (
    n: number,
    more: { group?: string; from?: string } = {},
    change: object = {},
  ) => {
    const id = telegramPeer.id(n, more.group)
    const request = telegramPeer.text({ id, from: telegramPeer.person(1), at, body: 'Hi', ...more })
    const payload = JSON.parse(String(request.body))
    const body = JSON.stringify({ ...payload, message: { ...payload.message, ...change } })
    return (tenantId: number) => openAs(tenantId, telegramPeer, { ...request, body })
  }
  const mail = (n: number, from: string, ...head: string[]) => {
    const request = mimePeer.text({ id: `${n}@x.test`, from, at, body: 'Hi' })
    const body = String(request.body).replace(
      'MIME-Version',
      [...head, 'MIME-Version'].join('\r\n'),
    )
    return (tenantId: number) => openAs(tenantId, mimePeer, { ...request, body })
  }
  const chat = (request?: PeerRequest) => (tenantId: number) =>
    openAs(tenantId, baileys, request as PeerRequest)
  const person = baileys.person(1)
  const stub = post({
    event: 'messages.upsert',
    data: {
      type: 'notify',
      messages: [
        {
          key: keyOf({ id: baileys.id(1), from: person }),
          messageTimestamp: noon,
          messageStubType: 2,
          broadcast: false,
        },
      ],
    },
  })
  const [group, moved] = [telegramPeer.groupId(1), telegramPeer.groupId(2)]
  return [
    [
      usual(message('a')),
      usual(message('b', { content: 'Olá 👋' }, '+27831234568')),
      usual(message('c')),
      usual(message('bad', { content: 'x'.repeat(1_048_577) })),
    ],
    // Once more in another batch, with a new one and news of what is not here yet.
    [
      usual(message('a', { timestamp: noon + 1 })),
      usual(message('d')),
      usual(receipt('later', 'delivered')),
    ],
    [
      usual(receipt('later', 'read')),
      usual(receipt('b', 'read')),
      usual({ message: { id: 'unreadable' } }),
    ],
    [usual(message('later'))],
    [
      usual(message('answer', { reply_to: 'a' })),
      usual(message('again', { reply_to: 'answer' })),
      usual(message('old', { timestamp: 0 })),
      usual({ edit: { message_id: 'a', content: 'Edited', timestamp: noon + 5 } }),
      usual({ user, reaction: { message_id: 'b', emoji: 'x', timestamp: noon + 5 } }),
      usual({ revoke: { message_id: 'c', timestamp: noon + 5 } }),
      usual({ edit: { message_id: 'a', content: 'x'.repeat(1_048_577), timestamp: noon + 5 } }),
      usual({ ...message('to us'), to: '+27820000042' }),
      usual({ ...message('from us', { from_me: true, reference: 'of another' }) }),
    ],
    [telegram(1), telegram(2, { group }), telegram(4)],
    [
      telegram(5),
      // Who joins in the transaction that makes the group is named by its event, and has no event of their own.
      telegram(3, { group, from: telegramPeer.person(2) }),
      telegram(6, { group }),
      telegram(7),
      telegram(8, { group }),
      telegram(9, { group: telegramPeer.groupId(3) }),
    ],
    [
      // A message for the old id that came with the move is stored under the new one.
      telegram(10, { from: telegramPeer.person(2) }),
      telegram(11, { group }, { text: undefined, migrate_to_chat_id: Number(moved) }),
      telegram(12, { group: moved }),
      telegram(13, { group: moved }, { text: undefined, new_chat_title: 'The family' }),
    ],
    [
      mail(1, 'ann@x.test'),
      mail(2, 'bob@x.test'),
      mail(3, 'ann@x.test', 'References: <root@x.test>'),
    ],
    [
      mail(4, 'ann@x.test', 'In-Reply-To: <1@x.test>'),
      mail(5, 'bob@x.test', 'In-Reply-To: <1@x.test>'),
      mail(6, 'ann@x.test', 'References: <root@x.test>'),
      mail(7, 'ann@x.test', 'In-Reply-To: <4@x.test>'),
    ],
    [chat(stub), chat(baileys.text({ id: baileys.id(2), from: person, at, body: 'Hello' }))],
    [
      chat(baileys.text({ id: baileys.id(1), from: person, at, body: 'Decrypted' })),
      chat(
        baileys.text({
          id: baileys.id(3),
          from: person,
          at,
          body: 'In a group',
          group: baileys.groupId?.(1) ?? '',
        }),
      ),
      chat(baileys.receipt?.({ id: baileys.id(9), to: person, status: 'read', at })),
      chat(
        post({
          event: 'lid-mapping.update',
          data: { lid: '1524@lid', pn: `${person.slice(1)}@s.whatsapp.net` },
        }),
      ),
    ],
    [
      chat(
        baileys.text({
          id: baileys.id(4),
          from: person,
          at,
          body: 'In a group',
          group: baileys.groupId?.(1) ?? '',
        }),
      ),
      chat(
        baileys.text({
          id: baileys.id(5),
          from: baileys.person(2),
          at,
          body: 'In a group',
          group: baileys.groupId?.(1) ?? '',
        }),
      ),
      chat(baileys.text({ id: baileys.id(6), from: person, at, body: 'Direct' })),
      chat(baileys.text({ id: baileys.id(7), from: person, at, body: 'Direct' })),
    ],
  ]
}

t.test('webhooks in batches leave what they leave one by one', async (t) => {
  const { sql, pool } = await start(t)
  const ours = pool(1)
  const all: Record<'together' | 'apart', ReceivedWebhook[]> = { together: [], apart: [] }
  for (const batch of batches()) {
    const opened = await Promise.all(batch.map(async (make) => make(1)))
    all.together.push(...(await storeWebhooks(ours, opened)))
    for (const make of batch) all.apart.push(...(await storeWebhooks(ours, [await make(2)])))
  }
  const together = await outcome(sql, 1, all.together)
  const apart = await outcome(sql, 2, all.apart)
  t.ok(together.messages.length > 30, `${together.messages.length} messages`)
  t.notMatch(JSON.stringify(together.inbox), /"secret"/)
  for (const name of Object.keys(apart) as (keyof typeof apart)[]) {
    t.strictSame(comparable(together[name]), comparable(apart[name]), name)
  }
  t.same(
    together.answers.filter(({ status }) => status === 'failed').map(({ error }) => error?.field),
    ['body', 'message.content', 'body'],
  )
  for (const { inboxId, messageIds } of all.together) {
    t.equal((await sql`select from pigeonpost.webhook_inbox where id = ${inboxId}`).length, 1)
    for (const id of messageIds)
      t.equal((await sql`select from pigeonpost.messages where id = ${id}`).length, 1)
  }
})

/** Events name rows by ids and moments, which differ. */
function comparable(value: object): unknown {
  return JSON.parse(
    JSON.stringify(value)
      .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'id')
      .replaceAll(/"(tenant_id|number)":\d+/g, '"$1":0')
      .replaceAll(/"(at|timestamp|delivered_at|created_at)":"[^"]*"/g, '"$1":"then"'),
  )
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

t.test('of one that fails nothing is half there, and its neighbours are', async (t) => {
  const { sql, pool } = await start(t)
  // What a channel reads as one webhook; its message is good, and the link that comes with it cannot be.
  const broken = await open(1, message('m1'))
  if ('messages' in broken.content) {
    broken.content.groups = [{ externalId: 'g', metadata: 5 as never }]
    broken.content.messages.push({
      ...(broken.content.messages[0] as InboundMessage),
      externalMessageId: 'm2',
      conversationExternalId: 'g',
    })
  }
  const answers = await storeWebhooks(pool(1), [
    await open(1, message('a')),
    broken,
    await open(1, message('b')),
  ])
  t.match(answers, [
    { status: 'processed' },
    {
      status: 'failed',
      messages: [],
      error: { code: 'conversations_group_metadata_is_an_object' },
    },
    { status: 'processed' },
  ])
  t.same(
    [...(await sql`select external_message_id as id from pigeonpost.messages order by 1`)],
    [{ id: 'a' }, { id: 'b' }],
  )
  t.match(
    await sql`select status, error_code from pigeonpost.webhook_inbox where status = 'failed'`,
    [{ error_code: 'conversations_group_metadata_is_an_object' }],
  )
})

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
    await waitFor(() => free.length === n, { what: `No. ${n} to be answered` })
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
