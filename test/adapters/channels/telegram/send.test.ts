import { Bot } from 'grammy'
import t, { type Test } from 'tap'
import type {
  ChannelAccount,
  OutboundMessage,
  SendOutcome,
} from '../../../../adapters/channels/channel.ts'
import { telegramProvider } from '../../../../adapters/channels/telegram/index.ts'
import { startProviderServer } from '../../../support/provider.ts'
import { telegramPeer } from './peer.ts'

const token = '7000000001:AAE-webhook-test-token'
const chatId = 1111

interface Asked {
  method: string | undefined
  path: string | undefined
  body: Record<string, unknown>
}
type Answer = { status: number; json: unknown }

const taken = (result: unknown): Answer => ({ status: 200, json: { ok: true, result } })
const message = { message_id: 42, date: 1, chat: { id: chatId, type: 'private' } }
const refused = (error_code: number, description: string, parameters?: object): Answer => ({
  status: error_code,
  json: { ok: false, error_code, description, ...(parameters ? { parameters } : {}) },
})

/** The Bot API, answering as told, and what it was asked. */
async function start(t: Test, answers: (asked: Asked) => Answer = () => taken(message)) {
  const asked: Asked[] = []
  const server = await startProviderServer(t, (body, response, { method, url }) => {
    const one = { method, path: url, body: JSON.parse(body) as Record<string, unknown> }
    asked.push(one)
    const { status, json } = answers(one)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json))
  })
  const api = server.url.replace(/\/$/, '')
  const account: ChannelAccount = {
    tenantId: 1,
    accountId: '0193a1b2-0000-7000-8000-000000000001',
    ...telegramPeer.account,
    settings: { api_url: api },
  }
  const send = (change: Partial<OutboundMessage>, from = account) =>
    telegramProvider.send(say(change), {
      account: from,
      signal: AbortSignal.timeout(5000),
      publicUrl: null,
    })
  return { api, account, asked, send }
}

function say(change: Partial<OutboundMessage>): OutboundMessage {
  return {
    id: '0193a1b2-0000-7000-8000-00000000000a',
    attemptId: '0193a1b2-0000-7000-8000-00000000000b',
    attempt: 1,
    address: String(chatId),
    conversationExternalId: null,
    contentType: 'text',
    body: 'Hello',
    mediaUrl: null,
    replyTo: null,
    metadata: {},
    ...change,
  }
}

const url = 'https://media.example/1'
const media = (content_type: string, id = url) => ({ url: id, content_type })
type Api = Bot['api']

const kinds: [
  title: string,
  ours: Partial<OutboundMessage>,
  theirs: (api: Api) => Promise<unknown>,
][] = [
  ['a text', {}, (api) => api.sendMessage(chatId, 'Hello')],
  [
    'a text in a group, formatted, in answer to another',
    {
      conversationExternalId: '-1001234567890',
      metadata: { parse_mode: 'HTML', message_thread_id: '5', disable_notification: true },
      replyTo: { externalMessageId: '-1001234567890:77', subject: null },
    },
    (api) =>
      api.sendMessage(-1001234567890, 'Hello', {
        parse_mode: 'HTML',
        message_thread_id: 5,
        disable_notification: true,
        reply_parameters: { message_id: 77, allow_sending_without_reply: true },
      }),
  ],
  [
    'a text with buttons, to a public channel',
    {
      address: '@news',
      metadata: { reply_markup: { inline_keyboard: [[{ text: 'Yes', callback_data: 'y' }]] } },
    },
    (api) =>
      api.sendMessage('@news', 'Hello', {
        reply_markup: { inline_keyboard: [[{ text: 'Yes', callback_data: 'y' }]] },
      }),
  ],
  [
    'a text for a business account',
    { metadata: { business_connection_id: 'Bc1' } },
    (api) => api.sendMessage(chatId, 'Hello', { business_connection_id: 'Bc1' }),
  ],
  [
    'an image with a caption',
    { contentType: 'image', mediaUrl: url },
    (api) => api.sendPhoto(chatId, url, { caption: 'Hello' }),
  ],
  [
    'an image by its file_id',
    { contentType: 'image', body: null, metadata: { media: [{ id: 'AgAD' }] } },
    (api) => api.sendPhoto(chatId, 'AgAD'),
  ],
  [
    'an audio file',
    { contentType: 'audio', body: null, metadata: { media: [media('audio/mpeg')] } },
    (api) => api.sendAudio(chatId, url),
  ],
  [
    'a voice message',
    { contentType: 'audio', body: null, metadata: { media: [media('audio/ogg; codecs=opus')] } },
    (api) => api.sendVoice(chatId, url),
  ],
  [
    'a video',
    { contentType: 'video', mediaUrl: url },
    (api) => api.sendVideo(chatId, url, { caption: 'Hello' }),
  ],
  [
    'an animation',
    { contentType: 'image', body: null, metadata: { media: [media('image/gif')] } },
    (api) => api.sendAnimation(chatId, url),
  ],
  [
    'a file, even one that is an image',
    { contentType: 'file', metadata: { media: [media('image/png')] } },
    (api) => api.sendDocument(chatId, url, { caption: 'Hello' }),
  ],
  [
    'an album',
    {
      contentType: 'image',
      metadata: { media: [media('image/jpeg'), media('video/mp4', `${url}.mp4`)] },
    },
    (api) =>
      api.sendMediaGroup(chatId, [
        { type: 'photo', media: url, caption: 'Hello' },
        { type: 'video', media: `${url}.mp4` },
      ]),
  ],
  [
    'a location',
    {
      contentType: 'location',
      body: null,
      metadata: { location: { latitude: -33.9, longitude: 18.4, name: 'Here' } },
    },
    (api) => api.sendLocation(chatId, -33.9, 18.4),
  ],
  [
    'a venue',
    {
      contentType: 'location',
      body: null,
      metadata: { location: { latitude: 1, longitude: 2, name: 'Café', address: 'Long St 1' } },
    },
    (api) => api.sendVenue(chatId, 1, 2, 'Café', 'Long St 1'),
  ],
]

for (const [title, ours, theirs] of kinds) {
  t.test(`${title} is asked for as grammY asks for it`, async (t) => {
    const { api, asked, send } = await start(t, ({ path }) =>
      taken(path?.endsWith('sendMediaGroup') ? [message, { ...message, message_id: 43 }] : message),
    )
    t.same(await send(ours), { outcome: 'sent', externalMessageId: '1111:42' })
    await theirs(new Bot(token, { client: { apiRoot: api } }).api)
    t.equal(asked.length, 2)
    t.match(asked[0], { method: 'POST', path: new RegExp(`^/bot${token}/send[A-Z]`) })
    t.same(asked[0], asked[1])
  })
}

t.test(
  "the external id is of the answer's chat, and says through which business account",
  async (t) => {
    const answers = [
      { ...message, chat: { id: -100777, type: 'supergroup' } },
      { ...message, business_connection_id: 'Bc1' },
      { ...message, message_id: 0 },
    ]
    const { asked, account, send } = await start(t, () => taken(answers.shift()))
    t.match(await send({ address: '@news' }), { externalMessageId: '-100777:42' })
    const settings = { ...account.settings, business_connection_id: 'Bc1' }
    t.match(await send({}, { ...account, settings }), { externalMessageId: '1111:42@Bc1' })
    t.equal(asked[1]?.body['business_connection_id'], 'Bc1')
    t.match(
      await send({}),
      { externalMessageId: '1111:put-off-0193a1b2-0000-7000-8000-00000000000b' },
      'a message that Telegram put off has no id of its own yet',
    )
    t.match(await send({}), { outcome: 'ambiguous', errorCode: 'answer_unreadable' })
  },
)

t.test('an answer to what lies in another chat is sent as none', async (t) => {
  const { asked, send } = await start(t)
  for (const externalMessageId of [
    '-4001:77',
    'callback:1',
    '1111:put-off-a',
    '1111:e5',
    '1111:0',
  ]) {
    await send({ replyTo: { externalMessageId, subject: null } })
    t.equal(asked.at(-1)?.body['reply_parameters'], undefined, externalMessageId)
  }
  await send({ replyTo: { externalMessageId: '1111:77@Bc1', subject: null } })
  t.match(asked.at(-1)?.body, { reply_parameters: { message_id: 77 } })
})

const refusals: [answer: Answer, outcome: object][] = [
  [refused(401, 'Unauthorized'), { errorCode: 'bot_token_wrong', account: 'disconnect' }],
  [refused(404, 'Not Found'), { errorCode: 'bot_token_wrong', account: 'disconnect' }],
  [
    refused(403, 'Forbidden: bot was blocked by the user'),
    { retryable: false, errorCode: 'bot_blocked', errorMessage: /blocked/, account: undefined },
  ],
  [
    refused(403, "Forbidden: bot can't initiate conversation with a user"),
    { retryable: false, errorCode: 'conversation_not_started' },
  ],
  [refused(403, 'Forbidden: something new'), { retryable: false, errorCode: 'forbidden' }],
  [
    refused(400, 'Bad Request: chat not found'),
    { retryable: false, errorCode: 'chat_not_found', account: undefined },
  ],
  [refused(400, 'Bad Request: something new'), { retryable: false, errorCode: '400' }],
  [
    refused(400, 'Bad Request: wrong file identifier/HTTP URL specified'),
    { retryable: false, errorCode: 'media_unreachable' },
  ],
  [
    refused(429, 'Too Many Requests: retry after 5', { retry_after: 5 }),
    { retryable: true, errorCode: 'rate_limited', retryAfterMs: 5000 },
  ],
  [refused(500, 'Internal Server Error'), { retryable: true, errorCode: '500' }],
]
t.test('a refusal says whether another try is worth it, and whether the account is', async (t) => {
  let next: Answer = taken(message)
  const { send } = await start(t, () => next)
  for (const [answer, outcome] of refusals) {
    next = answer
    t.match(await send({}), { outcome: 'not_sent', ...outcome }, JSON.stringify(answer))
  }
  next = refused(502, 'Bad Gateway')
  t.match(await send({}), { outcome: 'ambiguous' })
})

t.test('what a group refuses because it moved goes to its new id, once', async (t) => {
  const moved = refused(400, 'Bad Request: group chat was upgraded to a supergroup chat', {
    migrate_to_chat_id: -1001234567890,
  })
  const answers = [moved, taken({ ...message, chat: { id: -1001234567890, type: 'supergroup' } })]
  const { asked, send } = await start(t, () => answers.shift() ?? moved)
  const group = {
    conversationExternalId: '-4001',
    replyTo: { externalMessageId: '-4001:7', subject: null },
  }
  t.same(await send(group), { outcome: 'sent', externalMessageId: '-1001234567890:42' })
  t.match(asked, [
    { body: { chat_id: -4001, reply_parameters: { message_id: 7 } } },
    { body: { chat_id: -1001234567890, reply_parameters: undefined } },
  ])
  t.match(await send(group), { outcome: 'not_sent', retryable: false, errorCode: 'chat_migrated' })
  t.equal(asked.length, 4, 'a group that moves on and on is not followed')
})

t.test('what Telegram cannot take is refused before any request', async (t) => {
  const { asked, account, send } = await start(t)
  const cases: [ours: Partial<OutboundMessage>, errorCode: string][] = [
    [{ body: 'x'.repeat(4097) }, 'body_too_long'],
    [{ body: 'x'.repeat(1025), contentType: 'image', mediaUrl: url }, 'body_too_long'],
    [{ body: '' }, 'body_empty'],
    [{ contentType: 'image' }, 'media_missing'],
    [{ contentType: 'image', metadata: { media: [{ filename: 'a' }] } }, 'media_missing'],
    [{ contentType: 'location', body: null }, 'location_missing'],
    [
      { contentType: 'location', metadata: { location: { latitude: 1, longitude: 2 } } },
      'content_unsupported',
    ],
    [{ contentType: 'structured' }, 'content_unsupported'],
    [
      { contentType: 'image', metadata: { media: [media('image/png'), media('audio/mpeg')] } },
      'content_unsupported',
    ],
    [
      { contentType: 'image', metadata: { media: Array(11).fill(media('image/png')) } },
      'content_unsupported',
    ],
  ]
  for (const [ours, errorCode] of cases) {
    t.match(await send(ours), { outcome: 'not_sent', retryable: false, errorCode })
  }
  for (const secret of [null, '{"webhook_token":"a"}', 'no/bot token']) {
    t.match(await send({}, { ...account, secret }), {
      errorCode: 'account_misconfigured',
      account: 'disconnect',
    })
  }
  t.same(asked, [])
  t.match(await send({ body: '😀'.repeat(2048) }), { outcome: 'sent' })
  t.match(await send({ body: 'x'.repeat(5000), metadata: { parse_mode: 'HTML' } }), {
    outcome: 'sent',
  })
})

t.test('the token is in no error', async (t) => {
  const { account, send } = await start(t, () => refused(400, `Bad Request: /bot${token}/`))
  const outcomes: SendOutcome[] = [await send({})]
  for (const api_url of ['no url', 'http://127.0.0.1:1', 'ftp://127.0.0.1']) {
    outcomes.push(await send({}, { ...account, settings: { api_url } }))
  }
  for (const outcome of outcomes) {
    t.match(outcome, { outcome: /not_sent|ambiguous/, errorMessage: /./ })
    t.notMatch(JSON.stringify(outcome), token)
  }
  t.match(outcomes[0], { errorMessage: /\[bot token\]/ })
})

t.test('a second request would be a second message', async (t) => {
  const { account } = await start(t)
  t.equal(telegramProvider.takesIdempotencyKey(account), false)
})
