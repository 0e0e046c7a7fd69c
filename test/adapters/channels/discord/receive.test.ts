import t from 'tap'
import { UnreadablePayload } from '../../../../adapters/channels/channel.ts'
import {
  fromNonce,
  snowflakeTime,
  toNonce,
} from '../../../../adapters/channels/discord/identity.ts'
import { receive as read } from '../../../../adapters/channels/discord/receive.ts'
import { botId } from './peer.ts'
import {
  account,
  sentAt,
  guild,
  ann,
  base,
  webhook,
  receive,
  event,
  message,
  kinds,
} from './samples.ts'

t.test("a direct message is the person's", async (t) => {
  const payload = { ...base, content: 'Hello\u0000', later: { new: true } }
  t.same(event('MESSAGE_CREATE', payload), {
    messages: [
      {
        direction: 'inbound',
        address: '80351110224678912',
        externalMessageId: '1315747182682898433',
        contentType: 'text',
        body: 'Hello',
        sentAt,
        senderName: 'Ann',
        metadata: { channel_id: '290926798999357250', username: 'ann' },
        raw: { ...payload, content: 'Hello\ufffd' },
      },
    ],
    updates: [],
  })
})

t.test("a guild's channel is a group, by what the payload or the bridge says", async (t) => {
  const group = { address: ann.id, conversationExternalId: base.channel_id }
  t.match(message({ ...guild, member: { nick: 'Annie' } }), { ...group, senderName: 'Annie' })
  const channel = { id: base.channel_id, type: 0, ...guild, name: 'general' }
  t.match(
    message({}, { channel }),
    { ...group, groupName: 'general', metadata: guild },
    'as the REST API gives messages, without their guild',
  )
  t.equal(message({}, { channel: { type: 1 } })?.conversationExternalId, undefined)
  t.match(message({ channel_type: 3 }), group, 'a group of friends has no guild')
})

t.test('an id is kept to the digit, even where it came as a number', async (t) => {
  const text = JSON.stringify({ t: 'MESSAGE_CREATE', d: base })
  const bare = text.replace('"1315747182682898433"', '1315747182682898433')
  const { messages } = read(webhook(Buffer.from(bare)), account)
  t.equal(messages[0]?.externalMessageId, '1315747182682898433')
})

t.test('what our bot said is outbound, and its nonce leads back to the attempt', async (t) => {
  const author = { id: botId, username: 'us', bot: true }
  const attempt = '0193a1b2-0000-7000-8000-0000000000fe'
  const echo = { author, nonce: toNonce(attempt) }
  t.match(message({ ...echo, ...guild }), {
    direction: 'outbound',
    address: null,
    conversationExternalId: base.channel_id,
    reference: attempt,
  })
  t.match(
    message(echo),
    { direction: 'outbound', address: null, conversationExternalId: base.channel_id },
    'to whom it went is not said',
  )
  const channel = { type: 1, recipients: [ann] }
  const known = message(echo, { channel })
  t.match(known, { direction: 'outbound', address: ann.id })
  t.equal(known?.conversationExternalId, undefined)
  for (const nonce of ['1315747182682898432', 12, null, 'a'.repeat(22), 'x'.repeat(25)]) {
    t.equal(message({ author, nonce })?.reference, undefined, String(nonce))
  }
  const settings = { bot_id: ann.id }
  const other = read(webhook({ t: 'MESSAGE_CREATE', d: base }), { ...account, settings })
  t.equal(other.messages[0]?.direction, 'outbound')
  const nobody = read(webhook({ t: 'MESSAGE_CREATE', d: { ...base, author } }), null)
  t.equal(nobody.messages[0]?.direction, 'inbound', 'without an account nobody knows')
})

t.test('a nonce holds an attempt id in 25 characters, both ways', async (t) => {
  for (const id of [
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    '0193a1b2-89ab-7cde-8f01-23456789abcd',
  ]) {
    t.ok(toNonce(id).length <= 25)
    t.equal(fromNonce(toNonce(id)), id)
  }
})

for (const [title, content, expected] of kinds) {
  t.test(`content is read: ${title}`, async (t) => {
    t.match(message(content), expected)
  })
}

t.test('a snowflake says when it was made', async (t) => {
  t.same(snowflakeTime('175928847299117063'), new Date('2016-04-30T11:18:25.796Z'))
})

t.test('of a batch everything that can be read is read', async (t) => {
  const events = [
    { t: 'MESSAGE_CREATE', d: base },
    { t: 'MESSAGE_CREATE', d: { ...base, id: 'x' } },
    'nonsense',
    { t: 'MESSAGE_DELETE', d: { id: '5' }, at: sentAt },
    { t: 'CHANNEL_UPDATE', d: { id: '7', name: 'lounge' } },
  ]
  const { messages, updates, groups, problems } = receive(events)
  t.match([messages.length, updates.length, groups?.length], [1, 1, 1])
  t.same(
    problems?.map(({ field }) => field),
    ['1.d.id', '2'],
  )
  t.match(problems?.[0]?.message, /^1\.d\.id: must be a snowflake/)
})

t.test('what cannot be read names the field', async (t) => {
  const cases: [payload: unknown, field: string][] = [
    ['Hello', 'body'],
    [{}, 't'],
    [{ t: 'MESSAGE_CREATE' }, 'd'],
    [{ t: 'MESSAGE_CREATE', d: { ...base, author: undefined } }, 'd.author'],
    [{ t: 'MESSAGE_REACTION_ADD', d: { message_id: '1', user_id: '2', emoji: {} } }, 'd.emoji'],
    [{ type: 2, id: 'x' }, 'id'],
  ]
  for (const [payload, field] of cases) {
    try {
      receive(payload)
      t.fail(`${field} was read`)
    } catch (error) {
      if (!(error instanceof UnreadablePayload)) throw error
      t.equal(error.field, field)
    }
  }
})
