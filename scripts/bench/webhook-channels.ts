import { createHmac } from 'node:crypto'
import { readMultipart } from '../../adapters/channels/sendgrid/multipart.ts'

export type Webhook = { query?: string; headers: Record<string, string>; body: string }

/** What a server that somebody writes by hand needs of a webhook: one row. */
export type Parsed = { id: string; text: string; raw: unknown }

export type WebhookChannel = {
  account: {
    channel: string
    address: string
    settings: Record<string, string>
    secret: Record<string, string>
  }
  /** What the provider posts of the nth person's message, for which `serial` is new each time; signed for this URL. */
  post(n: number, serial: number, url: string): Webhook
  /** The twin's reading of it. */
  parse(body: Buffer, contentType: string): Promise<Parsed>
}

const text = 'Hello there, how are you today?'
const at = new Date('2026-11-20T12:00:00Z')
const seconds = Math.floor(at.getTime() / 1000)

const appSecret = 'a secret of the benchmark'
const whatsapp: WebhookChannel = {
  account: {
    channel: 'whatsapp',
    address: '+27820000000',
    settings: {},
    secret: { app_secret: appSecret },
  },
  post(n, serial) {
    const from = `2785${1_000_000 + n}`
    const id = `wamid.HBgL${serial}`
    const value = {
      messaging_product: 'whatsapp',
      metadata: { display_phone_number: '27820000000', phone_number_id: '106540352242922' },
      contacts: [{ profile: { name: 'Thandi' }, wa_id: from }],
      messages: [{ from, id, timestamp: String(seconds), type: 'text', text: { body: text } }],
    }
    const body = JSON.stringify({
      object: 'whatsapp_business_account',
      entry: [{ id: '102290129340398', changes: [{ field: 'messages', value }] }],
    })
    const signature = createHmac('sha256', appSecret).update(body).digest('hex')
    return {
      headers: {
        'content-type': 'application/json',
        'x-hub-signature-256': `sha256=${signature}`,
      },
      body,
    }
  },
  async parse(body) {
    type Message = { id: string; text: { body: string } }
    const { entry } = JSON.parse(body.toString('utf8')) as {
      entry: [{ changes: [{ value: { messages: [Message] } }] }]
    }
    const [raw] = entry[0].changes[0].value.messages
    return { id: raw.id, text: raw.text.body, raw }
  },
}

const webhookToken = 'a_Webhook-token'
const telegram: WebhookChannel = {
  account: {
    channel: 'telegram',
    address: '7000000001',
    settings: {},
    secret: { bot_token: '7000000001:AAE-token-of-the-benchmark', webhook_token: webhookToken },
  },
  post(n, serial) {
    const id = 1_110_000 + n
    const person = { id, first_name: 'Ann', username: `ann${id}` }
    const message = {
      message_id: serial % 2 ** 31,
      from: { ...person, is_bot: false, language_code: 'en' },
      chat: { ...person, type: 'private' },
      date: seconds,
      text,
    }
    return {
      headers: {
        'content-type': 'application/json',
        'x-telegram-bot-api-secret-token': webhookToken,
      },
      body: JSON.stringify({ update_id: serial % 2 ** 31, message }),
    }
  },
  async parse(body) {
    const { message: raw } = JSON.parse(body.toString('utf8')) as {
      message: { message_id: number; chat: { id: number }; text: string }
    }
    return { id: `${raw.chat.id}:${raw.message_id}`, text: raw.text, raw }
  },
}

const authToken = '12345678901234567890123456789012'
const accountSid = `AC${'a1'.repeat(16)}`
const twilio: WebhookChannel = {
  account: {
    channel: 'sms',
    address: '+15017122661',
    settings: { account_sid: accountSid },
    secret: { auth_token: authToken },
  },
  post(n, serial, url) {
    const id = `SM${serial.toString(16).padStart(32, '0')}`
    const form = {
      MessageSid: id,
      SmsMessageSid: id,
      SmsSid: id,
      SmsStatus: 'received',
      AccountSid: accountSid,
      ApiVersion: '2010-04-01',
      From: `+1415${5_550_000 + n}`,
      To: '+15017122661',
      NumSegments: '1',
      NumMedia: '0',
      FromCountry: 'US',
      FromState: 'CA',
      ToCountry: 'US',
      Body: text,
    }
    const signed = Object.entries(form)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => name + value)
    return {
      headers: {
        'content-type': 'application/x-www-form-urlencoded; charset=UTF-8',
        date: at.toUTCString(),
        'x-twilio-signature': createHmac('sha1', authToken)
          .update(url + signed.join(''))
          .digest('base64'),
      },
      body: new URLSearchParams(form).toString(),
    }
  },
  async parse(body) {
    const raw = Object.fromEntries(new URLSearchParams(body.toString('utf8')))
    return { id: raw['MessageSid'] ?? '', text: raw['Body'] ?? '', raw }
  },
}

const inboundToken = 'let-me-in'
const ours = 'team@parse.example.com'
const sendgrid: WebhookChannel = {
  account: {
    channel: 'email',
    address: ours,
    settings: {},
    secret: { api_key: 'SG.key', inbound_token: inboundToken },
  },
  /** A mail by Inbound Parse, taken apart; it is not signed, but shows the token in its URL. */
  post(n, serial) {
    const from = `person${n}@example.com`
    const subject = `Subject: Conversation ${n}`
    const headers = [
      `Message-ID: <${serial}@mail.example.com>`,
      `Date: ${at.toUTCString()}`,
      `From: Ann <${from}>`,
      `To: ${ours}`,
      subject,
      'MIME-Version: 1.0',
      'Content-Type: text/plain; charset=utf-8',
    ]
    const fields = {
      headers: `${headers.join('\n')}\n`,
      dkim: '{@example.com : pass}',
      to: ours,
      from: `Ann <${from}>`,
      subject: `Conversation ${n}`,
      text,
      sender_ip: '192.0.2.7',
      envelope: JSON.stringify({ to: [ours], from }),
      charsets: JSON.stringify({ to: 'UTF-8', from: 'UTF-8', subject: 'UTF-8', text: 'utf-8' }),
      SPF: 'pass',
    }
    const parts = Object.entries(fields).map(
      ([name, value]) =>
        `--xYzZY\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
    )
    return {
      query: `?token=${inboundToken}`,
      headers: { 'content-type': 'multipart/form-data; boundary=xYzZY' },
      body: `${parts.join('')}--xYzZY--\r\n`,
    }
  },
  async parse(body, contentType) {
    const parts = await readMultipart(contentType, body)
    const raw = Object.fromEntries(
      parts.map(({ name, content }) => [name, content.toString('utf8')]),
    )
    const [, id = ''] = /^Message-ID: <(.*)>$/m.exec(raw['headers'] ?? '') ?? []
    return { id, text: raw['text'] ?? '', raw }
  },
}

/** By the name in the webhook's path. */
export const webhookChannels = { whatsapp, telegram, twilio, sendgrid } as const
export type WebhookChannelName = keyof typeof webhookChannels
