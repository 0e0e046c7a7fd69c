import t from 'tap'
import { UnreadablePayload, type WebhookRequest } from '../../../../adapters/channels/channel.ts'
import {
  fromNonce,
  snowflakeTime,
  toNonce,
} from '../../../../adapters/channels/discord/identity.ts'
import { discord } from '../../../../adapters/channels/discord/index.ts'
import { receive as read } from '../../../../adapters/channels/discord/receive.ts'
import { mutateBytes, mutateJson, random } from '../../../support/mutate-json.ts'
import { botId, discordPeer as peer } from './peer.ts'

const account = { tenantId: 1, accountId: '0193a1b2-0000-7000-8000-000000000001', ...peer.account }
const sentAt = new Date('2024-12-09T18:20:00.123Z')
const guild = { guild_id: '197038439483310086' }
const ann = { id: '80351110224678912', username: 'ann', global_name: 'Ann', discriminator: '0' }
const base = {
  id: '1315747182682898433',
  channel_id: '290926798999357250',
  author: ann,
  content: 'Hello',
  timestamp: '2024-12-09T18:20:00.123000+00:00',
  edited_timestamp: null,
  attachments: [],
  embeds: [],
  type: 0,
}

function webhook(body: unknown, headers: Record<string, string> = {}): WebhookRequest {
  return {
    method: 'POST',
    url: 'https://example.com/api/webhooks/discord/1',
    path: '/api/webhooks/discord/1',
    query: {},
    headers,
    body: Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body)),
  }
}
const receive = (body: unknown, headers?: Record<string, string>) =>
  read(webhook(body, headers), account)
const event = (t: string, d: object, more: object = {}) => receive({ t, d, ...more })
const message = (change: object, more: object = {}) =>
  event('MESSAGE_CREATE', { ...base, ...change }, more).messages[0]

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

const attachment = {
  id: '1',
  filename: 'a.ogg',
  size: 2048,
  url: 'https://cdn.discordapp.com/attachments/1/2/a.ogg?ex=1',
  content_type: 'audio/ogg',
  duration_secs: 2.5,
}
const kinds: [title: string, content: object, expected: object][] = [
  [
    'files, the first of which gives the type',
    { attachments: [attachment, { ...attachment, id: '2', content_type: 'image/png' }] },
    {
      contentType: 'audio',
      body: 'Hello',
      media: [
        {
          id: '1',
          url: attachment.url,
          filename: 'a.ogg',
          size: 2048,
          details: { duration_secs: 2.5 },
        },
        { id: '2', content_type: 'image/png' },
      ],
    },
  ],
  [
    'a file of no known type',
    { content: '', attachments: [{ id: '1', url: 'https://cdn/x', filename: 'x', size: 1 }] },
    { contentType: 'file', body: null },
  ],
  [
    'a sticker',
    { content: '', sticker_items: [{ id: '749054660769218631', name: 'Wave', format_type: 1 }] },
    {
      contentType: 'image',
      media: [{ url: 'https://cdn.discordapp.com/stickers/749054660769218631.png' }],
      metadata: { stickers: ['Wave'] },
    },
  ],
  [
    'a link with its preview is a text',
    { content: 'https://example.com', embeds: [{ type: 'link' }] },
    { contentType: 'text', body: 'https://example.com' },
  ],
  [
    'embeds alone',
    { content: '', embeds: [{ title: 'Card' }] },
    { contentType: 'structured', body: null, metadata: { embeds: [{ title: 'Card' }] } },
  ],
  [
    'a poll',
    { content: '', poll: { question: { text: 'Tea?' }, answers: [] } },
    { contentType: 'structured', body: 'Tea?', metadata: { type: 'poll' } },
  ],
  [
    'nothing, for want of the intent',
    { content: '' },
    { direction: 'inbound', contentType: 'structured', body: null, metadata: { type: 'empty' } },
  ],
  [
    'a forwarded message, whose snapshot it is',
    {
      content: '',
      message_reference: { type: 1, message_id: '5', channel_id: '6' },
      message_snapshots: [{ message: { content: 'News', attachments: [], embeds: [] } }],
    },
    { body: 'News', replyTo: undefined, metadata: { forwarded: { message_id: '5' } } },
  ],
  [
    'an answer',
    { type: 19, message_reference: { type: 0, message_id: '5', channel_id: '6' } },
    { direction: 'inbound', replyTo: ['5'] },
  ],
  [
    'a crosspost is no answer',
    { message_reference: { type: 0, message_id: '5', channel_id: '6' } },
    { replyTo: undefined },
  ],
  [
    'somebody joined',
    { ...guild, type: 7, content: '' },
    { direction: 'system', contentType: 'structured', metadata: { message_type: 7 } },
  ],
  ['no timestamp', { timestamp: undefined }, { sentAt: snowflakeTime(base.id) }],
]
for (const [title, content, expected] of kinds) {
  t.test(`content is read: ${title}`, async (t) => {
    t.match(message(content), expected)
  })
}

t.test('a snowflake says when it was made', async (t) => {
  t.same(snowflakeTime('175928847299117063'), new Date('2016-04-30T11:18:25.796Z'))
})

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
  const date = 'Mon, 09 Dec 2024 18:20:00 GMT'
  const dated = receive({ t: 'MESSAGE_DELETE', d: { id: '5' } }, { date })
  t.match(dated.updates, [{ update: { at: '2024-12-09T18:20:00.000Z' } }])
  const before = new Date().toISOString()
  const [clocked] = event('MESSAGE_DELETE', { id: '5' }).updates
  t.ok(clocked && clocked.update.at >= before, 'or of our clock')

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

const interaction = {
  id: base.id,
  application_id: botId,
  type: 2,
  channel_id: base.channel_id,
  token: 'a-token',
  version: 1,
  data: { id: '1', name: 'order', type: 1, options: [{ name: 'size', type: 3, value: 'large' }] },
}
const inGuild = {
  ...guild,
  channel: { id: base.channel_id, name: 'general', type: 0 },
  member: { nick: 'Annie', user: ann },
}
t.test('an interaction is a structured message, in words', async (t) => {
  const direct = { ...interaction, user: ann, context: 1 }
  t.same(receive(direct), {
    messages: [
      {
        direction: 'inbound',
        address: ann.id,
        externalMessageId: base.id,
        contentType: 'structured',
        body: '/order size:large',
        sentAt: snowflakeTime(base.id),
        senderName: 'Ann',
        metadata: {
          type: 'interaction',
          interaction_type: 2,
          channel_id: base.channel_id,
          username: 'ann',
        },
        raw: direct,
      },
    ],
    updates: [],
  })
  const said = (change: object) => receive({ ...interaction, ...inGuild, ...change }).messages[0]
  t.match(said({}), {
    address: ann.id,
    conversationExternalId: base.channel_id,
    groupName: 'general',
    senderName: 'Annie',
  })
  const words: [change: object, body: string | null][] = [
    [
      {
        data: {
          name: 'shop',
          options: [
            {
              name: 'cart',
              type: 2,
              options: [{ name: 'add', type: 1, options: [{ name: 'n', value: 2 }] }],
            },
          ],
        },
      },
      '/shop cart add n:2',
    ],
    [{ data: { name: 'Report', type: 3, target_id: '5' } }, 'Report target:5'],
    [
      { type: 3, message: { id: '9' }, data: { custom_id: 'confirm', component_type: 2 } },
      'confirm',
    ],
    [{ type: 3, data: { custom_id: 'size', values: ['s', 'm'] } }, 'size: s, m'],
    [
      {
        type: 5,
        data: {
          custom_id: 'form',
          components: [
            { type: 1, components: [{ type: 4, custom_id: 'name', value: 'Ann' }] },
            { type: 18, component: { type: 3, custom_id: 'size', values: ['m'] } },
          ],
        },
      },
      'name: Ann\nsize: m',
    ],
    [{ type: 9, data: undefined }, null],
  ]
  for (const [change, body] of words) t.equal(said(change)?.body, body, String(body))
  t.match(said({ type: 3, message: { id: '9' } })?.replyTo, ['9'])
  for (const type of [1, 4]) t.equal(said({ type }), undefined, `type ${type} is no message`)
  t.equal(event('INTERACTION_CREATE', direct).messages[0]?.body, '/order size:large')
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

t.test('whatever comes is read or unreadable, and never anything else', async (t) => {
  const next = random(20241209)
  const events = [
    ...kinds.map(([, content]) => ({ t: 'MESSAGE_CREATE', d: { ...base, ...guild, ...content } })),
    { t: 'MESSAGE_UPDATE', d: { ...base, edited_timestamp: base.timestamp } },
    { t: 'MESSAGE_DELETE_BULK', d: { ids: ['1', '2'], ...guild }, at: base.timestamp },
    {
      t: 'MESSAGE_REACTION_ADD',
      d: { message_id: '1', user_id: '2', emoji: { id: '1', name: 'a' } },
    },
  ]
  const samples = [
    ...events,
    { ...interaction, ...inGuild },
    { ...interaction, type: 5, user: ann },
    events,
  ]
  const seen = { verified: 0, read: 0, problems: 0, unreadable: 0 }
  for (let i = 0; i < 6000; i++) {
    const bytes = Buffer.from(JSON.stringify(mutateJson(samples[i % samples.length], next)))
    const headers = { 'x-signature-ed25519': 'ab', 'x-signature-timestamp': '1' }
    const request = webhook(i % 10 === 0 ? mutateBytes(bytes, next) : bytes, headers)
    if (discord.verify(request, account)) seen.verified += 1
    discord.handshake?.(request, account)
    discord.answer?.(request)
    try {
      const { messages, problems = [] } = read(request, account)
      JSON.stringify(messages)
      seen.read += 1
      seen.problems += problems.length
    } catch (error) {
      if (!(error instanceof UnreadablePayload)) throw error
      seen.unreadable += 1
    }
  }
  const { verified, ...others } = seen
  t.equal(verified, 0)
  t.ok(
    Object.values(others).every((count) => count > 100),
    JSON.stringify(seen),
  )
})

t.test("the conformance peer's requests are read as it says", async (t) => {
  const at = new Date('2024-12-09T18:20:00.500Z')
  const [id, from, group] = [peer.id(1), peer.person(1), peer.groupId?.(1) ?? '']
  const about = { id, from, at }
  const said = (request?: { headers: Record<string, string>; body: string | Buffer }) => {
    if (!request) throw new Error('no request')
    const signed = peer.sign(request, 'https://example.com/')
    const asked = webhook(Buffer.from(signed.body), signed.headers)
    t.ok(peer.channel.verify(asked, account))
    return read(asked, account)
  }
  t.match(said(peer.text({ ...about, body: 'Hello' })).messages, [
    { externalMessageId: id, address: from, body: 'Hello', sentAt: at },
  ])
  t.match(said(peer.text({ ...about, body: 'Hi', group })).messages, [
    { externalMessageId: id, address: from, conversationExternalId: group },
  ])
  t.match(said(peer.media?.({ ...about, caption: 'Cap' })).messages, [
    { contentType: 'image', body: 'Cap', media: [{ filename: 'cat.png' }] },
  ])
  const updates: [request: Parameters<typeof said>[0], update: object][] = [
    [peer.edit?.({ ...about, body: 'New' }), { kind: 'edit', body: 'New' }],
    [peer.revoke?.(about), { kind: 'revoke' }],
    [peer.reaction?.({ ...about, emoji: '👍' }), { kind: 'reaction', emoji: '👍', sender: from }],
    [peer.reaction?.({ ...about, emoji: null }), { kind: 'reaction', emoji: null }],
  ]
  for (const [request, update] of updates) {
    const expected = { externalMessageId: id, update: { ...update, at: at.toISOString() } }
    t.match(said(request).updates, [expected])
  }
})
