import type { WebhookRequest } from '../../../../adapters/channels/channel.ts'
import { snowflakeTime } from '../../../../adapters/channels/discord/identity.ts'
import { receive as read } from '../../../../adapters/channels/discord/receive.ts'
import { botId, discordPeer } from './peer.ts'

export const account = {
  tenantId: 1,
  accountId: '0193a1b2-0000-7000-8000-000000000001',
  ...discordPeer.account,
}
export const sentAt = new Date('2024-12-09T18:20:00.123Z')
export const guild = { guild_id: '197038439483310086' }
export const ann = {
  id: '80351110224678912',
  username: 'ann',
  global_name: 'Ann',
  discriminator: '0',
}
export const base = {
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

/** When a webhook came. */
export const receivedAt = new Date('2024-12-09T18:20:05.678Z')

export function webhook(body: unknown, headers: Record<string, string> = {}): WebhookRequest {
  return {
    method: 'POST',
    url: 'https://example.com/api/webhooks/discord/1',
    path: '/api/webhooks/discord/1',
    query: {},
    receivedAt,
    headers,
    body: Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body)),
  }
}
export const receive = (body: unknown, headers?: Record<string, string>) =>
  read(webhook(body, headers), account)
export const event = (t: string, d: object, more: object = {}) => receive({ t, d, ...more })
export const message = (change: object, more: object = {}) =>
  event('MESSAGE_CREATE', { ...base, ...change }, more).messages[0]

export const attachment = {
  id: '1',
  filename: 'a.ogg',
  size: 2048,
  url: 'https://cdn.discordapp.com/attachments/1/2/a.ogg?ex=1',
  content_type: 'audio/ogg',
  duration_secs: 2.5,
}
/** What a message may bring, and how it is read. */
export const kinds: [title: string, content: object, expected: object][] = [
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

export const interaction = {
  id: base.id,
  application_id: botId,
  type: 2,
  channel_id: base.channel_id,
  token: 'a-token',
  version: 1,
  data: { id: '1', name: 'order', type: 1, options: [{ name: 'size', type: 3, value: 'large' }] },
}
export const inGuild = {
  ...guild,
  channel: { id: base.channel_id, name: 'general', type: 0 },
  member: { nick: 'Annie', user: ann },
}
