import t from 'tap'
import { UnreadablePayload } from '../../../../adapters/channels/channel.ts'
import { fakechat } from '../../../../adapters/channels/fakechat/index.ts'

/** A payload of fakechat. */
const example = {
  platform: 'fakechat',
  user: { id: '+27831234567' },
  message: { id: 'abc123', type: 'text', content: 'Hello', timestamp: 1733768400 },
}

function receive(payload: unknown) {
  const body = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload))
  return fakechat.receive(
    { method: 'POST', url: '/', path: '/', query: {}, receivedAt: new Date(), headers: {}, body },
    null,
  )
}

function message(change: object, beside: object = {}) {
  const { messages } = receive({
    ...example,
    message: { ...example.message, ...change },
    ...beside,
  })
  return messages[0]
}

function refusal(payload: unknown): UnreadablePayload {
  try {
    receive(payload)
  } catch (error) {
    if (error instanceof UnreadablePayload) return error
    throw error
  }
  throw new Error('it was read')
}

t.test("document 000's example is normalized by its rules", async (t) => {
  t.same(receive(example), {
    messages: [
      {
        direction: 'inbound',
        address: '+27831234567',
        externalMessageId: 'abc123',
        contentType: 'text',
        body: 'Hello',
        sentAt: new Date('2024-12-09T18:20:00Z'),
        metadata: {},
        raw: example,
      },
    ],
    updates: [],
  })
})

t.test('a phone number is read as people write it, and an impossible one is refused', async (t) => {
  for (const id of [
    '+27 83 123 4567',
    '27831234567',
    '0027831234567',
    '+27-(83)-123 4567',
    27831234567,
  ]) {
    t.equal(receive({ ...example, user: { id } }).messages[0]?.address, '+27831234567', String(id))
  }
  // Possible by its length, though its range is in nobody's metadata.
  t.equal(
    receive({ ...example, user: { id: '+15555550100' } }).messages[0]?.address,
    '+15555550100',
  )
  for (const id of ['12345', '+2783', '+999123456789', 'somebody', '', '+27831234567;ext=5']) {
    t.equal(refusal({ ...example, user: { id } }).field, 'user.id', id)
  }
})

t.test('a timestamp may be seconds, milliseconds or ISO 8601', async (t) => {
  const times = [
    1733768400,
    '1733768400',
    1733768400000,
    '2024-12-09T18:20:00Z',
    '2024-12-09T20:20:00+02:00',
    '2024-12-09T18:20:00',
  ]
  for (const timestamp of times) {
    t.same(message({ timestamp })?.sentAt, new Date('2024-12-09T18:20:00Z'), String(timestamp))
  }
  for (const timestamp of ['yesterday', '2024-13-09T18:20:00Z', 1e18, null, {}]) {
    t.equal(
      refusal({ ...example, message: { ...example.message, timestamp } }).field,
      'message.timestamp',
    )
  }
})

t.test('a body loses controls and lone surrogates, and keeps the rest', async (t) => {
  const content = 'a\u0000b\u0007c\u001b[0m\td\r\ne \ud83d\ude00 \ud800x\udc00 \u05d0'
  t.equal(message({ content })?.body, 'abc[0m\td\ne 😀 x א')
})

t.test('raw is kept whole, but for what jsonb cannot hold', async (t) => {
  const raw = message({ content: 'a\u0000b', later: { 'k\u0000': ['\ud800', 1.5, null] } })?.raw
  t.same(raw, {
    ...example,
    message: {
      ...example.message,
      content: 'a\ufffdb',
      later: { 'k\ufffd': ['\ufffd', 1.5, null] },
    },
  })
  const text = JSON.stringify(example).replace('"abc123"', '12345678901234567890')
  t.equal(
    receive(text).messages[0]?.externalMessageId,
    '12345678901234567890',
    'no digit of an id is lost',
  )
})

t.test('content types are unified, and an unknown one is structured', async (t) => {
  const types: Record<string, string> = {
    document: 'file',
    voice: 'audio',
    sticker: 'image',
    Video: 'video',
    location: 'location',
    poll: 'structured',
  }
  for (const [type, contentType] of Object.entries(types)) {
    t.equal(message({ type })?.contentType, contentType, type)
  }
  t.match(message({ type: 'poll', content: { question: 'Tea?' } }), {
    body: null,
    metadata: { type: 'poll', content: { question: 'Tea?' } },
  })
})

t.test('a media reference is found where providers put it', async (t) => {
  const url = 'https://media.example/1.jpg'
  t.match(message({ type: 'image', media_url: url }), { body: 'Hello', media: [{ url }] })
  t.match(message({ type: 'image', media: { url } }), { body: 'Hello', media: [{ url }] })
  t.match(message({ type: 'image', content: url }), { body: null, media: [{ url }] })
  t.match(message({ content: url }), { body: url, media: undefined }, 'a link in a text is a text')
})

t.test('our number, the group, the name and an echo are read', async (t) => {
  t.match(
    message(
      { from_me: true },
      {
        to: '27 82 000 0000',
        group: { id: 'g1', name: 'Family' },
        user: { id: '+27831234567', name: 'Ann\u0000' },
      },
    ),
    {
      direction: 'outbound',
      accountAddress: '+27820000000',
      conversationExternalId: 'g1',
      groupName: 'Family',
    },
  )
  t.equal(message({}, { user: { id: '+27831234567', name: 'Ann\u0000' } })?.senderName, 'Ann')
})

t.test('receipts, edits, revokes and reactions are updates', async (t) => {
  const at = '2024-12-09T18:20:00.000Z'
  const about = { message_id: 'abc123', timestamp: 1733768400 }
  const update = (payload: object) => {
    const [first] = receive({ platform: 'fakechat', ...payload }).updates
    return first
  }
  t.same(update({ to: '+27820000000', receipt: { ...about, status: 'read' } }), {
    externalMessageId: 'abc123',
    accountAddress: '+27820000000',
    update: { kind: 'receipt', status: 'read', at },
  })
  t.match(update({ receipt: { ...about, status: 'failed', error: { code: '131026' } } }), {
    update: { status: 'failed', error_code: '131026' },
  })
  t.match(update({ receipt: { ...about, status: 'sent', reference: 'attempt 1' } }), {
    reference: 'attempt 1',
  })
  t.equal(
    receive({
      platform: 'fakechat',
      receipts: [
        { ...about, status: 'sent' },
        { ...about, status: 'read' },
      ],
    }).updates.length,
    2,
  )
  t.same(update({ edit: { ...about, content: 'Hi\u0000' } })?.update, {
    kind: 'edit',
    body: 'Hi',
    at,
  })
  t.same(update({ group: { id: 'g1' }, revoke: about }), {
    externalMessageId: 'abc123',
    conversationExternalId: 'g1',
    update: { kind: 'revoke', at },
  })
  const reaction = { ...about, emoji: '' }
  t.same(update({ user: { id: '+27831234567' }, reaction })?.update, {
    kind: 'reaction',
    emoji: null,
    sender: '+27831234567',
    at,
  })
})

t.test('what cannot be read names the field', async (t) => {
  const { message, ...rest } = example
  const without = (field: keyof typeof message) => ({
    ...rest,
    message: { ...message, [field]: undefined },
  })
  const cases: [unknown, string, RegExp][] = [
    ['', 'body', /empty/],
    ['{"platform":', 'body', /not JSON/],
    ['[]', 'body', /object/],
    [rest, 'message', /^message is missing$/],
    [{ ...example, platform: 'other' }, 'platform', /fakechat/],
    [{ ...example, user: {} }, 'user.id', /^user.id is missing$/],
    [without('id'), 'message.id', /^message.id is missing$/],
    [without('timestamp'), 'message.timestamp', /^message.timestamp is missing$/],
    [without('content'), 'message.content', /^message.content is missing$/],
    [{ ...example, message: { ...message, id: 'a\u0000' } }, 'message.id', /control/],
    [{ ...example, message: { ...message, id: 'x'.repeat(256) } }, 'message.id', /255/],
    [
      { platform: 'fakechat', receipt: { message_id: 'a', status: 'eaten', timestamp: 1 } },
      'receipt.status',
      /read/,
    ],
    [{ ...example, revoke: { message_id: 'a', timestamp: 1 } }, 'revoke', /beside/],
    ['['.repeat(5000) + ']'.repeat(5000), 'body', /deep/],
  ]
  for (const [payload, field, words] of cases) {
    const error = refusal(payload)
    t.equal(error.field, field)
    t.match(error.message, words)
  }
  const latin = Buffer.from(JSON.stringify(example).replace('Hello', 'H\u00e9'), 'latin1')
  t.throws(
    () =>
      fakechat.receive(
        {
          method: 'POST',
          url: '/',
          path: '/',
          query: {},
          receivedAt: new Date(),
          headers: {},
          body: latin,
        },
        null,
      ),
    /UTF-8/,
  )
})
