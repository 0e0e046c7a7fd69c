import createClient from 'openapi-fetch'
import t, { type Test } from 'tap'
import type { paths } from '../../support/api-types.d.ts'
import { picture } from '../../support/media.ts'
import { contractOf, example } from './support/api.ts'
import { withPeople } from './support/people.ts'

const json = (body: unknown) => body as Record<string, never>

/** A client of the types that the document makes, and what one good call of each operation needs. */
async function withClient(t: Test) {
  const people = await withPeople(t)
  const { api, sql, makeKey, accountId, say, addCustomer, addAccount } = people
  const { key } = await makeKey()
  const contract = await contractOf(api.url)
  const answered = new Map<string, number>()
  /** Holds each answer against the document, and notes of which operation it was. */
  const watched: typeof fetch = async (input, init) => {
    const response = await fetch(input, init)
    const { pathname } = new URL(input instanceof Request ? input.url : input)
    const found = contract.find(init?.method ?? 'GET', pathname)
    if (!found) throw new Error(`${pathname} is not in the document`)
    const { status, headers } = response
    const text = await response.clone().text()
    const body: unknown = headers.get('content-type')?.startsWith('application/json')
      ? JSON.parse(text)
      : text
    t.equal(contract.objection(found, { status, headers, body }), null, pathname)
    answered.set(found.operation.operationId ?? '', status)
    return response
  }
  const client = createClient<paths>({
    baseUrl: api.url,
    fetch: watched,
    headers: { authorization: `Bearer ${key}` },
  })

  const inbound = await say('+27831234567')
  /** An outbound message of that status. */
  const outbound = async (...steps: string[]) => {
    const row = {
      tenant_id: 1,
      channel: 'fakechat',
      direction: 'outbound',
      address: '+27831234567',
      body: 'x',
    }
    const [stored] = await sql`insert into pigeonpost.messages ${sql(row)} returning id`
    const id = String(stored?.['id'])
    for (const status of steps) {
      await sql`update pigeonpost.messages set status = ${status} where id = ${id}`
    }
    return { path: { id } }
  }
  const group = await client.POST('/api/v1/conversations', {
    body: {
      type: 'group',
      accountId,
      groupName: 'Family',
      participants: [{ address: '+27831230001' }, { address: '+27831230002' }],
    },
  })
  return {
    ...people,
    client,
    contract,
    answered,
    outbound,
    message: { path: { id: String(inbound['id']) } },
    conversation: { path: { id: String(inbound['conversation_id']) } },
    thread: { path: { id: String(inbound['thread_id']) } },
    customer: { path: { id: String(inbound['customer_id']) } },
    account: { path: { id: accountId } },
    group: group.data?.data,
    another: () => addCustomer({ name: 'Another' }),
    spare: async () => ({ path: { id: await addAccount({ address: '+15550009000' }) } }),
  }
}

t.test('the typed client calls every operation of the document', async (t) => {
  const api = await withClient(t)
  const { client, contract, answered, outbound, another, makeKey, sql } = api
  const { message, conversation, thread, customer, account, group } = api
  const member = group?.participants.find((one) => one.customerId !== null)
  if (!group || !member) throw new Error('there is no group')
  const inGroup = { path: { id: group.id } }
  const participant = { path: { id: group.id, participantId: member.id } }
  const spare = await api.spare()
  process.env['CLIENT_TEST_SECRETS'] = JSON.stringify({ verify_token: 'let me in' })
  t.teardown(() => delete process.env['CLIENT_TEST_SECRETS'])
  const whatsapp = await api.addAccount({
    channel: 'whatsapp',
    address: '+15550002000',
    secret_ref: 'env:CLIENT_TEST_SECRETS',
  })

  const anotherKey = async () => (await makeKey()).id
  const fileForm = new FormData()
  fileForm.append('file', new Blob([await picture()]), 'picture.jpg')
  const file = async () => {
    const [row] = await sql<{ id: string }[]>`
      with file as (select id from pigeonpost.media_files limit 1)
      insert into pigeonpost.media (tenant_id, file_id) select 1, f.id from file f returning id`
    return { path: { id: row?.id ?? '' } }
  }
  const calls: Record<string, () => Promise<{ response: Response }>> = {
    getLiveness: () => client.GET('/health/live', {}),
    getReadiness: () => client.GET('/health/ready', {}),
    getMetrics: () => client.GET('/metrics', { parseAs: 'text' }),

    sendMessage: () =>
      client.POST('/api/v1/messages', {
        params: { header: { 'Idempotency-Key': 'one' } },
        body: { to: '+27831234567', type: 'Text', content: 'Hello', accountId: account.path.id },
      }),
    getMessage: () => client.GET('/api/v1/messages/{id}', { params: message }),
    listMessages: () =>
      client.GET('/api/v1/messages', { params: { query: { direction: 'Inbound', limit: 10 } } }),
    getMessageStatistics: () => client.GET('/api/v1/messages/statistics', { params: {} }),
    markMessageRead: () => client.PUT('/api/v1/messages/{id}/read', { params: message }),
    retryMessage: async () =>
      client.POST('/api/v1/messages/{id}/retry', { params: await outbound('failed') }),
    cancelMessage: async () =>
      client.POST('/api/v1/messages/{id}/cancel', { params: await outbound() }),
    resolveMessage: async () =>
      client.POST('/api/v1/messages/{id}/resolve', {
        params: await outbound('unknown'),
        body: { status: 'sent', externalMessageId: 'theirs' },
      }),
    retryMessages: () => client.POST('/api/v1/messages/retry', { body: { limit: 5 } }),
    sendSms: () =>
      client.POST('/api/messages/sms', {
        body: { from: '+12016661234', to: '+18045551234', type: 'sms', body: 'text message' },
      }),
    sendEmail: () =>
      client.POST('/api/messages/email', {
        body: { from: 'user@usehatchapp.com', to: 'contact@gmail.com', body: '<b>Hello</b>' },
      }),

    listConversations: () =>
      client.GET('/api/v1/conversations', { params: { query: { status: 'open', page: 1 } } }),
    getConversation: () => client.GET('/api/v1/conversations/{id}', { params: conversation }),
    createConversation: async () =>
      client.POST('/api/v1/conversations', {
        body: { accountId: account.path.id, customerId: await another() },
      }),
    updateConversation: () =>
      client.PATCH('/api/v1/conversations/{id}', { params: inGroup, body: { groupName: 'Us' } }),
    closeConversation: () =>
      client.POST('/api/v1/conversations/{id}/close', { params: conversation }),
    reopenConversation: () =>
      client.POST('/api/v1/conversations/{id}/reopen', { params: conversation }),
    setConversationPending: () =>
      client.POST('/api/v1/conversations/{id}/pending', { params: conversation }),
    listConversationMessages: () =>
      client.GET('/api/v1/conversations/{id}/messages', { params: conversation }),
    listParticipants: () =>
      client.GET('/api/v1/conversations/{id}/participants', {
        params: { ...inGroup, query: { left: true } },
      }),
    addParticipant: () =>
      client.POST('/api/v1/conversations/{id}/participants', {
        params: inGroup,
        body: { address: '+27831230003', role: 'member' },
      }),
    changeParticipantRole: () =>
      client.PATCH('/api/v1/conversations/{id}/participants/{participantId}', {
        params: participant,
        body: { role: 'admin' },
      }),
    removeParticipant: () =>
      client.DELETE('/api/v1/conversations/{id}/participants/{participantId}', {
        params: participant,
      }),
    listConversationThreads: () =>
      client.GET('/api/v1/conversations/{id}/threads', { params: conversation }),
    archiveCurrentThread: () =>
      client.POST('/api/v1/conversations/{id}/threads/current/archive', { params: conversation }),
    getThread: () => client.GET('/api/v1/threads/{id}', { params: thread }),
    getThreadHistory: () =>
      client.GET('/api/v1/threads/{id}/history', {
        params: { ...thread, query: { format: 'turns' } },
      }),
    archiveThread: () => client.POST('/api/v1/threads/{id}/archive', { params: thread }),

    listCustomers: () => client.GET('/api/v1/customers', { params: { query: { limit: 5 } } }),
    listKeys: () => client.GET('/api/v1/keys'),
    createKey: () =>
      client.POST('/api/v1/keys', { body: { name: 'shop', scopes: ['messages:read'] } }),
    rotateKey: async () =>
      client.POST('/api/v1/keys/{id}/rotate', { params: { path: { id: await anotherKey() } } }),
    revokeKey: async () =>
      client.DELETE('/api/v1/keys/{id}', { params: { path: { id: await anotherKey() } } }),
    uploadMedia: () =>
      client.POST('/api/v1/media', {
        body: { file: '' },
        bodySerializer: () => fileForm,
      }),
    getMedia: async () => client.GET('/api/v1/media/{id}', { params: await file() }),
    deleteMedia: async () => client.DELETE('/api/v1/media/{id}', { params: await file() }),
    linkMediaDownload: async () =>
      client.GET('/api/v1/media/{id}/download', { params: await file() }),
    linkMediaPreview: async () =>
      client.GET('/api/v1/media/{id}/preview', { params: await file() }),
    createCustomer: () =>
      client.POST('/api/v1/customers', {
        body: { name: 'Ann', identities: [{ channel: 'email', address: 'ann@example.com' }] },
      }),
    getCustomer: () => client.GET('/api/v1/customers/{id}', { params: customer }),
    updateCustomer: () =>
      client.PATCH('/api/v1/customers/{id}', { params: customer, body: { name: 'Thandi' } }),
    mergeCustomer: async () =>
      client.POST('/api/v1/customers/{id}/merge', {
        params: { path: { id: await another() } },
        body: { into: customer.path.id },
      }),
    listIdentities: () => client.GET('/api/v1/customers/{id}/identities', { params: customer }),
    addIdentity: () =>
      client.POST('/api/v1/customers/{id}/identities', {
        params: customer,
        body: { channel: 'telegram', address: '4711' },
      }),
    removeIdentity: () =>
      client.DELETE('/api/v1/customers/{id}/identities/{channel}/{address}', {
        params: { path: { ...customer.path, channel: 'telegram', address: '4711' } },
      }),

    listAccounts: () => client.GET('/api/v1/accounts', { params: {} }),
    createAccount: () =>
      client.POST('/api/v1/accounts', { body: { channel: 'sms', address: '+15550003000' } }),
    getAccount: () => client.GET('/api/v1/accounts/{id}', { params: account }),
    updateAccount: () =>
      client.PATCH('/api/v1/accounts/{id}', { params: account, body: { name: 'Shop' } }),
    disconnectAccount: () =>
      client.POST('/api/v1/accounts/{id}/disconnect', { params: spare, body: { reason: 'Move' } }),
    connectAccount: () => client.POST('/api/v1/accounts/{id}/connect', { params: spare }),
    disableAccount: () => client.POST('/api/v1/accounts/{id}/disable', { params: spare }),
    enableAccount: () => client.POST('/api/v1/accounts/{id}/enable', { params: spare }),
    getAccountLimits: () => client.GET('/api/v1/accounts/{id}/limits', { params: account }),
    getAccountHealth: () => client.GET('/api/v1/accounts/{id}/health', { params: account }),

    listEvents: () => client.GET('/api/v1/events', { params: { query: { type: 'message.*' } } }),

    receiveWebhook: () =>
      client.POST('/api/webhooks/{channel}', {
        params: { path: { channel: 'fakechat' } },
        body: json(example),
      }),
    receiveAccountWebhook: () =>
      client.POST('/api/webhooks/{channel}/{accountId}', {
        params: { path: { channel: 'fakechat', accountId: account.path.id } },
        body: json({ ...example, message: { ...example.message, id: 'another' } }),
      }),
    verifyWebhook: () =>
      client.GET('/api/webhooks/{channel}/{accountId}', {
        params: {
          path: { channel: 'whatsapp', accountId: whatsapp },
          query: {
            'hub.mode': 'subscribe',
            'hub.verify_token': 'let me in',
            'hub.challenge': '1158201444',
          },
        },
        parseAs: 'text',
      }),
  }

  t.same(
    Object.keys(calls).toSorted(),
    contract.operations.map(({ operation }) => operation.operationId ?? '').toSorted(),
    'each has its call here',
  )
  for (const [name, call] of Object.entries(calls)) {
    answered.clear()
    const { response } = await call()
    t.ok(response.ok, `${name} answers ${response.status}`)
    t.same([...answered.keys()], [name])
  }
})

t.test('the client reads what it is typed to read', async (t) => {
  const { client, message, outbound } = await withClient(t)
  const { data } = await client.GET('/api/v1/messages/{id}', { params: message })
  t.equal(data?.data.content, 'Hello')
  t.equal(data?.data.direction, 'Inbound')
  const { error, response } = await client.POST('/api/v1/messages/{id}/retry', {
    params: await outbound(),
  })
  t.equal(response.status, 409)
  t.equal(error?.code, 'message_not_failed')
  // @ts-expect-error -- the document knows no such status
  const wrong = await client.GET('/api/v1/messages', { params: { query: { status: 'Lost' } } })
  t.equal(wrong.error?.code, 'invalid_input')
})
