import { Bot } from 'grammy'
import t from 'tap'
import type { OutboundMessage } from '../../../../adapters/channels/channel.ts'
import { telegramProvider } from '../../../../adapters/channels/telegram/index.ts'
import { start, token, chatId, taken, message, url, media } from './api.ts'

const kinds: [
  title: string,
  ours: Partial<OutboundMessage>,
  theirs: (api: Bot['api']) => Promise<unknown>,
][] = [
  ['a text', {}, (api) => api.sendMessage(chatId, 'Hello')],
  [
    'a text in a group, formatted, in answer to another',
    {
      conversationExternalId: '-1001234567890',
      metadata: { parse_mode: 'HTML', message_thread_id: '5', disable_notification: true },
      replyTo: { externalMessageId: '-1001234567890:77', subject: null },
    },
    (api) =>
      api.sendMessage(-1001234567890, 'Hello', {
        parse_mode: 'HTML',
        message_thread_id: 5,
        disable_notification: true,
        reply_parameters: { message_id: 77, allow_sending_without_reply: true },
      }),
  ],
  [
    'a text with buttons, to a public channel',
    {
      address: '@news',
      metadata: { reply_markup: { inline_keyboard: [[{ text: 'Yes', callback_data: 'y' }]] } },
    },
    (api) =>
      api.sendMessage('@news', 'Hello', {
        reply_markup: { inline_keyboard: [[{ text: 'Yes', callback_data: 'y' }]] },
      }),
  ],
  [
    'a text for a business account',
    { metadata: { business_connection_id: 'Bc1' } },
    (api) => api.sendMessage(chatId, 'Hello', { business_connection_id: 'Bc1' }),
  ],
  [
    'an image with a caption',
    { contentType: 'image', mediaUrl: url },
    (api) => api.sendPhoto(chatId, url, { caption: 'Hello' }),
  ],
  [
    'an image by its file_id',
    { contentType: 'image', body: null, metadata: { media: [{ id: 'AgAD' }] } },
    (api) => api.sendPhoto(chatId, 'AgAD'),
  ],
  [
    'an audio file',
    { contentType: 'audio', body: null, metadata: { media: [media('audio/mpeg')] } },
    (api) => api.sendAudio(chatId, url),
  ],
  [
    'a voice message',
    { contentType: 'audio', body: null, metadata: { media: [media('audio/ogg; codecs=opus')] } },
    (api) => api.sendVoice(chatId, url),
  ],
  [
    'a video',
    { contentType: 'video', mediaUrl: url },
    (api) => api.sendVideo(chatId, url, { caption: 'Hello' }),
  ],
  [
    'an animation',
    { contentType: 'image', body: null, metadata: { media: [media('image/gif')] } },
    (api) => api.sendAnimation(chatId, url),
  ],
  [
    'a file, even one that is an image',
    { contentType: 'file', metadata: { media: [media('image/png')] } },
    (api) => api.sendDocument(chatId, url, { caption: 'Hello' }),
  ],
  [
    'an album',
    {
      contentType: 'image',
      metadata: { media: [media('image/jpeg'), media('video/mp4', `${url}.mp4`)] },
    },
    (api) =>
      api.sendMediaGroup(chatId, [
        { type: 'photo', media: url, caption: 'Hello' },
        { type: 'video', media: `${url}.mp4` },
      ]),
  ],
  [
    'a location',
    {
      contentType: 'location',
      body: null,
      metadata: { location: { latitude: -33.9, longitude: 18.4, name: 'Here' } },
    },
    (api) => api.sendLocation(chatId, -33.9, 18.4),
  ],
  [
    'a venue',
    {
      contentType: 'location',
      body: null,
      metadata: { location: { latitude: 1, longitude: 2, name: 'Café', address: 'Long St 1' } },
    },
    (api) => api.sendVenue(chatId, 1, 2, 'Café', 'Long St 1'),
  ],
]

for (const [title, ours, theirs] of kinds) {
  t.test(`${title} is asked for as grammY asks for it`, async (t) => {
    const { api, asked, send } = await start(t, ({ path }) =>
      taken(path?.endsWith('sendMediaGroup') ? [message, { ...message, message_id: 43 }] : message),
    )
    t.same(await send(ours), { outcome: 'sent', externalMessageId: '1111:42' })
    await theirs(new Bot(token, { client: { apiRoot: api } }).api)
    t.equal(asked.length, 2)
    t.match(asked[0], { method: 'POST', path: new RegExp(`^/bot${token}/send[A-Z]`) })
    t.same(asked[0], asked[1])
  })
}

t.test(
  "the external id is of the answer's chat, and says through which business account",
  async (t) => {
    const answers = [
      { ...message, chat: { id: -100777, type: 'supergroup' } },
      { ...message, business_connection_id: 'Bc1' },
      { ...message, message_id: 0 },
    ]
    const { asked, account, send } = await start(t, () => taken(answers.shift()))
    t.match(await send({ address: '@news' }), { externalMessageId: '-100777:42' })
    const settings = { ...account.settings, business_connection_id: 'Bc1' }
    t.match(await send({}, { ...account, settings }), { externalMessageId: '1111:42@Bc1' })
    t.equal(asked[1]?.body['business_connection_id'], 'Bc1')
    t.match(
      await send({}),
      { externalMessageId: '1111:put-off-0193a1b2-0000-7000-8000-00000000000b' },
      'a message that Telegram put off has no id of its own yet',
    )
    t.match(await send({}), { outcome: 'ambiguous', errorCode: 'answer_unreadable' })
  },
)

t.test('an answer to what lies in another chat is sent as none', async (t) => {
  const { asked, send } = await start(t)
  for (const externalMessageId of [
    '-4001:77',
    'callback:1',
    '1111:put-off-a',
    '1111:e5',
    '1111:0',
  ]) {
    await send({ replyTo: { externalMessageId, subject: null } })
    t.equal(asked.at(-1)?.body['reply_parameters'], undefined, externalMessageId)
  }
  await send({ replyTo: { externalMessageId: '1111:77@Bc1', subject: null } })
  t.match(asked.at(-1)?.body, { reply_parameters: { message_id: 77 } })
})

t.test('a second request would be a second message', async (t) => {
  const { account } = await start(t)
  t.equal(telegramProvider.takesIdempotencyKey(account), false)
})
