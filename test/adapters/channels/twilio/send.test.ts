import t from 'tap'
import type twilioSdk from 'twilio'
import type { ChannelAccount, OutboundMessage } from '../../../../adapters/channels/channel.ts'
import { twilioProvider } from '../../../../adapters/channels/twilio/index.ts'
import { send, statusCallback } from './sending.ts'
import { sdkClient, startTwilio } from './server.ts'
import { accountSid, authToken, smsAccount, whatsappAccount } from './support.ts'

type Create = Parameters<twilioSdk.Twilio['messages']['create']>[0]

const tests: {
  what: string
  account?: ChannelAccount
  change: Partial<OutboundMessage>
  sdk: Omit<Create, 'to' | 'from' | 'statusCallback'> & { to?: string }
}[] = [
  { what: 'a text', change: { body: 'Hi & + ü 👋\n*%' }, sdk: { body: 'Hi & + ü 👋\n*%' } },
  {
    what: 'an answer, which Twilio cannot quote',
    account: whatsappAccount,
    change: { replyTo: { externalMessageId: 'SM1', subject: null } },
    sdk: { body: 'Hello' },
  },
  {
    what: 'an MMS with several files',
    change: {
      contentType: 'image',
      metadata: {
        media: [{ url: 'https://m.example/1.jpg?a=b&c' }, { url: 'https://m.example/2.png' }],
      },
    },
    sdk: { body: 'Hello', mediaUrl: ['https://m.example/1.jpg?a=b&c', 'https://m.example/2.png'] },
  },
  {
    what: 'a file without a caption on WhatsApp',
    account: whatsappAccount,
    change: { contentType: 'file', body: null, mediaUrl: 'https://m.example/1.pdf' },
    sdk: { mediaUrl: ['https://m.example/1.pdf'] },
  },
  {
    what: 'a template',
    account: whatsappAccount,
    change: {
      contentType: 'structured',
      body: 'What we show of it',
      metadata: { template: { content_sid: 'HX1', variables: { '1': 'Ann', '2': 3 } } },
    },
    sdk: { contentSid: 'HX1', contentVariables: JSON.stringify({ '1': 'Ann', '2': '3' }) },
  },
  {
    what: 'a template without variables, as SMS',
    change: { body: null, metadata: { template: { content_sid: 'HX1' } } },
    sdk: { contentSid: 'HX1' },
  },
  {
    what: 'a location with a name',
    account: whatsappAccount,
    change: {
      contentType: 'location',
      body: 'We are here',
      metadata: { location: { latitude: 37.78789, longitude: -122.391664, name: '375 Beale St' } },
    },
    sdk: { body: 'We are here', persistentAction: ['geo:37.78789,-122.391664|375 Beale St'] },
  },
  {
    what: 'a location without any words',
    account: whatsappAccount,
    change: {
      contentType: 'location',
      body: null,
      metadata: { location: { latitude: -1.5, longitude: 2 } },
    },
    sdk: { body: '-1.5,2', persistentAction: ['geo:-1.5,2'] },
  },
  {
    what: 'a text to somebody without a phone',
    account: whatsappAccount,
    change: { address: 'US.13491208655302741918' },
    sdk: { to: 'whatsapp:US.13491208655302741918', body: 'Hello' },
  },
]

for (const { what, account = smsAccount, change, sdk } of tests) {
  t.test(`${what} is the request that Twilio's SDK makes`, async (t) => {
    const server = await startTwilio(t)
    const prefix = account.channel === 'whatsapp' ? 'whatsapp:' : ''
    const made = await sdkClient(server.url).messages.create({
      to: `${prefix}+14155550100`,
      from: prefix + account.address,
      statusCallback,
      ...sdk,
    })
    t.equal(made.sid, `SM${'d4'.repeat(16)}`)
    t.same(await send(server, change, account), {
      outcome: 'sent',
      externalMessageId: `SM${'d4'.repeat(16)}`,
    })
    const [theirs, ours] = server.seen
    t.equal(theirs?.path, `/2010-04-01/Accounts/${accountSid}/Messages.json`)
    t.ok((theirs?.form.length ?? 0) >= 4, 'with a form that can be compared')
    t.same(ours, theirs)
  })
}

t.test('an API key signs in as with the SDK, and a secret may name it all', async (t) => {
  const server = await startTwilio(t)
  await sdkClient(server.url, 'SK1', 'key-secret').messages.create({
    to: '+1',
    from: '+2',
    body: 'x',
  })
  const account = {
    ...smsAccount,
    settings: { account_sid: accountSid, api_key_sid: 'SK1' },
    secret: JSON.stringify({ auth_token: authToken, api_key_secret: 'key-secret' }),
  }
  await send(server, {}, account)
  const secret = JSON.stringify({ account_sid: accountSid, auth_token: authToken })
  await send(server, {}, { ...smsAccount, settings: {}, secret })
  const [theirs, byKey, byToken] = server.seen
  t.equal(byKey?.authorization, theirs?.authorization)
  t.equal(byKey?.path, theirs?.path, 'the path is the account still')
  t.equal(
    byToken?.authorization,
    `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`,
  )
})

t.test('a messaging service stands beside the sender, or in its place', async (t) => {
  const server = await startTwilio(t)
  const settings = { account_sid: accountSid, messaging_service_sid: 'MG1' }
  await send(server, {}, { ...smsAccount, settings })
  await send(server, {}, { ...smsAccount, settings, address: null })
  const names = server.seen.map(({ form }) =>
    form.filter(([name]) => name === 'From' || name === 'MessagingServiceSid'),
  )
  t.same(names, [
    [
      ['From', '+15017122661'],
      ['MessagingServiceSid', 'MG1'],
    ],
    [['MessagingServiceSid', 'MG1']],
  ])
})

t.test('without a public URL there is no status callback', async (t) => {
  const server = await startTwilio(t)
  t.match(await send(server, {}, smsAccount, { publicUrl: null }), { outcome: 'sent' })
  t.notMatch(server.seen[0]?.form, [['StatusCallback']])
  t.same(server.seen[0]?.form, [
    ['Body', 'Hello'],
    ['From', '+15017122661'],
    ['To', '+14155550100'],
  ])
})

t.test('what Twilio cannot express is refused before any request', async (t) => {
  const server = await startTwilio(t)
  const file = { url: 'https://m.example/1.jpg' }
  const place = { location: { latitude: 1, longitude: 2 } }
  const unsupported: [string, Partial<OutboundMessage>, ChannelAccount][] = [
    ['a location as SMS', { contentType: 'location', metadata: place }, smsAccount],
    ['two files on WhatsApp', { metadata: { media: [file, file] } }, whatsappAccount],
    [
      'eleven in an MMS',
      { metadata: { media: Array.from({ length: 11 }, () => file) } },
      smsAccount,
    ],
    ['a file that has only an id', { metadata: { media: [file, { id: 'x' }] } }, smsAccount],
    ['a file of this machine', { mediaUrl: 'file:///etc/passwd' }, smsAccount],
    ['an image without one', { contentType: 'image' }, smsAccount],
    ['buttons', { contentType: 'structured' }, whatsappAccount],
    ['a group', { conversationExternalId: 'g1' }, whatsappAccount],
    ['nothing', { body: ' \n' }, smsAccount],
    ['another channel', {}, { ...smsAccount, channel: 'telegram' }],
  ]
  for (const [what, change, account] of unsupported) {
    t.match(
      await send(server, change, account),
      {
        outcome: 'not_sent',
        retryable: false,
        errorCode: 'content_unsupported',
        account: undefined,
      },
      what,
    )
  }
  const invalid: [string, Partial<OutboundMessage>][] = [
    ['template_invalid', { metadata: { template: 'HX1' } }],
    ['template_invalid', { metadata: { template: { content_sid: 'HX1', variables: [1] } } }],
    [
      'location_invalid',
      { contentType: 'location', metadata: { location: { latitude: 91, longitude: 0 } } },
    ],
  ]
  for (const [errorCode, change] of invalid) {
    t.match(await send(server, change, whatsappAccount), {
      outcome: 'not_sent',
      retryable: false,
      errorCode,
    })
  }
  t.equal(server.seen.length, 0)
})

t.test('an account that lacks what it takes is disconnected before any request', async (t) => {
  const server = await startTwilio(t)
  const lacking: [RegExp, Partial<ChannelAccount>][] = [
    [/account_sid/, { settings: {} }],
    [/account_sid/, { settings: { account_sid: 'SK1' } }],
    [/account_sid/, { settings: { account_sid: 5 } }],
    [/account_sid/, { settings: { account_sid: 'AC1/../AC2' } }],
    [/auth_token/, { secret: null }],
    [/auth_token/, { secret: '{}' }],
    [/api_key_secret/, { settings: { account_sid: accountSid, api_key_sid: 'SK1' } }],
    [/address/, { address: null }],
  ]
  for (const [errorMessage, change] of lacking) {
    t.match(await send(server, {}, { ...smsAccount, ...change }), {
      outcome: 'not_sent',
      retryable: false,
      errorCode: 'account_misconfigured',
      errorMessage,
      account: 'disconnect',
    })
  }
  t.equal(server.seen.length, 0)
})

t.test('there is no idempotency key', async (t) => {
  t.equal(twilioProvider.takesIdempotencyKey(smsAccount), false)
  t.same([twilioProvider.name, twilioProvider.channels], ['twilio', ['sms', 'whatsapp']])
})
