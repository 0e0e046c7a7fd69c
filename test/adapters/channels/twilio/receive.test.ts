import t from 'tap'
import { twilio } from '../../../../adapters/channels/twilio/index.ts'
import { smsPeer, whatsappPeer } from './peer.ts'
import { at, message, receive, refusal, without } from './receiving.ts'
import { receivedAt, sms, smsAccount, webhook, webhookUrl, whatsapp } from './support.ts'

t.test('an SMS becomes a message with all of its fields in raw', async (t) => {
  t.same(receive(sms), {
    messages: [
      {
        direction: 'inbound',
        channel: 'sms',
        address: '+14155550100',
        accountAddress: '+15017122661',
        externalMessageId: sms['MessageSid'],
        contentType: 'text',
        body: 'Hello, is it + or & today?',
        sentAt: at,
        metadata: {
          geo: { city: 'SAN FRANCISCO', state: 'CA', zip: '94105', country: 'US' },
        },
        raw: sms,
      },
    ],
    updates: [],
  })
})

t.test('a WhatsApp message brings a name and a second id of its sender', async (t) => {
  t.same(receive(whatsapp), {
    messages: [
      {
        direction: 'inbound',
        channel: 'whatsapp',
        address: '+5511900000001',
        alternateAddress: 'BR.1A2B3C4D5E6F',
        accountAddress: '+14155238886',
        externalMessageId: whatsapp['MessageSid'],
        contentType: 'text',
        body: 'Olá 👋',
        sentAt: at,
        senderName: 'Ann',
        raw: whatsapp,
      },
    ],
    updates: [],
  })
})

t.test('a sender without a phone is known by the business-scoped id', async (t) => {
  const hidden = {
    From: 'whatsapp:US.13491208655302741918',
    ExternalUserId: 'whatsapp:US.13491208655302741918',
  }
  const alone = message({ ...without(whatsapp, 'WaId'), ...hidden })
  t.equal(alone.address, 'US.13491208655302741918')
  t.notOk('alternateAddress' in alone, 'which is no other id')
  const both = message({ ...whatsapp, ...hidden })
  t.equal(both.alternateAddress, '+5511900000001', 'a phone in WaId is another')
})

t.test('a third spelling of the sender is told beside the message', async (t) => {
  // Brazil: with the ninth digit and without it.
  const read = receive({ ...whatsapp, WaId: '551100000001' })
  t.equal(read.messages[0]?.alternateAddress, 'BR.1A2B3C4D5E6F')
  t.same(read.identities, [
    { channel: 'whatsapp', address: '+5511900000001', alternateAddress: '+551100000001' },
  ])
})

t.test('a short code and an alphanumeric sender are kept as they are', async (t) => {
  for (const From of ['32665', '12345678', 'MYBANK', 'My Bank 24']) {
    t.equal(message({ ...sms, From }).address, From)
  }
  t.equal(message({ ...sms, From: '+1 (415) 555-0100' }).address, '+14155550100')
  t.equal(message({ ...sms, To: '32665' }).accountAddress, '32665')
})

t.test('the id may be under any of its three names, and has to be under one', async (t) => {
  t.equal(message(without(sms, 'MessageSid')).externalMessageId, sms['SmsMessageSid'])
  t.equal(message(without(sms, 'MessageSid', 'SmsMessageSid')).externalMessageId, sms['SmsSid'])
  t.equal(
    message({ ...without(sms, 'SmsSid'), MessageSid: '' }).externalMessageId,
    sms['SmsMessageSid'],
  )
  const error = refusal(without(sms, 'MessageSid', 'SmsMessageSid', 'SmsSid'))
  t.match(error, { field: 'MessageSid', message: 'MessageSid is missing' })
  t.equal(refusal({ ...sms, MessageSid: 'SM\u0000' }).field, 'MessageSid')
  t.equal(refusal({ ...sms, MessageSid: 'S'.repeat(256) }).field, 'MessageSid')
})

t.test('a message has to say from whom to whom', async (t) => {
  t.equal(refusal(without(sms, 'From')).field, 'From')
  t.equal(refusal(without(sms, 'To')).field, 'To')
  t.equal(refusal({ ...sms, From: '' }).field, 'From')
  t.equal(refusal({ ...whatsapp, From: 'whatsapp:' }).field, 'From')
  t.match(refusal({ ...whatsapp, From: 'messenger:1234' }), { field: 'From', message: /messenger/ })
})

t.test('an answer names what it answers', async (t) => {
  const original = `SM${'1'.repeat(32)}`
  const read = message({
    ...whatsapp,
    OriginalRepliedMessageSid: original,
    OriginalRepliedMessageSender: 'whatsapp:+14155238886',
  })
  t.same(read.replyTo, [original])
  t.equal(message(whatsapp).replyTo, undefined)
})

t.test('opt-out, forwarding, an advertisement and the messaging service are told', async (t) => {
  t.match(message({ ...sms, Body: 'STOP', OptOutType: 'STOP', MessagingServiceSid: 'MG1' }), {
    body: 'STOP',
    metadata: { opt_out_type: 'STOP', messaging_service_sid: 'MG1' },
  })
  t.match(message({ ...whatsapp, Forwarded: 'true', FrequentlyForwarded: 'false' }).metadata, {
    forwarded: true,
    frequently_forwarded: undefined,
  })
  const referral = {
    ReferralNumMedia: '1',
    ReferralHeadline: 'Sale',
    ReferralSourceUrl: 'https://ad.example',
    ReferralCtwaClid: 'clid',
  }
  t.same(message({ ...whatsapp, ...referral }).metadata, {
    referral: { headline: 'Sale', source_url: 'https://ad.example', ctwa_clid: 'clid' },
  })
})

t.test('text loses controls, and raw what jsonb cannot hold', async (t) => {
  const read = message({ ...sms, Body: 'a\u0000b\u0007c\r\nd', ProfileName: 'A\u0000nn' })
  t.match(read, { body: 'abc\nd', senderName: 'Ann', raw: { Body: 'a\ufffdb\u0007c\r\nd' } })
  t.equal(message({ ...sms, Body: '' }).body, '', 'an empty text is one')
  t.equal(
    message(`${new URLSearchParams(without(sms, 'Body')).toString()}&Body=%ff%fe`).body,
    '\ufffd\ufffd',
  )
})

t.test('a field that comes twice counts once, and raw has both', async (t) => {
  const read = message(`${new URLSearchParams(sms).toString()}&Body=again`)
  t.equal(read.body, sms['Body'])
  t.match(read.raw, { Body: [sms['Body'], 'again'] })
})

t.test('the time is the Date header, and without one the time of receipt', async (t) => {
  t.same(message(sms).sentAt, at)
  for (const date of ['', 'yesterday', 'Fri, 01 Jan 20000 00:00:00 GMT']) {
    const read = twilio.receive(webhook(sms, { headers: { date } }), smsAccount)
    t.same(read.messages[0]?.sentAt, receivedAt, `with "${date}"`)
  }
})

t.test('a webhook by GET is read from its query string', async (t) => {
  const url = `${webhookUrl}?${new URLSearchParams(sms).toString()}`
  const read = twilio.receive({ ...webhook('', { url }), method: 'GET' }, smsAccount)
  t.match(read.messages, [{ body: sms['Body'], raw: sms }])
})

t.test('a JSON body is not read', async (t) => {
  t.match(refusal('{"MessageSid":"SM1"}', { 'content-type': 'application/json' }), {
    field: 'body',
  })
  t.equal(refusal('{"MessageSid":"SM1"}').field, 'MessageSid', 'nor as a form')
})

t.test('the answer is TwiML that says nothing', async (t) => {
  t.same(twilio.answer?.(webhook(sms)), {
    status: 200,
    contentType: 'text/xml',
    body: '<Response/>',
  })
})

t.test("the conformance suite's peers say what they are asked to", async (t) => {
  for (const peer of [smsPeer, whatsappPeer]) {
    const [id, from] = [peer.id(7), peer.person(3)]
    const read = (
      request:
        | { body: string | Buffer; headers: Record<string, string>; query?: string }
        | undefined,
    ) =>
      request
        ? twilio.receive(
            webhook(request.body, {
              url: webhookUrl + (request.query ?? ''),
              headers: request.headers,
            }),
            null,
          )
        : null
    t.match(read(peer.text({ id, from, body: 'Hi', at }))?.messages, [
      {
        externalMessageId: id,
        address: from,
        body: 'Hi',
        sentAt: at,
        channel: peer.account.channel,
        accountAddress: peer.account.address,
      },
    ])
    t.match(read(peer.media?.({ id, from, caption: 'Hi', at }))?.messages, [
      { contentType: 'image', body: 'Hi', media: [{ content_type: 'image/jpeg' }] },
    ])
    const reference = '0193a1b2-1111-7000-8000-000000000001'
    for (const status of peer.receipts ?? []) {
      const received = read(peer.receipt?.({ id, to: from, status, at, reference }))
      t.match(received?.updates, [
        { externalMessageId: id, reference, update: { status, at: at.toISOString() } },
      ])
    }
  }
})
