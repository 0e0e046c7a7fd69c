/** The endpoints that the source documents name, each called with the document's own example. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { scopes } from '../../../db/keys/scopes.ts'
import { errorOf, testApi } from './support/api.ts'
import {
  conversations,
  email,
  events,
  list,
  messageModel,
  participants,
  send,
  sms,
  statistics,
  webhook,
} from './support/documents.ts'
import { nowhere } from './support/people.ts'
import { differences, missingColumns } from './support/shape.ts'

type Call = (t: Test, api: Api) => Promise<void>
type Api = Awaited<ReturnType<typeof withAccount>>

async function withAccount(t: Test) {
  const api = await testApi(t)
  const addAccount = async (row: object = {}) => {
    const full = { tenant_id: 1, channel: 'whatsapp', ...row }
    const [account] = await api.sql`insert into pigeonpost.accounts ${api.sql(full)} returning id`
    return String(account?.['id'])
  }
  const accountId = await addAccount({ address: '+27820000000' })
  /** Messages that came in and went out on the account, one of each type by turns. */
  const store = async (count: number, row: object = {}) => {
    const full = { direction: 'inbound', status: 'delivered', ...row }
    const types = ['text', 'image', 'video', 'audio', 'file']
    const rows = Array.from({ length: count }, (_, n) => ({
      tenant_id: 1,
      account_id: accountId,
      channel: 'whatsapp',
      address: '+27831234567',
      external_message_id: `${full.direction}-${full.status}-${n}`,
      content_type: types[n % types.length] ?? 'text',
      body: 'Hello',
      ...full,
    }))
    return api.sql`insert into pigeonpost.messages ${api.sql(rows)} returning *`
  }
  /** The document's text with an id of ours in place of the placeholder. */
  const fill = (text: string) => text.replace('uuid', accountId)
  return { ...api, addAccount, accountId, store, fill }
}

/** Compares a whole answer with the document's. */
function isAs(t: Test, answer: { status: number; body: unknown }, status: number, text: string) {
  t.equal(answer.status, status)
  t.same(differences(answer.body, JSON.parse(text)), [])
}

const calls: Record<string, Call> = {
  'POST /api/v1/messages': async (t, { post, sql, addAccount, accountId, fill }) => {
    const example = JSON.parse(fill(send.request))
    isAs(t, await post('/api/v1/messages', fill(send.request)), 202, send.answer)
    await addAccount({ channel: 'telegram' })
    const { whatsappAccountId, ...rest } = example
    const again = await post('/api/v1/messages', { ...rest, accountId: whatsappAccountId })
    isAs(t, again, 202, send.answer)

    const refuses = async (change: object, message: string) => {
      const answer = await post('/api/v1/messages', { ...example, ...change })
      t.match([answer.status, errorOf(t, answer).message], [400, message])
    }
    await refuses({ to: '1234567890' }, 'Phone number must be in E.164 format')
    const disconnected = await addAccount({ status: 'disconnected' })
    await refuses({ whatsappAccountId: disconnected }, 'WhatsApp account is not connected')
    await sql`update pigeonpost.accounts set daily_limit = 2 where id = ${accountId}`
    await refuses({ scheduledFor: null }, 'Daily message limit reached')
  },

  'GET /api/v1/messages': async (t, { get, sql, store, addAccount, fill }) => {
    const other = await addAccount()
    await store(60)
    await store(20, { status: 'sent', direction: 'outbound' })
    await store(19, { status: 'queued', direction: 'outbound', external_message_id: null })
    const [failed] = await store(1, {
      status: 'queued',
      direction: 'outbound',
      external_message_id: null,
    })
    await sql`update pigeonpost.messages set status = 'failed' where id = ${failed?.['id']}`
    await sql`update pigeonpost.messages set status = 'read' where external_message_id = 'inbound-delivered-7'`
    const answer = await get(fill(list.path))
    isAs(t, answer, 200, list.answer)
    const { messages, ...page } = answer.body.data
    t.match(
      page,
      JSON.parse(list.answer.replace('"messages": [],', '')).data,
      'in its numbers, too',
    )
    t.equal(messages.length, 50)
    for (const one of messages.filter((one: Row) => one['whatsappMessageId'] !== null)) {
      t.same(missingColumns(one, messageModel), [])
    }

    const find = async (query: string): Promise<Row[]> => {
      const { status, body } = await get(`/api/v1/messages?${query}`)
      t.equal(status, 200, query)
      return body.data.messages
    }
    const named = [...list.parameters.matchAll(/^- `(\w+)` \(optional\): (.*)$/gm)]
    t.equal(named.length, 9)
    for (const [, name = '', meaning = ''] of named) {
      t.match(cellOf('GET /api/v1/messages'), `\`${name}\``, 'the README names it')
      if (!['direction', 'type', 'status'].includes(name)) continue
      for (const word of meaning.split(/, | or /)) {
        const found = await find(`${name}=${word}`)
        t.ok(found.length > 0, `${name}=${word}`)
        for (const one of found) t.equal(one[name], word)
      }
    }
    t.equal((await find(`whatsappAccountId=${other}`)).length, 0)
    t.equal((await find(`contactId=${messages[0].contactId}&limit=100`)).length, 100)
    t.equal((await find('startDate=2025-11-05T10:00:00Z')).length, 50, 'by default')
    t.equal((await find('endDate=2025-11-05')).length, 0)
    t.equal((await find('page=2&limit=60')).length, 40)
    const over = await get('/api/v1/messages?limit=101')
    t.match([over.status, errorOf(t, over).fields], [400, ['limit']])
  },

  'GET /api/v1/messages/:id': async (t, { get, sql, store }) => {
    const [inbound] = await store(1)
    const known = (await get(`/api/v1/messages/${inbound?.['id']}`)).body
    t.match(known, { success: true, data: { direction: 'Inbound', status: 'Delivered' } })
    t.same(missingColumns(known.data, messageModel), [])
    const sent = { direction: 'outbound', status: 'queued', external_message_id: null }
    const [failed] = await store(1, sent)
    const id = failed?.['id']
    await sql`update pigeonpost.outbox set attempt = 3 where message_id = ${id}`
    await sql`
      update pigeonpost.messages set status = 'failed', error_code = 'x', error_message = 'No route'
      where id = ${id}`
    const { data } = (await get(`/api/v1/messages/${id}`)).body
    t.match(data, { status: 'Failed', errorMessage: 'No route', attempts: 3 })
  },

  'GET /api/v1/messages/statistics': async (t, { get, store, fill }) => {
    await store(7)
    await store(3, { status: 'sent', direction: 'outbound' })
    const answer = await get(fill(statistics.path))
    isAs(t, answer, 200, statistics.answer)
    const { total, byStatus, byDirection, byType } = answer.body.data
    t.equal(total, 10)
    for (const group of [byStatus, byDirection, byType]) {
      const counts = Object.values<number>(group)
      t.equal(
        counts.reduce((sum, count) => sum + count),
        10,
      )
    }
    t.match(byStatus, { Sent: 3, Delivered: 7 })
    t.match(byDirection, { Inbound: 7, Outbound: 3 })
  },

  'PUT /api/v1/messages/:id/read': async (t, { call, store }) => {
    const [message] = await store(1)
    const { status, body } = await call('PUT', `/api/v1/messages/${message?.['id']}/read`)
    t.equal(status, 200)
    t.match(body, { success: true, data: { status: 'Read' } })
    t.same(missingColumns(body.data, messageModel), [])
    t.ok(body.data.readAt)
  },

  'POST /api/v1/messages/:id/retry': async (t, { call, store, sql }) => {
    const [message] = await store(1, {
      direction: 'outbound',
      status: 'queued',
      external_message_id: null,
    })
    const id = message?.['id']
    await sql`update pigeonpost.messages set status = 'failed' where id = ${id}`
    const { status, body } = await call('POST', `/api/v1/messages/${id}/retry`)
    t.equal(status, 200)
    t.match(body, { success: true, data: { id, status: 'Queued' } })
  },

  'GET /conversations': async (t, { get, post }) => {
    await openGroup(post)
    const { status, body } = await get('/conversations')
    t.equal(status, 200)
    const [one, ...rest] = body.data.conversations
    t.same(rest, [])
    t.same(missingColumns(one, conversations), [])
    t.match(body.data, { total: 1, page: 1, totalPages: 1 }, 'paginated')
    const over = await get('/conversations?limit=101')
    t.match([over.status, errorOf(t, over).fields], [400, ['limit']])
  },

  'GET /conversations/:id': async (t, { get, post, store }) => {
    const [, latest] = await store(2)
    const direct = (await get(`/conversations/${latest?.['conversation_id']}`)).body.data
    t.same(missingColumns(direct, conversations), [])
    t.match(direct, { type: 'direct', status: 'open' })
    t.equal(direct.participants.length, 2, 'exactly 2 participants')
    t.equal(direct.messages[0].id, latest?.['id'], 'and the latest messages')
    const { data } = (await get(`/conversations/${(await openGroup(post)).id}`)).body
    t.same(missingColumns(data, conversations), [])
    t.equal(data.participants.length, 2)
    for (const one of data.participants) t.same(missingColumns(one, participants), [])
  },

  'POST /conversations/:id/participants': async (t, { post, get }) => {
    const { id } = await openGroup(post)
    const customer = await post('/api/v1/customers', { name: 'Thandi' })
    // The document has no request; these are the fields of its event.
    const { customer_id: _, role } = JSON.parse(events['conversation.participant.added'])
    const body = { customer_id: customer.body.data.id, role }
    const answer = await post(`/conversations/${id}/participants`, body)
    t.equal(answer.status, 201)
    t.same(missingColumns(answer.body.data, participants), [])
    t.match(answer.body.data, { conversationId: id, customerId: body.customer_id, role: 'member' })
    t.equal((await get(`/conversations/${id}`)).body.data.participants.length, 3)
  },

  'POST /api/messages/sms': async (t, { post }) => {
    const { status, body } = await post('/api/messages/sms', sms)
    t.equal(status, 202)
    t.same(differences(body.data, outbox(sms)), [])
    const bare = await post('/api/messages/sms', { ...sms, attachments: [] })
    t.match(bare.body.data, { attachments: [], type: 'sms' })
    const attachments = ['https://example.com/image.jpg', 'https://example.com/clip.mp4']
    const mms = await post('/api/messages/sms', { ...sms, type: 'mms', attachments })
    t.match(mms.body.data, { attachments, type: 'mms' }, 'several are one message')
    t.equal(new Set([body, bare.body, mms.body].map(({ data }) => data.conversation_id)).size, 1)
  },

  'POST /api/messages/email': async (t, { post }) => {
    const { status, body } = await post('/api/messages/email', email)
    t.equal(status, 202)
    t.same(differences(body.data, outbox(email)), [])
    for (const attachments of [null, []]) {
      const bare = await post('/api/messages/email', { ...email, attachments })
      t.match([bare.status, bare.body.data?.attachments], [202, []])
    }
  },

  'POST /api/webhooks/<channel>': async (t, { post, get, sql }) => {
    const raw = await post('/api/webhooks/fakechat', webhook)
    t.equal(raw.status, 200)
    const [{ id }] = raw.body.data.messages
    t.match((await get(`/api/v1/messages/${id}`)).body.data, {
      channel: 'fakechat',
      address: '+27831234567',
      externalMessageId: 'abc123',
      type: 'Text',
      content: 'Hello',
      sentAt: '2024-12-09T18:20:00.000Z',
    })
    const attachments = ['https://example.com/image.jpg', 'https://example.com/clip.mp4']
    const cases: [string, object][] = [
      ['sms', { ...sms, messaging_provider_id: 'message-1', attachments: [] }],
      ['sms', { ...sms, type: 'mms', messaging_provider_id: 'message-2', attachments }],
      ['email', { ...email, xillio_id: 'message-3', attachments: null }],
    ]
    for (const [channel, body] of cases) {
      const { status, body: said } = await post(`/api/webhooks/${channel}`, body)
      t.match([status, said.data?.messages?.length], [200, 1], JSON.stringify(body))
    }
    t.equal((await sql`select from pigeonpost.messages`).length, 4)
  },

  'GET /api/conversations': async (t, { post, get }) => {
    await exchange(t, post)
    const { status, body } = await get('/api/conversations')
    t.equal(status, 200)
    t.equal(body.data.total, 2, 'one for each pair of addresses, whoever wrote first')
    t.same(body, (await get('/conversations')).body)
  },

  'GET /api/conversations/:id/messages': async (t, { post, get }) => {
    for (const { id, out, back } of await exchange(t, post)) {
      const { status, body } = await get(`/api/conversations/${id}/messages`)
      t.equal(status, 200)
      const [outbound, inbound, ...rest] = body.data.messages
      t.same(rest, [], 'in one conversation')
      // `type` is the WhatsApp message API's here: both APIs have that name.
      const { type: _, ...expected } = outbox(out)
      t.same(differences(outbound, expected), [])
      const { type: __, ...received } = outbox(back)
      const changes = {
        inbound_or_outbound: 'inbound',
        status_tag: 'ok',
        status_payload: { state: 'delivered', attempts: 0 },
        provider_id: 'provider',
        provider_message_id: back.id,
      }
      t.same(differences(inbound, { ...received, ...changes }), [])
    }
  },
}

type Row = Record<string, unknown>
type Post = Api['post']

/** The messaging-service API's fields, as the answer to a message that goes out has them. */
function outbox({ from, to, body, timestamp, ...rest }: typeof sms | typeof email) {
  return {
    id: 'uuid',
    conversation_id: 'uuid',
    inbound_or_outbound: 'outbound',
    endpoint_source: from,
    endpoint_target: to,
    type: 'type' in rest ? rest.type : 'email',
    body,
    attachments: rest.attachments ?? [],
    timestamp,
    status_tag: 'outbox',
    status_payload: { state: 'queued', attempts: 0, next_attempt_at: null },
    provider_id: null as string | null,
    provider_message_id: null as string | null,
    created_at: '2025-11-05T10:00:00Z',
  }
}

async function openGroup(post: Post): Promise<{ id: string }> {
  const ids = ['Sipho', 'Lerato'].map(async (name) => post('/api/v1/customers', { name }))
  const people = (await Promise.all(ids)).map(({ body }) => body.data.id)
  const group = { type: 'group', group_name: 'Friends', participants: people }
  return (await post('/conversations', { channel: 'whatsapp', ...group })).body.data
}

/** A message from A to B and a webhook from B to A, by text and by mail: each pair in one conversation. */
async function exchange(t: Test, post: Post) {
  const done = []
  for (const [channel, out] of [
    ['sms', sms],
    ['email', email],
  ] as const) {
    const { body } = await post(`/api/messages/${channel}`, out)
    const back = { ...out, from: out.to, to: out.from, body: 'And back', id: `${channel}-1` }
    const { id: provider_id, ...payload } = back
    const answer = await post(`/api/webhooks/${channel}`, { ...payload, provider_id })
    t.equal(answer.status, 200, 'a 200 OK acknowledgment')
    done.push({ id: String(body.data.conversation_id), out, back })
  }
  return done
}

const readme = await readFile(join(import.meta.dirname, '../../../adapters/http/README.md'), 'utf8')
const section = /\n### Compatible with\n([^]*?)\n##/.exec(readme)?.[1] ?? ''
const rows = [...section.matchAll(/^\| ([a-zA-Z -]+) \| `(\w+ \S+)` \| (.*) \| `(\S+)` \|$/gm)].map(
  ([, contract = '', endpoint = '', does = '', scope = '']) => ({
    contract,
    endpoint,
    does,
    scope,
  }),
)
const cellOf = (endpoint: string) => rows.find((row) => row.endpoint === endpoint)?.does ?? ''

t.test('the README lists each endpoint that is called here, and no other', async (t) => {
  t.same(
    rows.map(({ endpoint }) => endpoint),
    Object.keys(calls),
  )
  const lines = section.split('\n').filter((line) => /^\| .*`/.test(line))
  t.equal(rows.length, lines.length, 'each row has a contract, an endpoint and a scope')
})

for (const { contract, endpoint } of rows) {
  const call = calls[endpoint]
  if (call)
    t.test(`${endpoint} is as ${contract} has it`, async (t) => call(t, await withAccount(t)))
}

t.test('each needs the scope that the README says', async (t) => {
  const { makeKey, call } = await withAccount(t)
  for (const { endpoint, scope } of rows) {
    const [method = '', path = ''] = endpoint.split(' ')
    const ask = async (given: (typeof scopes)[number][]) => {
      const authorization = `Bearer ${(await makeKey({ scopes: given })).key}`
      const url = path.replace(':id', nowhere).replace('<channel>', 'fakechat')
      return call(method, url, method === 'GET' ? undefined : {}, { authorization })
    }
    const refused = await ask(scopes.filter((one) => one !== scope))
    t.match([refused.status, errorOf(t, refused).message], [403, new RegExp(scope)], endpoint)
    const { status } = await ask(scopes.filter((one) => one === scope))
    t.notOk([401, 403].includes(status), endpoint)
  }
})

t.test('the events are as documents 000 and 001 have them', async (t) => {
  const { post, get, accountId } = await withAccount(t)
  await post('/api/webhooks/fakechat', webhook)
  const hello = { whatsappAccountId: accountId, to: '+1234567890', content: 'Hello there' }
  await post('/api/v1/messages', hello)
  const { id } = await openGroup(post)
  await post(`/conversations/${id}/participants`, { address: '+27831234567' })
  await post(`/conversations/${id}/close`, undefined)
  const logged: { type: string; payload: Row }[] = (await get('/api/v1/events')).body.data.events
  for (const [type, text] of Object.entries(events)) {
    // Direct conversations were opened, too: the example is a group's.
    const found = logged.filter((one) => one.type === type)
    const example = JSON.parse(text)
    const like = found.find(({ payload }) => !example.type || payload['type'] === example.type)
    t.same(differences(like?.payload, example), [], type)
  }
  const names = logged.map(({ type }) => type)
  for (const name of ['customer.created', 'conversation.closed']) {
    t.ok(names.includes(name), `${name}, which the documents only name`)
  }
})
