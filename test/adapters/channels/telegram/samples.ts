import type { WebhookRequest } from '../../../../adapters/channels/channel.ts'
import { receive as readUpdate } from '../../../../adapters/channels/telegram/receive.ts'
import { telegramPeer } from './peer.ts'

export const account = {
  tenantId: 1,
  accountId: '0193a1b2-0000-7000-8000-000000000001',
  ...telegramPeer.account,
}

export const ann = {
  id: 1111,
  is_bot: false,
  first_name: 'Ann',
  last_name: 'Lee',
  username: 'annlee',
}
export const direct = { id: 1111, type: 'private', first_name: 'Ann', username: 'annlee' }
export const group = { id: -1001234567890, type: 'supergroup', title: 'Family' }
export const base = { message_id: 1365, date: 1733768400, from: ann, chat: direct }
export const sentAt = new Date('2024-12-09T18:20:00Z')

/** When a webhook came. */
export const receivedAt = new Date('2024-12-09T18:20:05.678Z')

export function webhook(body: unknown, headers: Record<string, string> = {}): WebhookRequest {
  return {
    method: 'POST',
    url: 'https://example.com/api/webhooks/telegram/1',
    path: '/api/webhooks/telegram/1',
    query: {},
    receivedAt,
    headers,
    body: Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body)),
  }
}
export const receive = (content: object, headers?: Record<string, string>) =>
  readUpdate(webhook({ update_id: 1, ...content }, headers), account)
export const message = (change: object) => receive({ message: { ...base, ...change } }).messages[0]

export const file = { file_id: 'F1', file_unique_id: 'U1', file_size: 2048 }
/** What a message may bring, and how it is read. */
export const kinds: [title: string, content: object, expected: object][] = [
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
