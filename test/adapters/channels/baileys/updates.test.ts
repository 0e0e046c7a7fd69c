import t from 'tap'
import { messageIdOf } from '../../../../adapters/channels/baileys/message-id.ts'
import { direct, inGroup, receive, receivedAt, sentAt, upsert } from './support.ts'

const iso = new Date(sentAt * 1000).toISOString()
const attempt = '0193a5b0-7c00-7000-8000-0000000000aa'
const ours = messageIdOf(attempt)
const mine = { remoteJid: direct.remoteJid, id: ours, fromMe: true }
const group = inGroup.remoteJid

const update = (key: object, change: object, at?: number) =>
  receive({ event: 'messages.update', data: [{ key, update: change }], ...(at ? { at } : {}) })
    .updates

t.test('a status becomes a receipt of the message, with the attempt that sent it', async (t) => {
  const said = [1, 2, 3, 4, 5, 'READ', 'PENDING', null, 17].map(
    (status) => update(mine, { status, messageTimestamp: sentAt })[0]?.update,
  )
  const receipt = (status: string) => ({ kind: 'receipt', status, at: iso })
  t.same(said, [
    undefined,
    receipt('sent'),
    receipt('delivered'),
    receipt('read'),
    receipt('read'),
    receipt('read'),
    undefined,
    undefined,
    undefined,
  ])
  t.same(update(mine, { status: 3, messageTimestamp: sentAt }), [
    { externalMessageId: ours, reference: attempt, update: receipt('delivered') },
  ])
})

t.test('a refusal says its code', async (t) => {
  t.same(update(mine, { status: 0, messageStubParameters: ['463', 'restricted'] }, sentAt * 1000), [
    {
      externalMessageId: ours,
      reference: attempt,
      update: {
        kind: 'receipt',
        status: 'failed',
        at: iso,
        error_code: '463',
        error_message: 'restricted',
      },
    },
  ])
  t.match(update(mine, { status: 'ERROR' }), [
    { update: { status: 'failed', error_code: 'refused' } },
  ])
})

t.test(
  'without a time of its own an update takes that of the event, else that of its webhook',
  async (t) => {
    t.match(update(mine, { status: 3 }, sentAt), [{ update: { at: iso } }])
    t.match(update(mine, { status: 3 }), [{ update: { at: receivedAt.toISOString() } }])
  },
)

t.test('of what we received only our own reading on another device is news', async (t) => {
  const theirs = { ...direct, id: 'THEIRS' }
  t.match(update(theirs, { status: 4, messageTimestamp: sentAt }), [
    { externalMessageId: 'THEIRS', update: { status: 'read' } },
  ])
  t.same(update(theirs, { status: 3, messageTimestamp: sentAt }), [])
})

t.test('a status in a group is nobody in particular', async (t) => {
  t.same(update({ ...mine, remoteJid: group }, { status: 3, messageTimestamp: sentAt }), [
    {
      externalMessageId: ours,
      reference: attempt,
      conversationExternalId: group,
      update: { kind: 'receipt', status: 'delivered', at: iso },
    },
  ])
})

t.test('receipts in a group are per recipient, delivered and read and played', async (t) => {
  const receipts = (
    receipt: object,
    key: object = { ...mine, remoteJid: group, participant: '1@lid' },
  ) => receive({ event: 'message-receipt.update', data: [{ key, receipt }] }).updates
  const userJid = '40141234567890:3@lid'
  t.same(receipts({ userJid, receiptTimestamp: sentAt }), [
    {
      externalMessageId: ours,
      reference: attempt,
      conversationExternalId: group,
      update: { kind: 'receipt', status: 'delivered', at: iso, recipient: '40141234567890@lid' },
    },
  ])
  const all = {
    userJid: '27831234567@s.whatsapp.net',
    receiptTimestamp: sentAt,
    readTimestamp: String(sentAt + 5),
  }
  t.match(receipts(all), [
    { update: { status: 'delivered', recipient: '+27831234567' } },
    { update: { status: 'read', at: new Date((sentAt + 5) * 1000).toISOString() } },
  ])
  t.match(receipts({ userJid, playedTimestamp: { low: sentAt, high: 0, unsigned: true } }), [
    { update: { status: 'read', at: iso } },
  ])
  t.same(receipts({ userJid: '99887766554433@lid', readTimestamp: sentAt }), [], 'our own device')
  t.match(receipts({ userJid: '99887766554433@lid', readTimestamp: sentAt }, inGroup), [
    {
      externalMessageId: inGroup.id,
      update: { kind: 'receipt', status: 'read', recipient: undefined },
    },
  ])
})

t.test('a revoke is about the key of the update, not the one inside it', async (t) => {
  const revoking = { ...direct, id: 'REVOKING' }
  t.same(
    update(
      { ...direct, id: 'TARGET' },
      { message: null, messageStubType: 1, key: revoking },
      sentAt,
    ),
    [{ externalMessageId: 'TARGET', update: { kind: 'revoke', at: iso } }],
  )
})

t.test('an edit brings the new text, or the new caption', async (t) => {
  const edit = (message: object) =>
    update(
      { ...inGroup, id: 'TARGET' },
      { message: { editedMessage: { message } }, messageTimestamp: sentAt },
    )
  const said = (body: string) => [
    {
      externalMessageId: 'TARGET',
      conversationExternalId: group,
      update: { kind: 'edit', body, at: iso },
    },
  ]
  t.same(edit({ conversation: 'new' }), said('new'))
  t.same(edit({ extendedTextMessage: { text: 'new' } }), said('new'))
  t.same(edit({ imageMessage: { caption: 'new caption' } }), said('new caption'))
  t.same(edit({ ephemeralMessage: { message: { conversation: 'new' } } }), said('new'))
})

t.test('one update may say several things, since they are merged', async (t) => {
  const merged = {
    status: 4,
    message: { editedMessage: { message: { conversation: 'new' } } },
    messageTimestamp: sentAt,
  }
  t.same(
    update(mine, merged).map(({ update }) => update.kind),
    ['receipt', 'edit'],
  )
})

t.test('content that comes late as an update is the message', async (t) => {
  const { messages } = receive({
    event: 'messages.update',
    data: [
      {
        key: direct,
        update: { message: { conversation: 'late' }, messageTimestamp: sentAt, pushName: 'T' },
      },
    ],
  })
  t.match(messages, [{ externalMessageId: direct.id, body: 'late', stub: undefined }])
})

t.test(
  'revokes and edits among the messages are no messages, and say what the update says',
  async (t) => {
    const carried = (protocolMessage: object) =>
      receive(upsert({ key: { ...direct, id: 'CARRIER' }, message: { protocolMessage } }))
    const revoke = [{ externalMessageId: 'TARGET', update: { kind: 'revoke', at: iso } }]
    t.same(carried({ key: { id: 'TARGET' }, type: 0 }), { messages: [], updates: revoke })
    t.same(carried({ key: { id: 'TARGET' }, type: 'REVOKE' }), { messages: [], updates: revoke })
    const editing = {
      key: { id: 'TARGET' },
      type: 14,
      editedMessage: { conversation: 'new' },
      timestampMs: sentAt * 1000 + 789,
    }
    const edit = [{ externalMessageId: 'TARGET', update: { kind: 'edit', body: 'new', at: iso } }]
    t.same(carried(editing), { messages: [], updates: edit })
    t.same(
      receive(
        upsert({
          key: direct,
          message: { editedMessage: { message: { protocolMessage: editing } } },
        }),
      ).updates,
      edit,
    )
    t.same(carried({ type: 3, ephemeralExpiration: 86_400 }), { messages: [], updates: [] })
    t.same(carried({ type: 0 }), { messages: [], updates: [] })
  },
)

t.test('a reaction is about its target, by whoever made it, and empty takes it back', async (t) => {
  const reacted = (text: unknown, key: object = { ...inGroup, id: 'REACTING' }) =>
    receive({
      event: 'messages.reaction',
      data: [
        {
          key: { ...mine, remoteJid: group },
          reaction: { key, text, senderTimestampMs: { low: 0, high: 0 } },
        },
      ],
      at: sentAt,
    }).updates
  const said = (emoji: string | null, sender: string) => [
    {
      externalMessageId: ours,
      reference: attempt,
      conversationExternalId: group,
      update: { kind: 'reaction', emoji, sender, at: iso },
    },
  ]
  t.same(reacted('👍'), said('👍', '+27831234567'))
  t.same(reacted(''), said(null, '+27831234567'))
  t.same(reacted(undefined), said(null, '+27831234567'))
  t.same(reacted('👍', { ...inGroup, fromMe: true }), said('👍', '+27820000000'), 'ours')
})

t.test('a reaction among the messages says the same as its event', async (t) => {
  const key = { ...direct, id: 'REACTING' }
  const senderTimestampMs = String(sentAt * 1000 + 250)
  const reaction = { text: '❤️', senderTimestampMs }
  const both = receive([
    upsert({ key, message: { reactionMessage: { ...reaction, key: mine } } }),
    { event: 'messages.reaction', data: [{ key: mine, reaction: { ...reaction, key } }] },
  ])
  t.same(both.messages, [])
  t.equal(both.updates.length, 2)
  t.same(both.updates[0], both.updates[1])
  t.match(both.updates[0], {
    externalMessageId: ours,
    update: { emoji: '❤️', at: new Date(sentAt * 1000 + 250).toISOString() },
  })
})

t.test('votes, pins and encrypted edits are no messages, and no problem', async (t) => {
  for (const message of [
    { pollUpdateMessage: { pollCreationMessageKey: mine, vote: { encPayload: 'AA==' } } },
    { pinInChatMessage: { key: mine, type: 1 } },
    { encReactionMessage: { targetMessageKey: mine } },
    {
      secretEncryptedMessage: {
        targetMessageKey: mine,
        encPayload: 'AA==',
        encIv: 'AA==',
        secretEncType: 2,
      },
    },
  ]) {
    t.same(receive(upsert({ key: direct, message })), { messages: [], updates: [] })
  }
})
