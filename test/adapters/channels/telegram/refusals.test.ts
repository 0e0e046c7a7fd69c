import t from 'tap'
import type { OutboundMessage, SendOutcome } from '../../../../adapters/channels/channel.ts'
import { start, token, taken, message, refused, url, media, type Answer } from './api.ts'

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
