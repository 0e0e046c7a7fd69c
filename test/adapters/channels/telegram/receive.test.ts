import { webhookCallback, Bot } from 'grammy'
import t from 'tap'
import { UnreadablePayload, type WebhookRequest } from '../../../../adapters/channels/channel.ts'
import { telegram } from '../../../../adapters/channels/telegram/index.ts'
import { receive as readUpdate } from '../../../../adapters/channels/telegram/receive.ts'
import { mutateBytes, mutateJson, random } from '../../../support/mutate-json.ts'
import type { Peer } from '../../../support/peer.ts'
import { telegramPeer } from './peer.ts'

const peer: Peer = telegramPeer
const account = { tenantId: 1, accountId: '0193a1b2-0000-7000-8000-000000000001', ...peer.account }

const ann = { id: 1111, is_bot: false, first_name: 'Ann', last_name: 'Lee', username: 'annlee' }
const direct = { id: 1111, type: 'private', first_name: 'Ann', username: 'annlee' }
const group = { id: -1001234567890, type: 'supergroup', title: 'Family' }
const base = { message_id: 1365, date: 1733768400, from: ann, chat: direct }
const sentAt = new Date('2024-12-09T18:20:00Z')

function webhook(body: unknown, headers: Record<string, string> = {}): WebhookRequest {
  return {
    method: 'POST',
    url: 'https://example.com/api/webhooks/telegram/1',
    path: '/api/webhooks/telegram/1',
    query: {},
    headers,
    body: Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body)),
  }
}
const receive = (content: object, headers?: Record<string, string>) =>
  readUpdate(webhook({ update_id: 1, ...content }, headers), account)
const message = (change: object) => receive({ message: { ...base, ...change } }).messages[0]

t.test("a private text is the person's, under an id that names the chat", async (t) => {
  const payload = { ...base, text: 'Hello\u0000', later: { new: true } }
  t.same(receive({ message: payload }), {
    messages: [
      {
        direction: 'inbound',
        address: '1111',
        externalMessageId: '1111:1365',
        contentType: 'text',
        body: 'Hello',
        sentAt,
        senderName: 'Ann Lee',
        metadata: { username: 'annlee' },
        raw: { ...payload, text: 'Hello\ufffd' },
      },
    ],
    updates: [],
  })
})

t.test('groups, channels and those who write in the name of a chat are told apart', async (t) => {
  t.match(message({ chat: group, text: 'Hi' }), {
    address: '1111',
    conversationExternalId: '-1001234567890',
    groupName: 'Family',
    externalMessageId: '-1001234567890:1365',
  })
  const anonymous = { id: 1087968824, is_bot: true, first_name: 'Group' }
  t.match(message({ chat: group, from: anonymous, sender_chat: group, text: 'Hi' }), {
    direction: 'inbound',
    address: '-1001234567890',
    senderName: 'Family',
  })
  const channel = { id: -1009876543210, type: 'channel', title: 'News' }
  const [post] = receive({
    channel_post: {
      message_id: 7,
      date: 1733768400,
      chat: channel,
      sender_chat: channel,
      author_signature: 'Bob',
      text: 'Rain',
    },
  }).messages
  t.match(post, {
    direction: 'inbound',
    address: null,
    conversationExternalId: '-1009876543210',
    groupName: 'News',
    senderName: 'Bob',
  })
})

t.test('what our bot or the owner of a connected business account wrote is outbound', async (t) => {
  const bot = { id: 7000000001, is_bot: true, first_name: 'Us' }
  t.match(message({ chat: group, from: bot, text: 'Hi' }), { direction: 'outbound', address: null })
  t.match(message({ from: { ...bot, id: 7000000002 }, chat: group, text: 'Hi' }), {
    direction: 'inbound',
    address: '7000000002',
  })
  const settings = { bot_id: '42' }
  const other = { ...account, settings, secret: null }
  const echo = webhook({
    update_id: 1,
    message: { ...base, chat: group, from: { ...bot, id: 42 } },
  })
  t.equal(readUpdate(echo, other).messages[0]?.direction, 'outbound')
  t.equal(
    readUpdate(echo, null).messages[0]?.direction,
    'inbound',
    'without an account nobody knows',
  )
  const business = { ...base, business_connection_id: 'Bc1', text: 'Hi' }
  const read = (content: object) =>
    receive({ business_message: { ...business, ...content } }).messages[0]
  t.match(read({}), { direction: 'inbound', address: '1111', externalMessageId: '1111:1365@Bc1' })
  const owner = read({ from: { id: 55, is_bot: false, first_name: 'Owner' } })
  t.match(owner, { direction: 'outbound', address: '1111' })
  t.equal(owner?.senderName, undefined)
})

const file = { file_id: 'F1', file_unique_id: 'U1', file_size: 2048 }
const kinds: [title: string, content: object, expected: object][] = [
  [
    'photo, the largest of its sizes',
    {
      photo: [
        { ...file, file_id: 'big', width: 800, height: 600 },
        { ...file, file_id: 'small', width: 80, height: 60 },
      ],
      caption: 'Cap',
    },
    {
      contentType: 'image',
      body: 'Cap',
      media: [{ id: 'big', content_type: 'image/jpeg', size: 2048 }],
    },
  ],
  [
    'animation, once, though it is a document too',
    { animation: { ...file, mime_type: 'video/mp4' }, document: { ...file, file_id: 'F2' } },
    { contentType: 'video', body: null, media: [{ id: 'F1', content_type: 'video/mp4' }] },
  ],
  [
    'audio',
    { audio: { ...file, duration: 3, mime_type: 'audio/mpeg', file_name: 'a.mp3' } },
    { contentType: 'audio', media: [{ filename: 'a.mp3', details: { duration: 3 } }] },
  ],
  [
    'document',
    { document: { ...file, mime_type: 'application/pdf', file_name: 'a.pdf' }, caption: 'Read' },
    { contentType: 'file', body: 'Read', media: [{ content_type: 'application/pdf' }] },
  ],
  ['video', { video: { ...file, mime_type: 'video/mp4' } }, { contentType: 'video' }],
  ['video note', { video_note: { ...file, length: 240 } }, { contentType: 'video' }],
  ['voice', { voice: file }, { contentType: 'audio', media: [{ content_type: 'audio/ogg' }] }],
  [
    'sticker',
    { sticker: { ...file, emoji: '😀', is_video: true } },
    { contentType: 'image', media: [{ content_type: 'video/webm' }], metadata: { emoji: '😀' } },
  ],
  [
    'location, live',
    { location: { latitude: -33.9, longitude: 18.4, live_period: 900 } },
    { contentType: 'location', metadata: { location: { latitude: -33.9, live_period: 900 } } },
  ],
  [
    'venue',
    {
      location: { latitude: 1, longitude: 2 },
      venue: { location: { latitude: 1, longitude: 2 }, title: 'Café', address: 'Long St 1' },
    },
    { contentType: 'location', metadata: { location: { name: 'Café', address: 'Long St 1' } } },
  ],
  [
    'contact',
    { contact: { phone_number: '+27831234567', first_name: 'Bo' } },
    { contentType: 'structured', metadata: { contacts: [{ first_name: 'Bo' }] } },
  ],
  [
    'poll',
    { poll: { id: '1', question: 'Tea?', options: [] } },
    { contentType: 'structured', body: 'Tea?', metadata: { type: 'poll' } },
  ],
  [
    'dice',
    { dice: { emoji: '🎲', value: 4 } },
    { contentType: 'structured', body: '🎲', metadata: { dice: { value: 4 } } },
  ],
  [
    'data of a web app',
    { web_app_data: { data: '{"a":1}', button_text: 'Go' } },
    { direction: 'inbound', contentType: 'structured', body: '{"a":1}' },
  ],
  [
    'kind that does not exist yet',
    { hologram: { size: 1 } },
    { direction: 'inbound', contentType: 'structured', body: null, metadata: { type: 'hologram' } },
  ],
  [
    'service message',
    { chat: group, new_chat_members: [ann] },
    { direction: 'system', contentType: 'structured', metadata: { type: 'new_chat_members' } },
  ],
]
for (const [title, content, expected] of kinds) {
  t.test(`content is read: ${title}`, async (t) => {
    t.match(message(content), expected)
  })
}

t.test('answers, forwards, topics and albums are noted', async (t) => {
  const parent = { message_id: 1360, date: 1733768000, chat: direct, text: 'Earlier' }
  t.match(message({ text: 'Yes', reply_to_message: parent, quote: { text: 'Ear', position: 0 } }), {
    replyTo: ['1111:1360'],
    metadata: { quote: 'Ear' },
  })
  const topic = { chat: group, is_topic_message: true, message_thread_id: 5, text: 'Hi' }
  const starter = { message_id: 5, date: 1, chat: group }
  const inTopic = message({ ...topic, reply_to_message: starter })
  t.equal(inTopic?.replyTo, undefined, 'the first message of a topic is answered by none')
  t.match(inTopic?.metadata, { message_thread_id: '5' })
  t.match(message({ ...topic, reply_to_message: { ...starter, message_id: 6 } })?.replyTo, [
    '-1001234567890:6',
  ])
  t.match(
    message({ text: 'See', external_reply: { origin: {}, chat: group, message_id: 9 } })?.replyTo,
    ['-1001234567890:9'],
  )
  const forward_origin = { type: 'hidden_user', date: 1733760000, sender_user_name: 'Bo' }
  t.match(message({ text: 'Fwd', forward_origin })?.metadata, { forward_origin })
  const album = [1, 2].map((n) => message({ message_id: n, photo: [file], media_group_id: '133' }))
  t.same(
    album.map((one) => [one?.externalMessageId, one?.metadata?.['media_group_id']]),
    [
      ['1111:1', '133'],
      ['1111:2', '133'],
    ],
  )
})

t.test('a title and a move are news of the group, and a move is no message', async (t) => {
  t.match(receive({ message: { ...base, chat: group, new_chat_title: 'Kin' } }), {
    messages: [{ direction: 'system' }],
    groups: [{ externalId: '-1001234567890', name: 'Kin' }],
  })
  const old = { id: -4001, type: 'group', title: 'Family' }
  const moved = { externalId: '-4001', newExternalId: '-1001234567890' }
  t.same(receive({ message: { ...base, chat: old, migrate_to_chat_id: -1001234567890 } }), {
    messages: [],
    updates: [],
    groups: [moved],
  })
  t.same(receive({ message: { ...base, chat: group, migrate_from_chat_id: -4001 } }).groups, [
    moved,
  ])
})

t.test('an edit of a text or a caption is one, an edit of anything else is not', async (t) => {
  const edited = { ...base, edit_date: 1733768460 }
  const at = '2024-12-09T18:21:00.000Z'
  t.same(receive({ edited_message: { ...edited, text: 'Hello!' } }), {
    messages: [],
    updates: [{ externalMessageId: '1111:1365', update: { kind: 'edit', body: 'Hello!', at } }],
  })
  const channel = { id: -1009, type: 'channel', title: 'News' }
  const post = { ...edited, from: undefined, chat: channel, photo: [file], caption: 'New' }
  t.match(receive({ edited_channel_post: post }).updates, [
    {
      externalMessageId: '-1009:1365',
      conversationExternalId: '-1009',
      update: { body: 'New', at },
    },
  ])
  for (const content of [{ photo: [file] }, { location: { latitude: 1, longitude: 2 } }]) {
    t.same(receive({ edited_message: { ...edited, ...content } }), { messages: [], updates: [] })
  }
})

t.test('of several reactions the latest added stands, and none takes them back', async (t) => {
  const react = (before: object[], now: object[], who: object = { user: ann }) =>
    receive({
      message_reaction: {
        chat: group,
        message_id: 5,
        ...who,
        date: 1733768400,
        old_reaction: before,
        new_reaction: now,
      },
    }).updates[0]
  const thumb = { type: 'emoji', emoji: '👍' }
  const custom = { type: 'custom_emoji', custom_emoji_id: '5368324170671202286' }
  t.same(react([], [thumb]), {
    externalMessageId: '-1001234567890:5',
    conversationExternalId: '-1001234567890',
    update: { kind: 'reaction', emoji: '👍', sender: '1111', at: sentAt.toISOString() },
  })
  const emojis: [before: object[], now: object[], emoji: string | null][] = [
    [[thumb], [custom, thumb], 'custom_emoji:5368324170671202286'],
    [[thumb, custom], [thumb], '👍'],
    [[], [{ type: 'paid' }], '⭐'],
    [[thumb], [], null],
  ]
  for (const [before, now, emoji] of emojis) {
    t.match(react(before, now)?.update, { emoji }, String(emoji))
  }
  t.match(react([], [thumb], { actor_chat: group })?.update, { sender: '-1001234567890' })
})

t.test('a pressed button is a structured message, and its query is answered', async (t) => {
  const query = {
    id: '4382bfdwdsb323b2d9',
    from: ann,
    chat_instance: '1',
    message: { message_id: 9, date: 0, chat: group },
    data: 'yes:1',
  }
  const date = 'Mon, 09 Dec 2024 18:20:00 GMT'
  t.match(receive({ callback_query: query }, { date }).messages[0], {
    direction: 'inbound',
    address: '1111',
    conversationExternalId: '-1001234567890',
    externalMessageId: 'callback:4382bfdwdsb323b2d9',
    contentType: 'structured',
    body: 'yes:1',
    sentAt,
    replyTo: ['-1001234567890:9'],
    raw: query,
  })
  const before = Date.now()
  const [timed] = receive({ callback_query: query }).messages
  t.ok(timed && timed.sentAt.getTime() >= before, 'without a Date header it is now')
  t.same(telegram.answer?.(webhook({ update_id: 1, callback_query: query })), {
    status: 200,
    contentType: 'application/json',
    body: '{"method":"answerCallbackQuery","callback_query_id":"4382bfdwdsb323b2d9"}',
  })
  t.equal(telegram.answer?.(webhook({ update_id: 1, message: base })).body, '{}')
  t.equal(telegram.answer?.(webhook(Buffer.from('{'))).body, '{}')
})

t.test('deleted business messages are revoked', async (t) => {
  const deleted = { business_connection_id: 'Bc1', chat: direct, message_ids: [5, 6] }
  const { updates } = receive(
    { deleted_business_messages: deleted },
    { date: 'Mon, 09 Dec 2024 18:20:00 GMT' },
  )
  t.same(
    updates,
    ['1111:5@Bc1', '1111:6@Bc1'].map((externalMessageId) => ({
      externalMessageId,
      update: { kind: 'revoke', at: sentAt.toISOString() },
    })),
  )
})

t.test('what is no message brings nothing', async (t) => {
  const kinds = [
    'my_chat_member',
    'poll',
    'inline_query',
    'message_reaction_count',
    'not_there_yet',
  ]
  for (const kind of kinds)
    t.same(receive({ [kind]: { id: 1 } }), { messages: [], updates: [] }, kind)
})

t.test('what cannot be read names the field', async (t) => {
  const cases: [content: unknown, field: string][] = [
    [[], 'body'],
    [{ message: base }, 'update_id'],
    [{ update_id: 1, message: 'Hello' }, 'message'],
    [{ update_id: 1, message: { ...base, chat: undefined } }, 'message.chat'],
    [{ update_id: 1, message: { ...base, date: 'today' } }, 'message.date'],
    [{ update_id: 1, message: { ...base, from: { id: 1.5 } } }, 'message.from.id'],
    [{ update_id: 1, callback_query: { id: 'a' } }, 'callback_query.from'],
  ]
  for (const [payload, field] of cases) {
    try {
      readUpdate(webhook(payload), account)
      t.fail(`${field} was read`)
    } catch (error) {
      if (!(error instanceof UnreadablePayload)) throw error
      t.equal(error.field, field)
      t.match(error.message, field)
    }
  }
})

t.test('whatever comes is read or unreadable, and never anything else', async (t) => {
  const next = random(20241209)
  const at = new Date('2024-12-09T18:20:00Z')
  const what = {
    id: peer.id(1),
    from: peer.person(1),
    at,
    body: 'Hello',
    caption: 'Hi',
    emoji: '👍',
  }
  const samples = [
    ...kinds.map(([, content]) => ({ update_id: 1, message: { ...base, ...content } })),
    { update_id: 1, business_message: { ...base, text: 'x', reply_to_message: base } },
    { update_id: 1, callback_query: { id: 'a', from: ann, message: base, data: 'b' } },
    {
      update_id: 1,
      deleted_business_messages: { business_connection_id: 'B', chat: direct, message_ids: [1] },
    },
    ...[peer.text, peer.edit, peer.reaction].map((make): unknown =>
      JSON.parse(String(make?.(what).body)),
    ),
  ]
  const seen = { read: 0, unreadable: 0 }
  for (let i = 0; i < 6000; i++) {
    const sample = mutateJson(samples[i % samples.length], next)
    const bytes = Buffer.from(JSON.stringify(sample))
    const request = webhook(i % 10 === 0 ? mutateBytes(bytes, next) : bytes)
    try {
      telegram.answer?.(request)
      const { messages } = readUpdate(request, account)
      JSON.stringify(messages)
      seen.read += 1
    } catch (error) {
      if (!(error instanceof UnreadablePayload)) throw error
      seen.unreadable += 1
    }
  }
  t.ok(seen.read > 1000 && seen.unreadable > 1000, JSON.stringify(seen))
})

t.test("a webhook is let in as grammY's webhookCallback lets it in", async (t) => {
  const botInfo = { id: 1, is_bot: true, first_name: 'b', username: 'b_bot' }
  const bot = new Bot('1:a', { botInfo: botInfo as never })
  const secretToken = 'a_Webhook-token'
  const handle = webhookCallback(bot, 'std/http', { secretToken })
  for (const given of [secretToken, 'a_Webhook-toke', 'wrong', '', undefined]) {
    const headers: Record<string, string> =
      given === undefined ? {} : { 'x-telegram-bot-api-secret-token': given }
    const body = JSON.stringify({ update_id: 1, poll: {} })
    const answer = await handle(
      new Request('http://127.0.0.1/', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body,
      }),
    )
    const ours = telegram.verify(webhook({}, headers), account)
    t.equal(ours, answer.status === 200, `secret ${given}`)
    t.equal(ours, given === secretToken)
  }
  const withoutOne = { ...account, secret: '7000000001:AAE-only-a-bot-token' }
  const headers = { 'x-telegram-bot-api-secret-token': '' }
  t.equal(telegram.verify(webhook({}, headers), withoutOne), false)
})

t.test("the conformance peer's requests are read as it says", async (t) => {
  const at = new Date('2024-12-09T18:20:00Z')
  const from = peer.person(1)
  const groupId = telegramPeer.groupId(1)
  const read = (request: { headers: Record<string, string>; body: string | Buffer }) => {
    const signed = peer.sign(request, 'https://example.com/')
    const asked = webhook(Buffer.from(signed.body), signed.headers)
    t.ok(telegram.verify(asked, account))
    return readUpdate(asked, account)
  }
  const id = telegramPeer.id(1)
  const inGroup = telegramPeer.id(1, groupId)
  t.match(read(peer.text({ id, from, body: 'Hello', at })).messages, [
    { externalMessageId: id, address: from, body: 'Hello', sentAt: at },
  ])
  t.match(read(peer.text({ id: inGroup, from, body: 'Hi', at, group: groupId })).messages, [
    { externalMessageId: inGroup, address: from, conversationExternalId: groupId },
  ])
  t.match(read(telegramPeer.media({ id, from, caption: 'Cap', at })).messages, [
    { contentType: 'image', body: 'Cap', media: [{ id: 'AgAD-large' }] },
  ])
  t.match(read(telegramPeer.edit({ id, from, body: 'New', at })).updates, [
    { externalMessageId: id, update: { kind: 'edit', body: 'New', at: at.toISOString() } },
  ])
  t.match(read(telegramPeer.reaction({ id, from, emoji: null, at })).updates, [
    { externalMessageId: id, update: { kind: 'reaction', emoji: null, sender: from } },
  ])
})
