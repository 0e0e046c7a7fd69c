import { createHash } from 'node:crypto'
import t from 'tap'
import { type InboundMessage, UnreadablePayload } from '../../../../adapters/channels/channel.ts'
import {
  at,
  change,
  envelope,
  kinds,
  messages,
  ourNumber,
  receive,
  said,
  sheena,
} from './samples.ts'

function kind(name: string, beside: object = {}): InboundMessage {
  const [message] = receive(messages([{ ...kinds[name], ...beside }])).messages
  if (!message) throw new Error(`no message of ${name}`)
  return message
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

t.test('a text is a row with who, which number of ours, when and its own payload', async (t) => {
  t.same(receive(messages([kinds['text'] ?? {}])), {
    messages: [
      {
        accountAddress: ourNumber,
        direction: 'inbound',
        address: '+16505551234',
        externalMessageId: 'wamid.one',
        sentAt: at,
        senderName: 'Sheena Nelson',
        contentType: 'text',
        body: 'Does it come in another color?',
        metadata: {},
        raw: kinds['text'],
      },
    ],
    updates: [],
  })
})

t.test('a media brings its references, and its caption as the body', async (t) => {
  const image = kind('image')
  t.match(image, { contentType: 'image', body: 'Two of these' })
  t.same(image.media, [
    {
      id: '2754859441498128',
      url: 'https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=2754859441498128',
      content_type: 'image/jpeg',
      sha256: createHash('sha256').update('the picture').digest('hex'),
    },
  ])
  t.match(kind('voice'), { contentType: 'audio', body: null, metadata: { voice: true } })
  t.same(kind('voice').media, [{ id: '1908647269898587', content_type: 'audio/ogg; codecs=opus' }])
  t.match(kind('video'), { contentType: 'video', body: 'look' })
  t.match(kind('document'), { contentType: 'file', body: 'mine' })
  t.match(kind('document').media, [{ filename: 'order.pdf', content_type: 'application/pdf' }])
  const sticker = kind('sticker')
  t.match(sticker, { contentType: 'image', metadata: { type: 'sticker', animated: true } })
  const hex = 'AB'.repeat(32)
  const inHex = kind('image', { image: { id: '1', sha256: hex } })
  t.same(inHex.media, [{ id: '1', sha256: hex.toLowerCase() }])
})

t.test('a location keeps its coordinates', async (t) => {
  t.match(kind('location'), {
    contentType: 'location',
    body: null,
    metadata: {
      location: { latitude: 37.46, longitude: -122.21, name: 'HQ', address: '1 Hacker Way' },
    },
  })
  const nowhere = kind('location', { location: { latitude: 137, longitude: 0 } })
  t.match(nowhere, { contentType: 'structured', metadata: { type: 'location' } })
})

t.test('answers to buttons, lists and flows show the title that was tapped', async (t) => {
  t.match(kind('button_reply'), {
    contentType: 'structured',
    body: 'Cancel',
    replyTo: ['wamid.asked'],
    metadata: { type: 'interactive', interactive: { button_reply: { id: 'cancel' } } },
  })
  t.match(kind('list_reply'), { contentType: 'structured', body: 'Priority' })
  t.match(kind('nfm_reply'), {
    body: 'Sent',
    metadata: { interactive: { nfm_reply: { response_json: '{"flow_token": "t"}' } } },
  })
  t.match(kind('button'), {
    contentType: 'structured',
    body: 'Stop promotions',
    metadata: { type: 'button', button: { payload: 'stop' } },
  })
})

t.test('contacts and orders are kept as Meta has them', async (t) => {
  t.match(kind('contacts'), {
    contentType: 'structured',
    body: null,
    metadata: { contacts: [{ name: { formatted_name: 'Barbara J. Johnson' } }] },
  })
  t.match(kind('order'), {
    contentType: 'structured',
    body: 'Love these!',
    metadata: { order: { product_items: [{ product_retailer_id: 'di9ozbzfi4' }] } },
  })
})

t.test('what Meta cannot deliver is kept with its errors', async (t) => {
  t.match(kind('unsupported'), {
    contentType: 'structured',
    body: null,
    metadata: {
      type: 'unsupported',
      unsupported: { type: 'poll_creation' },
      errors: [{ code: 131051 }],
    },
  })
  const errors = [{ code: 131000, title: 'Something went wrong' }]
  const bare = said({ type: 'interactive' })
  const [message] = receive(messages([bare], { contacts: [sheena], errors })).messages
  t.match(message, { contentType: 'structured', body: null, metadata: { errors } })
})

t.test('an unknown type is structured and keeps its payload', async (t) => {
  const hologram = said({ type: 'hologram', hologram: { id: 'h1' } })
  const [message] = receive(messages([hologram])).messages
  t.match(message, { contentType: 'structured', body: null, metadata: { type: 'hologram' } })
  t.same(message?.raw, hologram)
  t.match(kind('request_welcome'), { metadata: { type: 'request_welcome' } })
  for (const type of ['constructor', '__proto__', 'toString', '']) {
    t.match(receive(messages([said({ type })])).messages, [{ contentType: 'structured' }], type)
  }
  const [untyped] = receive(messages([said({})])).messages
  t.match(untyped, { contentType: 'structured', metadata: { type: 'unknown' } })
})

t.test('a known type whose content is not there is kept as structured', async (t) => {
  for (const type of ['text', 'image', 'audio', 'video', 'document', 'sticker', 'location']) {
    const [message] = receive(messages([said({ type, [type]: 'odd' })])).messages
    t.match(message, { contentType: 'structured', metadata: { type } }, type)
  }
})

t.test('an answer, a forwarded message and one from an advertisement say so', async (t) => {
  t.same(kind('text', { context: { id: 'wamid.before', from: '1' } }).replyTo, ['wamid.before'])
  const forwarded = kind('text', { context: { forwarded: true } })
  t.same(forwarded.metadata, { forwarded: true })
  t.notOk(forwarded.replyTo)
  t.same(kind('text', { context: { frequently_forwarded: true } }).metadata, {
    frequently_forwarded: true,
  })
  const referral = { source_url: 'https://fb.me/x', source_type: 'ad', ctwa_clid: 'c' }
  t.same(kind('text', { referral }).metadata, { referral })
  const product = { catalog_id: '1', product_retailer_id: '2' }
  t.same(kind('text', { context: { referred_product: product } }).metadata, {
    referred_product: product,
  })
})

t.test('control characters are stripped from the body, and the raw can be stored', async (t) => {
  const message = kind('text', { text: { body: 'a\u0000b\u0007c\r\nd\ud800' } })
  t.equal(message.body, 'abc\nd')
  t.match(message.raw, { text: { body: 'a\u{fffd}b\u0007c\r\nd\u{fffd}' } })
})

t.test('every message of every change of every entry counts', async (t) => {
  const text = (id: string) => ({ ...kinds['text'], id })
  const other = { display_phone_number: '+1 555-078-3882', phone_number_id: '2' }
  const first = [change({ messages: [text('a'), text('b')] }), change({ messages: [text('c')] })]
  const payload = {
    object: 'whatsapp_business_account',
    entry: [
      { id: '1', changes: first },
      { id: '2', changes: [change({ metadata: other, messages: [text('d')] })] },
    ],
  }
  t.same(
    receive(payload).messages.map((one) => [one.externalMessageId, one.accountAddress]),
    [
      ['a', ourNumber],
      ['b', ourNumber],
      ['c', ourNumber],
      ['d', '+15550783882'],
    ],
  )
})

t.test('one unreadable message does not sink the others', async (t) => {
  const broken = [
    { ...kinds['text'], id: undefined },
    { ...kinds['text'], timestamp: 'yesterday' },
    { ...kinds['text'], from: { phone: 1 } },
    { ...kinds['text'], from: undefined },
    { ...kinds['text'], group_id: {} },
    { ...kinds['reaction'], reaction: {} },
    'text',
    null,
  ]
  const received = receive(messages([...broken, kinds['text'] ?? {}], { contacts: [] }))
  t.equal(received.messages.length, 1)
  t.equal(received.messages[0]?.externalMessageId, 'wamid.one')
  const place = 'entry.0.changes.0.value.messages'
  t.same(
    received.problems?.map((problem) => problem.field),
    [
      `${place}.0.id`,
      `${place}.1.timestamp`,
      `${place}.2.from`,
      `${place}.3.from`,
      `${place}.4.group_id`,
      `${place}.5.reaction.message_id`,
      `${place}.6`,
      `${place}.7`,
    ],
  )
})

t.test('a list that is none, and a change without a value, are problems', async (t) => {
  const payload = envelope(change({ messages: 5, statuses: {} }), { field: 'messages' })
  t.same(
    receive(payload).problems?.map((problem) => problem.field),
    [
      'entry.0.changes.0.value.messages',
      'entry.0.changes.0.value.statuses',
      'entry.0.changes.1.value',
    ],
  )
})

t.test('a payload without entries is refused as a whole', async (t) => {
  t.equal(refusal('').field, 'body')
  t.equal(refusal('{').field, 'body')
  t.equal(refusal('[]').field, 'body')
  t.equal(refusal('{}').field, 'entry')
  t.equal(refusal({ object: 'page', entry: [] }).field, 'object')
})

t.test('what is no message gives nothing', async (t) => {
  const errors = [{ code: 130429, title: 'Rate limit hit' }]
  const template = { event: 'APPROVED', message_template_id: 5 }
  const preference = { wa_id: '16505551234', category: 'marketing_messages', value: 'stop' }
  const payload = envelope(
    change({ errors }),
    change(template, 'message_template_status_update'),
    change({ user_preferences: [preference] }, 'user_preferences'),
    change({ calls: [{ id: 'c', event: 'connect' }] }, 'calls'),
    change({ state_sync: [{ type: 'contact', action: 'add' }] }, 'smb_app_state_sync'),
  )
  t.same(receive(payload), { messages: [], updates: [] })
})
