import { REST } from '@discordjs/rest'
import t, { type Test } from 'tap'
import type { ChannelAccount, OutboundMessage } from '../../../../adapters/channels/channel.ts'
import { createDiscordProvider } from '../../../../adapters/channels/discord/index.ts'
import { startProviderServer } from '../../../support/provider.ts'
import { botToken, discordPeer } from './peer.ts'

const attemptId = '0193a1b2-0000-7000-8000-00000000000b'
const nonce = 'AZOhsgAAcACAAAAAAAAACw'
const channelId = '290926798999357250'
const userId = '80351110224678912'
const directId = '319674150115610528'

type Asked = {
  method: string | undefined
  path: string | undefined
  authorization: string | undefined
  contentType: string | undefined
  agent: string | undefined
  body: unknown
}
type Answer = { status: number; json: unknown }

const taken: Answer = { status: 200, json: { id: '334385199974967042', channel_id: channelId } }
const opened: Answer = { status: 200, json: { id: directId, type: 1, recipients: [] } }

/** Discord's REST API, answering as told, and what it was asked. */
async function start(t: Test, answers?: (asked: Asked) => Answer) {
  const asked: Asked[] = []
  const server = await startProviderServer(t, (body, response, { method, url, headers }) => {
    const one = {
      method,
      path: url,
      authorization: headers.authorization,
      contentType: headers['content-type'],
      agent: headers['user-agent'],
      body: JSON.parse(body) as unknown,
    }
    asked.push(one)
    const standard = url?.endsWith('/users/@me/channels') ? opened : taken
    const { status, json } = answers?.(one) ?? standard
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json))
  })
  const provider = createDiscordProvider()
  const account: ChannelAccount = {
    tenantId: 1,
    accountId: '0193a1b2-0000-7000-8000-000000000001',
    ...discordPeer.account,
    settings: { api_url: `${server.url}api/v10` },
  }
  const send = (change: Partial<OutboundMessage> = {}, from = account, signal?: AbortSignal) =>
    provider.send(
      {
        id: '0193a1b2-0000-7000-8000-00000000000a',
        attemptId,
        attempt: 1,
        address: userId,
        conversationExternalId: channelId,
        contentType: 'text',
        body: 'Hello',
        mediaUrl: null,
        replyTo: null,
        metadata: {},
        ...change,
      },
      { account: from, signal: signal ?? AbortSignal.timeout(60_000), publicUrl: null },
    )
  const rest = new REST({ api: `${server.url}api`, version: '10' }).setToken(botToken)
  return { account, asked, provider, send, rest }
}

const url = 'https://media.example/1.png'
const same = { nonce, enforce_nonce: true, allowed_mentions: { parse: [] } }

const kinds: [title: string, ours: Partial<OutboundMessage>, body: object][] = [
  ['a text', {}, { content: 'Hello' }],
  [
    'an answer',
    { replyTo: { externalMessageId: '5', subject: null } },
    { content: 'Hello', message_reference: { message_id: '5', fail_if_not_exists: false } },
  ],
  ['an image, as a link', { contentType: 'image', mediaUrl: url }, { content: `Hello\n${url}` }],
  [
    'files without a body',
    { contentType: 'file', body: null, metadata: { media: [{ url }, { url: `${url}?2` }] } },
    { content: `${url}\n${url}?2` },
  ],
  [
    'a card with buttons',
    {
      contentType: 'structured',
      body: null,
      metadata: { embeds: [{ title: 'Card' }], components: [{ type: 1, components: [] }] },
    },
    { embeds: [{ title: 'Card' }], components: [{ type: 1, components: [] }] },
  ],
  [
    'a text that pings people',
    { body: '<@1>', metadata: { allowed_mentions: { users: ['1'] } } },
    { content: '<@1>', allowed_mentions: { users: ['1'] } },
  ],
]
for (const [title, ours, body] of kinds) {
  t.test(`${title} is asked for as @discordjs/rest asks for it`, async (t) => {
    const { asked, rest, send } = await start(t)
    t.same(await send(ours), { outcome: 'sent', externalMessageId: '334385199974967042' })
    await rest.post(`/channels/${channelId}/messages`, { body: { ...same, ...body } })
    const [own, theirs] = asked
    t.match(own, { method: 'POST', path: `/api/v10/channels/${channelId}/messages` })
    t.match(own?.agent, /^DiscordBot \(.+, \S+\)$/)
    // Each names itself, and the package adds its own name behind it.
    t.same({ ...own, agent: '' }, { ...theirs, agent: '' })
  })
}

t.test('a direct chat is opened first, as @discordjs/rest opens it, and only once', async (t) => {
  const { account, asked, rest, send } = await start(t)
  const direct = { conversationExternalId: null }
  for (let i = 0; i < 2; i++) t.match(await send(direct), { outcome: 'sent' })
  await rest.post('/users/@me/channels', { body: { recipient_id: userId } })
  t.same(
    asked.map(({ path }) => path),
    [
      '/api/v10/users/@me/channels',
      `/api/v10/channels/${directId}/messages`,
      `/api/v10/channels/${directId}/messages`,
      '/api/v10/users/@me/channels',
    ],
  )
  t.same({ ...asked[0], agent: '' }, { ...asked[3], agent: '' })
  const accountId = '0193a1b2-0000-7000-8000-000000000002'
  await send(direct, { ...account, accountId })
  t.equal(asked[4]?.path, '/api/v10/users/@me/channels', "another bot's chat is another one")
})

t.test('a direct chat that could not be opened was not written to', async (t) => {
  const answers: Answer[] = [
    { status: 502, json: {} },
    { status: 200, json: {} },
    { status: 400, json: { code: 40003, message: 'You are opening direct messages too fast' } },
    { status: 400, json: { code: 50278, message: 'Cannot send messages to this user' } },
  ]
  const { asked, send } = await start(t, () => answers.shift() ?? taken)
  const direct = { conversationExternalId: null }
  for (const expected of [
    { retryable: true, errorCode: '502' },
    { retryable: true, errorCode: 'answer_unreadable' },
    { retryable: true, errorCode: '40003', retryAfterMs: 60_000 },
    { retryable: false, errorCode: '50278' },
  ]) {
    t.match(await send(direct), { outcome: 'not_sent', ...expected })
  }
  t.equal(asked.length, 4)
})

t.test('a direct chat that is gone is opened anew by the next try', async (t) => {
  const gone = { status: 404, json: { code: 10003, message: 'Unknown Channel' } }
  const answers: Answer[] = [opened, gone, opened, taken]
  const { asked, send } = await start(t, () => answers.shift() ?? taken)
  const direct = { conversationExternalId: null }
  t.match(await send(direct), { outcome: 'not_sent', retryable: true, errorCode: '10003' })
  t.match(await send(direct), { outcome: 'sent' })
  t.equal(asked.length, 4)
})

const refusals: [status: number, json: unknown, outcome: object][] = [
  [401, { message: '401: Unauthorized', code: 0 }, { errorCode: '401', account: 'disconnect' }],
  [403, { message: 'Invalid token', code: 50014 }, { errorCode: '50014', account: 'disconnect' }],
  [
    403,
    { message: 'Cannot send messages to this user', code: 50007 },
    { retryable: false, errorCode: '50007', errorMessage: /this user/, account: undefined },
  ],
  [403, { message: 'Missing Access', code: 50001 }, { retryable: false, errorCode: '50001' }],
  [403, { message: 'Missing Permissions', code: 50013 }, { retryable: false, errorCode: '50013' }],
  [404, { message: 'Unknown Channel', code: 10003 }, { retryable: false, errorCode: '10003' }],
  [
    400,
    {
      message: 'Invalid Form Body',
      code: 50035,
      errors: { content: { _errors: [{ code: 'X' }] } },
    },
    { retryable: false, errorCode: '50035', errorMessage: /Invalid Form Body .*content/ },
  ],
  [
    429,
    { message: 'You are being rate limited.', retry_after: 1.337, global: false },
    { retryable: true, errorCode: 'rate_limited', retryAfterMs: 1337 },
  ],
  [
    429,
    { message: 'You are being rate limited.', retry_after: 64.57, global: true },
    { retryable: true, errorCode: 'rate_limited_globally', retryAfterMs: 64_570 },
  ],
  [
    429,
    { message: 'Slow mode', code: 20016, retry_after: 3 },
    { retryable: true, retryAfterMs: 3000 },
  ],
  [400, { message: 'New', code: 99999 }, { retryable: false }],
  [500, { message: 'Internal', code: 0 }, { retryable: true, errorCode: '500' }],
]
t.test('a refusal says whether another try is worth it, and whether the account is', async (t) => {
  let next: Answer = taken
  const { send } = await start(t, () => next)
  for (const [status, json, outcome] of refusals) {
    next = { status, json }
    t.match(await send(), { outcome: 'not_sent', ...outcome }, JSON.stringify(json))
  }
  next = { status: 504, json: {} }
  t.match(await send(), { outcome: 'ambiguous' })
})

t.test('what Discord cannot take is refused before any request', async (t) => {
  const { account, asked, send } = await start(t)
  const location = { location: { latitude: 1, longitude: 2 } }
  const cases: [ours: Partial<OutboundMessage>, errorCode: string][] = [
    [{ body: 'x'.repeat(2001) }, 'body_too_long'],
    [{ body: 'x'.repeat(1990), contentType: 'image', mediaUrl: url }, 'body_too_long'],
    [{ body: null }, 'body_empty'],
    [{ contentType: 'structured', body: '' }, 'body_empty'],
    [{ contentType: 'image' }, 'media_missing'],
    [{ contentType: 'image', metadata: { media: [{ id: '1' }] } }, 'media_missing'],
    [{ contentType: 'location', metadata: location }, 'content_unsupported'],
    [{ conversationExternalId: '../users' }, 'address_invalid'],
    [{ conversationExternalId: null, address: '+27831234567' }, 'address_invalid'],
  ]
  for (const [ours, errorCode] of cases) {
    t.match(await send(ours), { outcome: 'not_sent', retryable: false, errorCode })
  }
  for (const secret of [null, '{"bridge_token":"a"}', 'a token\n']) {
    t.match(await send({}, { ...account, secret }), {
      errorCode: 'account_misconfigured',
      account: 'disconnect',
    })
  }
  t.same(asked, [])
  t.match(await send({ body: '😀'.repeat(2000) }), { outcome: 'sent' }, 'an emoji is a character')
})

t.test('the nonce of a second request is that of the first', async (t) => {
  const { account, asked, provider, send } = await start(t)
  t.equal(provider.takesIdempotencyKey(account), true)
  await send()
  await send()
  t.match(asked[0]?.body, { nonce, enforce_nonce: true })
  t.same(asked[0], asked[1])
})
