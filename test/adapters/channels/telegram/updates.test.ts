import t from 'tap'
import { UnreadablePayload } from '../../../../adapters/channels/channel.ts'
import { telegram } from '../../../../adapters/channels/telegram/index.ts'
import { receive as readUpdate } from '../../../../adapters/channels/telegram/receive.ts'
import {
  account,
  ann,
  base,
  direct,
  file,
  group,
  receive,
  receivedAt,
  sentAt,
  webhook,
} from './samples.ts'

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
  t.match(receive({ callback_query: query }).messages[0], {
    direction: 'inbound',
    address: '1111',
    conversationExternalId: '-1001234567890',
    externalMessageId: 'callback:4382bfdwdsb323b2d9',
    contentType: 'structured',
    body: 'yes:1',
    sentAt: receivedAt,
    replyTo: ['-1001234567890:9'],
    raw: query,
  })
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
  const { updates } = receive({ deleted_business_messages: deleted })
  t.same(
    updates,
    ['1111:5@Bc1', '1111:6@Bc1'].map((externalMessageId) => ({
      externalMessageId,
      update: { kind: 'revoke', at: receivedAt.toISOString() },
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
