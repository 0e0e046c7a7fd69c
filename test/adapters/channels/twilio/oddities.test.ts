import t from 'tap'
import { UnreadablePayload } from '../../../../adapters/channels/channel.ts'
import { twilio } from '../../../../adapters/channels/twilio/index.ts'
import {
  sms,
  smsAccount,
  smsStatus,
  webhook,
  webhookUrl,
  whatsapp,
  whatsappStatus,
} from './support.ts'

/** mulberry32: the same numbers on every run. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

const samples: Record<string, string>[] = [
  sms,
  whatsapp,
  smsStatus,
  whatsappStatus,
  {
    ...sms,
    NumMedia: '2',
    MediaUrl0: 'https://m.example/0',
    MediaContentType0: 'image/jpeg',
    MediaUrl1: 'https://m.example/1',
  },
  {
    ...whatsapp,
    MessageType: 'location',
    Latitude: '1.5',
    Longitude: '-2',
    Label: 'Here',
    Address: 'There',
  },
  {
    ...whatsapp,
    ButtonText: 'a',
    ButtonPayload: 'b',
    OriginalRepliedMessageSid: 'SM2',
    ReferralBody: 'x',
  },
  { ...whatsapp, ListId: 'a', ListTitle: 'b', InteractiveData: '{}' },
]

const odd = [
  '',
  ' ',
  '\u0000',
  '\ufffd',
  '%',
  '%zz',
  '+',
  '&',
  '=',
  '?',
  '-1',
  '1e999',
  'NaN',
  '99999999999999999999',
  'null',
  '[]',
  '{}',
  '__proto__',
  'constructor',
  'toString',
  'whatsapp:',
  'whatsapp:whatsapp:+1',
  'sms:+15017122661',
  ':',
  'received',
  'delivered',
  'failed',
  'x'.repeat(5_000),
  '👋',
  '\u202e',
  '2'.repeat(300),
]

t.test('whatever comes is read or refused by name, never anything else', async (t) => {
  const random = seeded(20241209)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
  const outcomes = { read: 0, refused: 0 }
  for (let run = 0; run < 4_000; run += 1) {
    const fields = new URLSearchParams(pick(samples))
    for (let change = Math.floor(random() * 4); change >= 0; change -= 1) {
      const name = pick([...fields.keys()]) ?? 'MessageSid'
      const way = random()
      if (way < 0.3) fields.set(name, pick(odd))
      else if (way < 0.5) fields.delete(name)
      else if (way < 0.6) fields.append(name, pick(odd))
      else if (way < 0.8) fields.append(pick(odd), pick(odd))
      else
        fields.set(
          pick([...Object.keys(whatsapp), 'Latitude', 'MediaUrl9999', 'MediaUrl00', 'WaId']),
          pick(odd),
        )
    }
    const bytes = Buffer.from(fields.toString())
    for (
      let flips = random() < 0.3 ? Math.ceil(random() * 8) : 0;
      flips > 0 && bytes.length > 0;
      flips -= 1
    ) {
      bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
    }
    const body = random() < 0.1 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes
    const headers = {
      date: pick(['', 'Mon, 09 Dec 2024 18:20:00 GMT', 'x']),
      'x-twilio-signature': pick(odd),
    }
    const request = webhook(body, {
      url: pick([webhookUrl, `${webhookUrl}?attempt=${pick(odd)}`]),
      headers,
    })
    try {
      if (twilio.verify(request, smsAccount)) return t.fail('it was taken for signed')
      const received = twilio.receive(request, null)
      for (const message of received.messages) {
        JSON.stringify(message)
        if (message.externalMessageId === '' || message.address === '')
          return t.fail('without an id')
        if (message.sentAt.toISOString().length < 20) return t.fail('without a time')
        if (JSON.stringify(message.raw).includes('\\u0000'))
          return t.fail('raw that jsonb cannot hold')
      }
      outcomes.read += 1
    } catch (error) {
      if (!(error instanceof UnreadablePayload) || error.field === '') throw error
      outcomes.refused += 1
    }
  }
  t.ok(outcomes.read > 1_000, `${outcomes.read} were read`)
  t.ok(outcomes.refused > 500, `${outcomes.refused} were refused`)
})
