import t, { type Test } from 'tap'
import type {
  ChannelAccount,
  OutboundMessage,
  SendOutcome,
} from '../../../../adapters/channels/channel.ts'
import { whatsappProvider } from '../../../../adapters/channels/whatsapp/index.ts'
import { outbound, type Sent, startApi } from './outbound.ts'
import { account, bsuid, group } from './samples.ts'

async function bodyOf(t: Test, content: Partial<OutboundMessage>): Promise<Sent['body']> {
  const { send, sent } = await startApi(t)
  t.same(await send(outbound(content)), { outcome: 'sent', externalMessageId: 'wamid.sent' })
  const [first] = sent
  if (!first) throw new Error('nothing was sent')
  return first.body
}

/** Finds out without a request that it cannot be sent. */
async function refusalOf(t: Test, content: Partial<OutboundMessage>): Promise<SendOutcome> {
  const { send, sent } = await startApi(t)
  const outcome = await send(outbound(content))
  t.same(sent, [])
  return outcome
}

t.test('a text goes to the number by its id, with the token and our attempt id', async (t) => {
  const { send, sent } = await startApi(t)
  t.same(await send(outbound()), { outcome: 'sent', externalMessageId: 'wamid.sent' })
  t.same(sent, [
    {
      path: 'POST /v25.0/106540352242922/messages',
      authorization: 'Bearer EAAJB-token',
      contentType: 'application/json',
      body: {
        messaging_product: 'whatsapp',
        recipient_type: 'individual',
        to: '16505551234',
        type: 'text',
        text: { preview_url: false, body: 'Hello' },
        biz_opaque_callback_data: '0196a3a4-0000-7000-8000-00000000000a',
      },
    },
  ])
})

t.test('the version and a bare token may be the account’s own', async (t) => {
  const { send, sent } = await startApi(t)
  const settings = { api_version: 'v23.0', phone_number_id: 42 }
  await send(outbound(), { settings, secret: 'bare-token' })
  t.match(sent, [{ path: 'POST /v23.0/42/messages', authorization: 'Bearer bare-token' }])
})

t.test('a BSUID has a field of its own, and a group its type', async (t) => {
  const toId = await bodyOf(t, { address: bsuid })
  t.match(toId, { recipient_type: 'individual', recipient: bsuid })
  t.notOk('to' in toId)
  const toGroup = await bodyOf(t, { conversationExternalId: group, address: group })
  t.match(toGroup, { recipient_type: 'group', to: group })
  t.match(await refusalOf(t, { address: 'sheena@example.com' }), {
    outcome: 'not_sent',
    retryable: false,
    errorCode: 'recipient_invalid',
  })
})

t.test('an answer names the message that it answers, a reaction does not', async (t) => {
  const replyTo = { externalMessageId: 'wamid.before', subject: null }
  t.same((await bodyOf(t, { replyTo }))['context'], { message_id: 'wamid.before' })
  const metadata = { reaction: { message_id: 'wamid.before', emoji: null } }
  const reaction = await bodyOf(t, { replyTo, metadata, contentType: 'structured', body: null })
  t.match(reaction, { type: 'reaction', reaction: { message_id: 'wamid.before', emoji: '' } })
  t.notOk('context' in reaction)
})

t.test('a link may show a preview', async (t) => {
  const body = await bodyOf(t, { metadata: { preview_url: true } })
  t.same(body['text'], { preview_url: true, body: 'Hello' })
})

t.test('each kind of file is sent by its link or by its id', async (t) => {
  const mediaUrl = 'https://example.com/a'
  t.match(await bodyOf(t, { contentType: 'image', mediaUrl }), {
    type: 'image',
    image: { link: mediaUrl, caption: 'Hello' },
  })
  t.match(await bodyOf(t, { contentType: 'video', mediaUrl, body: null }), {
    type: 'video',
    video: { link: mediaUrl },
  })
  const audio = await bodyOf(t, { contentType: 'audio', mediaUrl, body: null })
  t.same(audio['audio'], { link: mediaUrl })
  const file = { id: '1013859600285441', filename: 'a.pdf', content_type: 'application/pdf' }
  const document = await bodyOf(t, { contentType: 'file', metadata: { media: [file] } })
  t.same(document['document'], { id: file.id, caption: 'Hello', filename: 'a.pdf' })
  const metadata = { type: 'sticker', media: [{ id: '5' }] }
  t.match(await bodyOf(t, { contentType: 'image', metadata, body: null }), {
    type: 'sticker',
    sticker: { id: '5' },
  })
  const guessed = { media: [{ url: mediaUrl, content_type: 'video/mp4' }] }
  t.match(await bodyOf(t, { contentType: 'text', metadata: guessed }), { type: 'video' })
})

t.test('a location, a template, an interactive message and contacts are sent', async (t) => {
  const place = { latitude: 37.4, longitude: -122.1, name: 'HQ', address: null }
  const location = await bodyOf(t, {
    contentType: 'location',
    body: null,
    metadata: { location: place },
  })
  t.same(location['location'], { latitude: 37.4, longitude: -122.1, name: 'HQ' })
  const components = [{ type: 'body', parameters: [{ type: 'text', text: 'Ana' }] }]
  for (const language of ['pt_BR', { code: 'pt_BR' }]) {
    const metadata = { template: { name: 'welcome', language, components } }
    const template = await bodyOf(t, { contentType: 'structured', metadata })
    t.equal(template['type'], 'template')
    t.same(template['template'], { name: 'welcome', language: { code: 'pt_BR' }, components })
  }
  const interactive = { type: 'button', body: { text: 'Sure?' }, action: { buttons: [] } }
  t.match(await bodyOf(t, { contentType: 'structured', metadata: { interactive } }), {
    type: 'interactive',
    interactive,
  })
  const contacts = [{ name: { formatted_name: 'Ana', first_name: 'Ana' } }]
  t.match(await bodyOf(t, { contentType: 'structured', metadata: { contacts } }), {
    type: 'contacts',
    contacts,
  })
})

t.test('what WhatsApp cannot say is refused before any request', async (t) => {
  const mediaUrl = 'https://example.com/a'
  const cases: [string, Partial<OutboundMessage>][] = [
    ['content_unsupported', { metadata: { media: [{ id: '1' }, { id: '2' }] } }],
    ['content_unsupported', { contentType: 'audio', mediaUrl }],
    ['content_unsupported', { contentType: 'image', metadata: { type: 'sticker' }, mediaUrl }],
    ['content_unsupported', { body: null }],
    ['content_unsupported', { body: '' }],
    ['content_unsupported', { contentType: 'image' }],
    ['content_unsupported', { contentType: 'structured', body: null }],
    ['media_invalid', { contentType: 'image', mediaUrl: 'file:///etc/passwd' }],
    ['location_invalid', { contentType: 'location', body: null }],
    [
      'content_unsupported',
      { contentType: 'location', metadata: { location: { latitude: 1, longitude: 1 } } },
    ],
    ['template_invalid', { metadata: { template: { name: 'x' } } }],
    ['template_invalid', { metadata: { template: null } }],
    ['interactive_invalid', { metadata: { interactive: [] } }],
    ['reaction_invalid', { metadata: { reaction: { emoji: '👍' } } }],
    ['contacts_invalid', { metadata: { contacts: [] } }],
  ]
  for (const [errorCode, content] of cases) {
    const outcome = await refusalOf(t, content)
    t.match(outcome, { outcome: 'not_sent', retryable: false, errorCode }, JSON.stringify(content))
    t.notOk('account' in outcome)
  }
})

t.test('an account that lacks what Meta needs is disconnected', async (t) => {
  const { send, sent } = await startApi(t)
  const misconfigured = { errorCode: 'account_misconfigured', account: 'disconnect' }
  const changes: Partial<ChannelAccount>[] = [
    { secret: null },
    { secret: '{"app_secret": "a"}' },
    { settings: { phone_number_id: undefined } },
    { settings: { phone_number_id: '../me' } },
    { settings: { api_version: '../../v1' } },
  ]
  for (const change of changes) {
    t.match(await send(outbound(), change), misconfigured, JSON.stringify(change))
  }
  t.same(sent, [])
  const missing = await send(outbound(), { settings: { phone_number_id: undefined } })
  t.match(missing, { errorMessage: 'settings.phone_number_id: is missing' })
})

t.test('Meta takes no idempotency key', async (t) => {
  t.equal(whatsappProvider.takesIdempotencyKey(account), false)
})
