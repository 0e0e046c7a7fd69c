import twilioSdk from 'twilio'
import { twilio } from '../../../../adapters/channels/twilio/index.ts'
import { startFileServer } from '../../../support/files.ts'
import type { Peer, PeerRequest } from '../../../support/peer.ts'

const authToken = '12345678901234567890123456789012'
const accountSid = `AC${'a1'.repeat(16)}`

type Values = Record<string, string>

/**
 * What Twilio posts. It says no time in a message or callback; the Date header is what our receiver takes instead where
 * there is one, and a proxy may well add it.
 */
function post(values: Values, at: Date, query?: string): PeerRequest {
  return {
    method: 'POST',
    ...(query ? { query } : {}),
    headers: {
      'content-type': 'application/x-www-form-urlencoded; charset=UTF-8',
      'user-agent': 'TwilioProxy/1.1',
      'i-twilio-idempotency-token': '5d0f0a4c-92ed-4b40-a3c3-0d2c7b5b0a3e',
      date: at.toUTCString(),
    },
    body: new URLSearchParams(values).toString(),
  }
}

/** Signed by Twilio's own SDK. */
function sign(request: PeerRequest, url: string): PeerRequest {
  const values = Object.fromEntries(new URLSearchParams(request.body.toString()))
  const signature = twilioSdk.getExpectedTwilioSignature(authToken, url, values)
  return { ...request, headers: { ...request.headers, 'x-twilio-signature': signature } }
}

function makePeer(channel: 'sms' | 'whatsapp', ours: string): Peer {
  const prefix = channel === 'whatsapp' ? 'whatsapp:' : ''
  const inbound = (id: string, from: string): Values => ({
    MessageSid: id,
    SmsMessageSid: id,
    SmsSid: id,
    SmsStatus: 'received',
    AccountSid: accountSid,
    ApiVersion: '2010-04-01',
    From: prefix + from,
    To: prefix + ours,
    NumSegments: '1',
    ...(channel === 'whatsapp'
      ? { ProfileName: 'Ann', WaId: from.slice(1), ReferralNumMedia: '0' }
      : { FromCountry: 'US', FromState: 'CA', FromCity: '', FromZip: '', ToCountry: 'US' }),
  })
  return {
    channel: twilio,
    account: {
      channel,
      address: ours,
      provider: 'twilio',
      settings: { account_sid: accountSid },
      secret: JSON.stringify({ auth_token: authToken }),
    },
    id: (n) => `SM${n.toString(16).padStart(32, '0')}`,
    person: (n) => (channel === 'whatsapp' ? `+5511${900000000 + n}` : `+1415${5550000 + n}`),
    sign,
    text: ({ id, from, body, at }) =>
      post(
        {
          ...inbound(id, from),
          Body: body,
          NumMedia: '0',
          ...(channel === 'whatsapp' ? { MessageType: 'text' } : {}),
        },
        at,
      ),
    media: ({ id, from, caption, at }, url = 'https://api.twilio.com') =>
      post(
        {
          ...inbound(id, from),
          Body: caption,
          NumMedia: '1',
          MediaContentType0: 'image/jpeg',
          MediaUrl0: `${url}/2010-04-01/Accounts/${accountSid}/Messages/${id}/Media/ME${'b2'.repeat(16)}`,
          ...(channel === 'whatsapp' ? { MessageType: 'image' } : {}),
        },
        at,
      ),
    async serve(t, bytes) {
      const store = await startFileServer(t, () => ({ body: bytes }))
      const api = await startFileServer(t, ({ headers }) =>
        headers.authorization
          ? { status: 307, headers: { location: `${store.url}/signed` } }
          : { status: 401 },
      )
      return { url: api.url, settings: { api_url: api.url } }
    },
    receipt: ({ id, to, status, at, reference }) => {
      const said = status === 'failed' && channel === 'sms' ? 'undelivered' : status
      return post(
        {
          MessageSid: id,
          SmsSid: id,
          MessageStatus: said,
          SmsStatus: said,
          AccountSid: accountSid,
          ApiVersion: '2010-04-01',
          From: prefix + ours,
          To: prefix + to,
          ...(status === 'failed' ? { ErrorCode: channel === 'sms' ? '30003' : '63016' } : {}),
          ...(channel === 'whatsapp'
            ? {
                ChannelPrefix: 'whatsapp',
                ChannelInstallSid: `XE${'c3'.repeat(16)}`,
                ChannelToAddress: `${to.slice(0, -4)}XXXX`,
                ...(status === 'failed' ? {} : { EventType: status.toUpperCase() }),
              }
            : { RawDlrDoneDate: '2412091820' }),
        },
        at,
        reference ? `?attempt=${reference}` : undefined,
      )
    },
    receipts: channel === 'whatsapp' ? ['delivered', 'read', 'failed'] : ['delivered', 'failed'],
  }
}

export const smsPeer: Peer = makePeer('sms', '+15017122661')
export const whatsappPeer: Peer = makePeer('whatsapp', '+14155238886')
