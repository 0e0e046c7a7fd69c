import t from 'tap'
import { receive as readUpdate } from '../../../../adapters/channels/telegram/receive.ts'
import {
  account,
  base,
  direct,
  file,
  group,
  kinds,
  message,
  receive,
  sentAt,
  webhook,
} from './samples.ts'

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
