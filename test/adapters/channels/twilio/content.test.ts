import t from 'tap'
import { message, receive, without } from './receiving.ts'
import { accountSid, sms, whatsapp } from './support.ts'

t.test('media come in their order, with the kind of the first', async (t) => {
  const url = (n: number) =>
    `https://api.twilio.com/2010-04-01/Accounts/${accountSid}/Messages/${sms['MessageSid']}/Media/ME${String(n).repeat(32)}`
  const mms = message({
    ...sms,
    Body: 'Analysis',
    NumMedia: '3',
    MediaUrl2: url(2),
    MediaContentType2: 'text/vcard',
    MediaUrl0: url(0),
    MediaContentType0: 'image/jpeg',
    MediaUrl1: url(1),
    MediaContentType1: 'video/mp4',
  })
  t.match(mms, { contentType: 'image', body: 'Analysis' })
  t.same(mms.media, [
    { id: `ME${'0'.repeat(32)}`, url: url(0), content_type: 'image/jpeg' },
    { id: `ME${'1'.repeat(32)}`, url: url(1), content_type: 'video/mp4' },
    { id: `ME${'2'.repeat(32)}`, url: url(2), content_type: 'text/vcard' },
  ])
  const kinds = {
    'audio/ogg': 'audio',
    'application/pdf': 'file',
    'text/vcard': 'file',
    '': 'file',
  }
  for (const [type, contentType] of Object.entries(kinds)) {
    const one = message({
      ...sms,
      Body: '',
      NumMedia: '1',
      MediaUrl0: url(0),
      MediaContentType0: type,
    })
    t.match(one, { contentType, body: null }, type)
  }
  const many = Object.fromEntries(
    Array.from({ length: 12 }, (_, n) => [`MediaUrl${n}`, `https://m.example/${n}`]),
  )
  t.same(
    message({ ...sms, ...many, NumMedia: '12' }).media?.map((one) => one.url),
    Object.values(many),
    'the eleventh after the tenth',
  )
})

t.test(
  'a file that was promised and is not there is a problem, and the rest is kept',
  async (t) => {
    const read = receive({ ...sms, NumMedia: '2', MediaUrl0: 'https://m.example/0' })
    t.match(read.messages, [{ media: [{ url: 'https://m.example/0' }] }])
    t.match(read.problems, [{ field: 'NumMedia', message: 'NumMedia is 2, but 1 have a URL' }])
    t.equal(receive({ ...sms, NumMedia: 'many' }).problems, undefined)
  },
)

t.test('a location is read, and one that is no place on earth is structured', async (t) => {
  const place = {
    ...whatsapp,
    Body: '',
    MessageType: 'location',
    Latitude: '-26.2041',
    Longitude: '28.0473',
    Label: 'Office',
    Address: '1 Main Street',
  }
  t.match(message(place), {
    contentType: 'location',
    body: null,
    metadata: {
      location: {
        latitude: -26.2041,
        longitude: 28.0473,
        name: 'Office',
        address: '1 Main Street',
      },
    },
  })
  t.same(message(without(place, 'Label', 'Address')).metadata?.['location'], {
    latitude: -26.2041,
    longitude: 28.0473,
  })
  for (const change of [{ Latitude: '91' }, { Longitude: 'east' }, { Latitude: '' }]) {
    const read = message({ ...place, ...change })
    t.match(read, { contentType: 'structured', metadata: { type: 'location' } })
    t.notOk(read.metadata && 'location' in read.metadata)
  }
})

t.test('what was tapped is structured, with its text as the body', async (t) => {
  const button = {
    MessageType: 'button',
    Body: 'Yes',
    ButtonText: 'Yes',
    ButtonPayload: '{"ok":1}',
  }
  t.match(message({ ...whatsapp, ...button }), {
    contentType: 'structured',
    body: 'Yes',
    metadata: { type: 'button', interactive: { type: 'button', text: 'Yes', payload: '{"ok":1}' } },
  })
  const list = { MessageType: 'interactive', Body: 'Two', ListId: 'b', ListTitle: 'Two' }
  t.match(message({ ...whatsapp, ...list }), {
    contentType: 'structured',
    metadata: { interactive: { type: 'list', id: 'b', title: 'Two' } },
  })
  const flow = { MessageType: 'interactive', Body: '', InteractiveData: '{"screen":"a"}' }
  t.match(message({ ...whatsapp, ...flow }), {
    contentType: 'structured',
    body: null,
    metadata: { interactive: { type: 'flow', data: '{"screen":"a"}' } },
  })
})

t.test('a type that is not known is structured, and only on WhatsApp', async (t) => {
  for (const MessageType of ['order', 'unsupported', 'hologram', 'constructor', '__proto__']) {
    const read = message({ ...whatsapp, MessageType, Body: 'x' })
    t.match(read, { contentType: 'structured', body: 'x', metadata: { type: MessageType } })
  }
  t.match(message({ ...sms, MessageType: 'sms' }), { contentType: 'text' })
})
