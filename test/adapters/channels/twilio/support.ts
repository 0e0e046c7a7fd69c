import type { ChannelAccount, WebhookRequest } from '../../../../adapters/channels/channel.ts'

export const accountId = '0193a1b2-0000-7000-8000-000000000001'
export const authToken = '12345678901234567890123456789012'
export const accountSid = `AC${'a1'.repeat(16)}`
export const webhookUrl = `https://pigeonpost.example/api/webhooks/twilio/${accountId}`

export const smsAccount: ChannelAccount = {
  tenantId: 1,
  accountId,
  channel: 'sms',
  address: '+15017122661',
  provider: 'twilio',
  settings: { account_sid: accountSid },
  secret: JSON.stringify({ auth_token: authToken }),
}
export const whatsappAccount: ChannelAccount = {
  ...smsAccount,
  channel: 'whatsapp',
  address: '+14155238886',
}

/** When a webhook came. */
export const receivedAt = new Date('2024-12-09T18:20:05.678Z')

/** A webhook as it comes from Twilio. `url` is whole; what is signed is up to the caller. */
export function webhook(
  body: string | Buffer | Record<string, string>,
  { url = webhookUrl, headers = {} }: { url?: string; headers?: Record<string, string> } = {},
): WebhookRequest {
  const isBytes = typeof body === 'string' || Buffer.isBuffer(body)
  const parsed = URL.parse(url)
  return {
    method: 'POST',
    url,
    path: parsed?.pathname ?? '/',
    query: Object.fromEntries(parsed?.searchParams ?? []),
    receivedAt,
    headers: {
      'content-type': 'application/x-www-form-urlencoded; charset=UTF-8',
      date: 'Mon, 09 Dec 2024 18:20:00 GMT',
      ...headers,
    },
    body: Buffer.from(isBytes ? body : new URLSearchParams(body).toString()),
  }
}

const sid = `SM${'8824d916'.repeat(4)}`

/** Fields after twilio.com/docs/messaging/guides/webhook-request; numbers, ids and names are made up. */
export const sms: Record<string, string> = {
  ToCountry: 'US',
  ToState: 'CA',
  SmsMessageSid: sid,
  NumMedia: '0',
  ToCity: '',
  FromZip: '94105',
  SmsSid: sid,
  FromState: 'CA',
  SmsStatus: 'received',
  FromCity: 'SAN FRANCISCO',
  Body: 'Hello, is it + or & today?',
  FromCountry: 'US',
  To: '+15017122661',
  ToZip: '',
  NumSegments: '1',
  MessageSid: sid,
  AccountSid: accountSid,
  From: '+14155550100',
  ApiVersion: '2010-04-01',
}

export const whatsapp: Record<string, string> = {
  SmsMessageSid: sid,
  NumMedia: '0',
  ProfileName: 'Ann',
  MessageType: 'text',
  SmsSid: sid,
  WaId: '5511900000001',
  ExternalUserId: 'whatsapp:BR.1A2B3C4D5E6F',
  SmsStatus: 'received',
  Body: 'Olá 👋',
  To: 'whatsapp:+14155238886',
  NumSegments: '1',
  ReferralNumMedia: '0',
  MessageSid: sid,
  AccountSid: accountSid,
  ChannelMetadata:
    '{"type":"whatsapp","data":{"context":{"ProfileName":"Ann","WaId":"5511900000001"}}}',
  From: 'whatsapp:+5511900000001',
  ApiVersion: '2010-04-01',
}

export const smsStatus: Record<string, string> = {
  SmsSid: sid,
  SmsStatus: 'delivered',
  MessageStatus: 'delivered',
  To: '+14155550100',
  MessageSid: sid,
  AccountSid: accountSid,
  From: '+15017122661',
  ApiVersion: '2010-04-01',
  RawDlrDoneDate: '2412091820',
}

export const whatsappStatus: Record<string, string> = {
  ChannelPrefix: 'whatsapp',
  ApiVersion: '2010-04-01',
  MessageStatus: 'read',
  SmsSid: sid,
  SmsStatus: 'read',
  ChannelInstallSid: `XE${'c3'.repeat(16)}`,
  To: 'whatsapp:+5511900000001',
  From: 'whatsapp:+14155238886',
  MessageSid: sid,
  AccountSid: accountSid,
  ChannelToAddress: '+551190000XXXX',
  EventType: 'READ',
}
