/** What Baileys itself makes of messages and events, beside what we make of them. */

import {
  BufferJSON,
  extractMessageContent,
  generateWAMessageContent,
  generateWAMessageFromContent,
  getContentType,
  makeEventBuffer,
  type MessageContentGenerationOptions,
  normalizeMessageContent,
  proto,
} from 'baileys'
import { pino } from 'pino'
import t from 'tap'
import { bodiesOf } from '../../../../adapters/channels/baileys/bridge/payloads.ts'
import { messageIdOf } from '../../../../adapters/channels/baileys/message-id.ts'
import { unwrap } from '../../../../adapters/channels/baileys/receive/unwrap.ts'
import { direct, inGroup, read, receiveBody, sentAt } from './support.ts'

const silent = pino({ level: 'silent' })
const options = { logger: silent } as unknown as MessageContentGenerationOptions
const wrappers = [
  'ephemeralMessage',
  'viewOnceMessage',
  'viewOnceMessageV2',
  'viewOnceMessageV2Extension',
  'documentWithCaptionMessage',
  'editedMessage',
  'associatedChildMessage',
  'groupStatusMessage',
  'groupStatusMessageV2',
] as const

const imageMessage = {
  url: 'https://mmg.whatsapp.net/o1/v/t62/image.enc',
  directPath: '/o1/v/t62/image.enc',
  mimetype: 'image/jpeg',
  caption: 'Our gate',
  fileLength: 48_213,
  fileSha256: Buffer.alloc(32, 0xab),
  fileEncSha256: Buffer.alloc(32, 0xcd),
  mediaKey: Buffer.alloc(32, 0xef),
  mediaKeyTimestamp: sentAt,
  width: 640,
  height: 480,
  contextInfo: {
    stanzaId: 'QUOTED',
    mentionedJid: ['27831234567@s.whatsapp.net'],
    isForwarded: true,
  },
}

/** The message as the wire brings it: encoded and decoded. */
function overTheWire(message: proto.IMessage): proto.Message {
  return proto.Message.decode(proto.Message.encode(proto.Message.fromObject(message)).finish())
}

/** The ways in which a process may write the same event. */
function spellings(message: proto.IMessage): [string, string][] {
  const decoded = overTheWire(message)
  const info = { key: direct, messageTimestamp: sentAt, pushName: 'Thandi' }
  const typed = proto.WebMessageInfo.fromObject({ ...info, message: decoded })
  const event = (one: object) => ({
    event: 'messages.upsert',
    data: { type: 'notify', messages: [one] },
  })
  // JSON.stringify asks a protobuf object for its own JSON; a copy of its fields is written as it is.
  const plain = { ...info, message: deepCopy(decoded) }
  return [
    ['BufferJSON of plain objects', JSON.stringify(event(plain), BufferJSON.replacer)],
    ['JSON.stringify of plain objects', JSON.stringify(event(plain))],
    ['indexes for bytes', JSON.stringify(event(plain), indexed)],
    ['BufferJSON of protobuf objects', JSON.stringify(event(typed), BufferJSON.replacer)],
    ['JSON.stringify of protobuf objects', JSON.stringify(event(typed))],
    ['our bridge', String(bodiesOf({ 'messages.upsert': event(plain).data }, sentAt * 1000)[0])],
    [
      'our bridge with protobuf objects',
      String(bodiesOf({ 'messages.upsert': event(typed).data }, sentAt * 1000)[0]),
    ],
  ]
}

function deepCopy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  if (Array.isArray(value)) return value.map(deepCopy)
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, deepCopy(one)]))
}

function indexed(_name: string, value: unknown): unknown {
  const bytes = value as { type?: string; data?: number[] } | null
  return bytes?.type === 'Buffer' && Array.isArray(bytes.data)
    ? Object.fromEntries(bytes.data.entries())
    : value
}

t.test('a file is read alike in every spelling of its bytes and numbers', async (t) => {
  const message = { imageMessage, messageContextInfo: { messageSecret: Buffer.alloc(32, 5) } }
  for (const [spelling, body] of spellings(message)) {
    const { messages, problems } = receiveBody(body)
    t.equal(problems, undefined, spelling)
    t.match(
      messages[0],
      {
        contentType: 'image',
        body: 'Our gate',
        replyTo: ['QUOTED'],
        sentAt: new Date(sentAt * 1000),
        media: [
          {
            url: imageMessage.url,
            content_type: 'image/jpeg',
            size: 48_213,
            sha256: 'ab'.repeat(32),
            details: {
              media_type: 'image',
              direct_path: imageMessage.directPath,
              media_key: imageMessage.mediaKey.toString('base64'),
              file_enc_sha256: imageMessage.fileEncSha256.toString('base64'),
              media_key_timestamp: sentAt,
            },
          },
        ],
        metadata: {
          mentions: ['+27831234567'],
          forwarded: true,
          width: 640,
          message_secret: Buffer.alloc(32, 5).toString('base64'),
        },
      },
      spelling,
    )
  }
})

t.test('what is wrapped is found where Baileys finds it, up to five layers deep', async (t) => {
  let compared = 0
  for (const outer of wrappers) {
    for (const inner of wrappers) {
      const message: proto.IMessage = {
        [outer]: { message: { [inner]: { message: { imageMessage } } } },
      }
      const decoded = overTheWire(message)
      const normalized = normalizeMessageContent(decoded)
      const ours = unwrap(decoded)
      t.equal(ours?.kind, getContentType(normalized))
      t.equal(ours?.part, normalized?.imageMessage)
      compared += 1
    }
  }
  t.equal(compared, 81)
  let deep: proto.IMessage = { conversation: 'deep' }
  for (let layer = 1; layer <= 6; layer++) {
    deep = { [wrappers[layer % wrappers.length] ?? 'ephemeralMessage']: { message: deep } }
    const normalized = normalizeMessageContent(overTheWire(deep))
    t.equal(unwrap(overTheWire(deep))?.kind, getContentType(normalized), `${layer} layers`)
    t.equal(read(deep).body, layer <= 5 ? 'deep' : null)
  }
})

t.test('the kind of content is the one that Baileys sees', async (t) => {
  const samples: proto.IMessage[] = [
    { conversation: 'x' },
    { senderKeyDistributionMessage: { groupId: 'g' }, conversation: 'x' },
    { messageContextInfo: { deviceListMetadataVersion: 2 }, extendedTextMessage: { text: 'x' } },
    { senderKeyDistributionMessage: { groupId: 'g' }, stickerMessage: { url: 'u' } },
    { protocolMessage: { type: 3 } },
    { pollCreationMessageV3: { name: 'x' } },
  ]
  for (const sample of samples) {
    const decoded = overTheWire(sample)
    t.equal(unwrap(decoded)?.kind, getContentType(decoded))
  }
})

t.test('the text of buttons and templates is the one that Baileys extracts', async (t) => {
  const samples: proto.IMessage[] = [
    { buttonsMessage: { contentText: 'Choose' } },
    {
      templateMessage: { hydratedTemplate: { hydratedContentText: 'Your order', templateId: '7' } },
    },
    { templateMessage: { hydratedFourRowTemplate: { hydratedContentText: 'Your order' } } },
  ]
  for (const sample of samples) {
    const { body, contentType } = read(sample)
    t.equal(body, extractMessageContent(overTheWire(sample))?.conversation)
    t.equal(contentType, 'structured')
  }
  t.match(read({ buttonsMessage: { contentText: 'Analysis', imageMessage } }), {
    media: [{ url: imageMessage.url, details: { media_type: 'image' } }],
  })
})

t.test('what Baileys generates is read back', async (t) => {
  const generated = async (
    content: Parameters<typeof generateWAMessageContent>[0],
    quoted?: string,
  ) => {
    const made = generateWAMessageFromContent(
      direct.remoteJid,
      await generateWAMessageContent(content, options),
      {
        userJid: '27820000000@s.whatsapp.net',
        timestamp: new Date(sentAt * 1000),
        ...(quoted
          ? { quoted: { key: { ...direct, id: quoted }, message: { conversation: 'before' } } }
          : {}),
      },
    )
    const body = JSON.stringify({
      event: 'messages.upsert',
      data: { type: 'append', messages: [made] },
    })
    return receiveBody(body)
  }
  const text = (await generated({ text: 'Hello' }, 'BEFORE')).messages[0]
  t.match(text, { body: 'Hello', contentType: 'text', direction: 'outbound', replyTo: ['BEFORE'] })
  t.match(text?.metadata?.['message_secret'], /^[\w+/]{43}=$/)
  const place = {
    degreesLatitude: -33.9249,
    degreesLongitude: 18.4241,
    name: 'Cape Town',
    address: 'Adderley St',
  }
  t.match((await generated({ location: place })).messages, [
    {
      contentType: 'location',
      metadata: {
        location: {
          latitude: -33.9249,
          longitude: 18.4241,
          name: 'Cape Town',
          address: 'Adderley St',
        },
      },
    },
  ])
  t.match(
    (await generated({ poll: { name: 'Lunch?', values: ['Yes', 'No'], selectableCount: 1 } }))
      .messages,
    [
      {
        contentType: 'structured',
        body: 'Lunch?',
        metadata: { poll: { options: ['Yes', 'No'], selectable: 1 } },
      },
    ],
  )
  const vcard = 'BEGIN:VCARD\nFN:Ana\nEND:VCARD'
  t.match((await generated({ contacts: { contacts: [{ displayName: 'Ana', vcard }] } })).messages, [
    {
      contentType: 'structured',
      body: 'Ana',
      metadata: { contacts: [{ name: 'Ana', vcard }], type: 'contactMessage' },
    },
  ])
  const target = { remoteJid: direct.remoteJid, id: 'TARGET', fromMe: false }
  t.match(await generated({ react: { key: target, text: '👍' } }), {
    messages: [],
    updates: [{ externalMessageId: 'TARGET', update: { kind: 'reaction', emoji: '👍' } }],
  })
  t.match(await generated({ delete: target }), {
    messages: [],
    updates: [{ externalMessageId: 'TARGET', update: { kind: 'revoke' } }],
  })
  t.match(await generated({ text: 'better', edit: target }), {
    messages: [],
    updates: [{ externalMessageId: 'TARGET', update: { kind: 'edit', body: 'better' } }],
  })
})

t.test('what was chosen from buttons, lists and forms is the body', async (t) => {
  const chosen = (message: proto.IMessage) => {
    const { body, metadata, contentType } = read(message)
    t.equal(contentType, 'structured')
    return [body, metadata?.['interactive']]
  }
  const expected = ['Yes', { id: 'y', title: 'Yes' }]
  t.same(
    chosen({ buttonsResponseMessage: { selectedButtonId: 'y', selectedDisplayText: 'Yes' } }),
    expected,
  )
  t.same(
    chosen({ templateButtonReplyMessage: { selectedId: 'y', selectedDisplayText: 'Yes' } }),
    expected,
  )
  t.same(
    chosen({ listResponseMessage: { title: 'Yes', singleSelectReply: { selectedRowId: 'y' } } }),
    expected,
  )
  const flow = { name: 'menu', paramsJson: '{"id":"y","flow":1}', version: 3 }
  t.same(
    chosen({
      interactiveResponseMessage: { body: { text: 'Yes' }, nativeFlowResponseMessage: flow },
    }),
    ['Yes', { name: 'menu', id: 'y', title: 'Yes', parameters: { id: 'y', flow: 1 } }],
  )
})

t.test('files, stickers, places and what is not known have their types', async (t) => {
  const typeOf = (message: object) => {
    const { contentType, body, media, metadata } = read(message)
    return [contentType, body, media?.[0]?.details?.['media_type'], metadata?.['type']]
  }
  t.same(typeOf({ videoMessage: { url: 'u', caption: 'c' } }), ['video', 'c', 'video', undefined])
  t.same(typeOf({ ptvMessage: { url: 'u' } }), ['video', null, 'ptv', undefined])
  t.same(typeOf({ audioMessage: { url: 'u', ptt: true } }), ['audio', null, 'audio', undefined])
  t.same(typeOf({ stickerMessage: { url: 'u' } }), ['image', null, 'sticker', undefined])
  t.same(typeOf({ lottieStickerMessage: { message: { stickerMessage: { url: 'u' } } } }), [
    'image',
    null,
    'sticker',
    undefined,
  ])
  const document = {
    url: 'u',
    fileName: 'offer.pdf',
    mimetype: 'application/pdf',
    caption: 'Our offer',
  }
  t.same(typeOf({ documentWithCaptionMessage: { message: { documentMessage: document } } }), [
    'file',
    'Our offer',
    'document',
    undefined,
  ])
  t.same(typeOf({ liveLocationMessage: { degreesLatitude: 1, degreesLongitude: 2 } }), [
    'location',
    null,
    undefined,
    undefined,
  ])
  t.same(typeOf({ locationMessage: { degreesLatitude: 91, degreesLongitude: 2 } }), [
    'structured',
    null,
    undefined,
    'locationMessage',
  ])
  t.same(typeOf({ requestPaymentMessage: { amount1000: 5 } }), [
    'structured',
    null,
    undefined,
    'requestPaymentMessage',
  ])
  t.same(typeOf({ somethingOfNextYear: { text: 'New!' } }), [
    'structured',
    'New!',
    undefined,
    'somethingOfNextYear',
  ])
  t.match(read({ viewOnceMessageV2: { message: { imageMessage } } }).metadata, { view_once: true })
  t.match(read({ imageMessage: { ...imageMessage, viewOnce: true } }).metadata, { view_once: true })
})

t.test("an album's files know their album, and a secret is kept wherever it stands", async (t) => {
  const messageContextInfo = {
    messageSecret: Buffer.alloc(32, 1),
    messageAssociation: { associationType: 1, parentMessageKey: { id: 'ALBUM' } },
  }
  const inside = { associatedChildMessage: { message: { imageMessage, messageContextInfo } } }
  t.match(read(inside).metadata, {
    album_id: 'ALBUM',
    message_secret: Buffer.alloc(32, 1).toString('base64'),
  })
  t.match(read({ albumMessage: { expectedImageCount: 2 } }), {
    contentType: 'structured',
    metadata: { album: { images: 2 } },
  })
})

t.test("what Baileys' buffer folds into a message is not lost", async (t) => {
  const ev = makeEventBuffer(silent)
  t.teardown(() => ev.destroy())
  const bodies: Buffer[] = []
  ev.process((events) => {
    bodies.push(...bodiesOf(events, sentAt * 1000))
  })
  const id = messageIdOf('0193a5b0-7c00-7000-8000-0000000000aa')
  const key = { remoteJid: inGroup.remoteJid, id, fromMe: true }
  const theirs = { ...inGroup, id: 'EDITED' }
  ev.buffer()
  ev.emit('messages.upsert', {
    type: 'append',
    messages: [
      { key, messageTimestamp: sentAt, message: { conversation: 'from the phone' } },
      { key: theirs, messageTimestamp: sentAt, message: { conversation: 'old' } },
    ],
  })
  ev.emit('messages.update', [
    { key, update: { status: proto.WebMessageInfo.Status.DELIVERY_ACK } },
  ])
  ev.emit('message-receipt.update', [
    { key, receipt: { userJid: '1@lid', readTimestamp: sentAt + 1 } },
  ])
  ev.emit('messages.reaction', [
    { key, reaction: { key: inGroup, text: '👍', senderTimestampMs: sentAt * 1000 } },
  ])
  ev.emit('messages.update', [
    {
      key: theirs,
      update: {
        message: { editedMessage: { message: { conversation: 'new' } } },
        messageTimestamp: sentAt,
      },
    },
  ])
  ev.flush()
  t.equal(bodies.length, 1)
  const { messages, updates } = receiveBody(bodies[0] ?? '')
  t.same(
    messages.map(({ externalMessageId, body }) => [externalMessageId, body]),
    [
      [id, 'from the phone'],
      ['EDITED', 'new'],
    ],
  )
  t.match(updates, [
    { externalMessageId: id, update: { kind: 'receipt', status: 'delivered' } },
    { externalMessageId: id, update: { kind: 'receipt', status: 'read', recipient: '1@lid' } },
    { externalMessageId: id, update: { kind: 'reaction', emoji: '👍', sender: '+27831234567' } },
  ])
})
