import t from 'tap'
import { ann, attachment, base, event, guild, receivedAt } from './samples.ts'

t.test('only a content with a time of editing is an edit', async (t) => {
  const edited_timestamp = '2024-12-09T18:21:00+00:00'
  const edit = { kind: 'edit', body: 'Hello!', at: '2024-12-09T18:21:00.000Z' }
  const about = { id: base.id, channel_id: base.channel_id }
  t.same(event('MESSAGE_UPDATE', { ...base, content: 'Hello!', edited_timestamp }), {
    messages: [],
    updates: [{ externalMessageId: base.id, update: edit }],
  })
  t.match(event('MESSAGE_UPDATE', { ...about, ...guild, content: 'Hello!', edited_timestamp }), {
    updates: [{ conversationExternalId: base.channel_id, update: edit }],
  })
  const none = { messages: [], updates: [] }
  t.same(event('MESSAGE_UPDATE', { ...about, embeds: [{ type: 'link' }] }), none)
  t.same(event('MESSAGE_UPDATE', base), none, 'a pin')
  t.same(event('MESSAGE_UPDATE', { ...about, edited_timestamp }), none)
  t.same(
    event('MESSAGE_UPDATE', { ...base, content: '', edited_timestamp }),
    none,
    'the content of who may not read it is no content',
  )
  t.match(
    event('MESSAGE_UPDATE', { ...base, content: '', edited_timestamp, attachments: [attachment] }),
    { updates: [{ update: { body: '' } }] },
    'a caption was taken away',
  )
  t.match(
    event('MESSAGE_CREATE', { ...base, content: 'Hello!', edited_timestamp }),
    { messages: [{ body: 'Hello!' }], updates: [{ externalMessageId: base.id, update: edit }] },
    'what backfill brings may have been edited',
  )
})

t.test('deletions and reactions take the time of who heard them', async (t) => {
  const at = '2024-12-09T18:20:00.123Z'
  const place = { channel_id: base.channel_id, ...guild }
  const revoked = (id: string) => ({
    externalMessageId: id,
    conversationExternalId: base.channel_id,
    update: { kind: 'revoke', at },
  })
  t.same(event('MESSAGE_DELETE', { id: '5', ...place }, { at }).updates, [revoked('5')])
  t.same(event('MESSAGE_DELETE_BULK', { ids: ['5', '6'], ...place }, { at }).updates, [
    revoked('5'),
    revoked('6'),
  ])
  t.match(
    event('MESSAGE_DELETE', { id: '5' }).updates,
    [{ update: { at: receivedAt.toISOString() } }],
    'or of the webhook',
  )

  const about = { user_id: ann.id, message_id: '5', channel_id: base.channel_id }
  const react = (kind: string, emoji: object) =>
    event(`MESSAGE_REACTION_${kind}`, { ...about, emoji }, { at }).updates[0]
  t.same(react('ADD', { id: null, name: '👍' }), {
    externalMessageId: '5',
    update: { kind: 'reaction', emoji: '👍', sender: ann.id, at },
  })
  const custom = { id: '41771983429993937', name: 'party' }
  t.match(react('ADD', custom)?.update, { emoji: 'party:41771983429993937' })
  t.match(react('REMOVE', custom)?.update, { emoji: null, sender: ann.id })
  t.same(event('MESSAGE_REACTION_REMOVE_ALL', about).updates, [])
})

t.test("a channel's new name is news of the group, and other events bring nothing", async (t) => {
  t.match(event('CHANNEL_UPDATE', { id: '7', name: 'lounge' }), {
    groups: [{ externalId: '7', name: 'lounge' }],
  })
  t.match(event('THREAD_UPDATE', { id: '8', name: 'topic' }).groups, [{ externalId: '8' }])
  for (const kind of ['TYPING_START', 'PRESENCE_UPDATE', 'GUILD_CREATE', 'NOT_THERE_YET']) {
    t.same(event(kind, { id: '1' }), { messages: [], updates: [] }, kind)
  }
})
