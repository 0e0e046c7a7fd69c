/**
 * Meta's own SDK (`whatsapp` 0.0.5-Alpha) and our provider send the same to the same server: method, path, token, body.
 * The SDK speaks TLS to port 443 only; an agent of ours leads it to loopback and lets it believe that TLS is there.
 * What differs: we add `biz_opaque_callback_data`, which the SDK does not know, and the SDK sends a user agent of its own.
 */

import { Agent } from 'node:https'
import { connect } from 'node:net'
import { createRequire } from 'node:module'
import t, { type Test } from 'tap'
import type { OutboundMessage } from '../../../../adapters/channels/channel.ts'
import { whatsappProvider } from '../../../../adapters/channels/whatsapp/index.ts'
import { startProviderServer } from '../../../support/provider.ts'
import { outbound } from './outbound.ts'
import { account, bsuid, group, secrets } from './samples.ts'

type Answer = { statusCode(): number; responseBodyToJSON(): Promise<unknown> }
type Call = (body: object, recipient: number, replyTo?: string) => Promise<Answer>

/** As much of the SDK as is used here; its own types are those of an ES module, which it is not. */
type Sdk = {
  messages: {
    [kind in 'text' | 'image' | 'audio' | 'video' | 'document' | 'sticker' | 'location']: Call
  } & {
    [kind in 'template' | 'interactive' | 'contacts']: Call
  } & {
    bodyBuilder(type: string, payload: object, to: string, replyTo?: string): object
    send(body: string): Promise<Answer>
  }
  requester: { client: { agent: Agent } }
}

class LoopbackAgent extends Agent {
  readonly #port: number
  constructor(port: number) {
    super({ keepAlive: false })
    this.#port = port
  }
  override createConnection() {
    const socket = connect(this.#port, '127.0.0.1')
    socket.once('connect', () => socket.emit('secureConnect'))
    return socket
  }
}

function loadSdk(url: string): Sdk {
  const settings = {
    // Else it looks for a .env file, by a package that is not here.
    NODE_ENV: 'production',
    CLOUD_API_VERSION: 'v25.0',
    CLOUD_API_ACCESS_TOKEN: secrets.access_token,
  }
  const before = { ...process.env }
  Object.assign(process.env, settings)
  try {
    const WhatsApp = createRequire(import.meta.url)('whatsapp') as new (id: number) => Sdk
    const sdk = new WhatsApp(106540352242922)
    sdk.requester.client.agent = new LoopbackAgent(Number(new URL(url).port))
    return sdk
  } finally {
    for (const name of Object.keys(settings)) {
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
    }
  }
}

type Seen = {
  method: string | undefined
  url: string | undefined
  authorization: string | undefined
  contentType: string | undefined
  body: Record<string, unknown>
}

async function start(t: Test) {
  const seen: Seen[] = []
  const server = await startProviderServer(t, (body, response, { method, url, headers }) => {
    const { authorization, 'content-type': contentType } = headers
    const json = JSON.parse(body) as Record<string, unknown>
    seen.push({ method, url, authorization, contentType, body: json })
    response.end(JSON.stringify({ messages: [{ id: `wamid.${seen.length}` }] }))
  })
  const send = (message: OutboundMessage) =>
    whatsappProvider.send(message, {
      account: { ...account, settings: { ...account.settings, api_url: server.url } },
      signal: AbortSignal.timeout(60_000),
      publicUrl: null,
    })
  return { seen, send, sdk: loadSdk(server.url) }
}

/** The two requests, ours without what the SDK does not know; and both found the id in the answer. */
async function compare(
  t: Test,
  theirs: (sdk: Sdk) => Promise<Answer>,
  ours: Partial<OutboundMessage>,
): Promise<void> {
  const { seen, send, sdk } = await start(t)
  const answer = await theirs(sdk)
  t.match(await answer.responseBodyToJSON(), { messages: [{ id: 'wamid.1' }] })
  const message = outbound(ours)
  t.same(await send(message), { outcome: 'sent', externalMessageId: 'wamid.2' })
  const [first, second] = seen
  const { biz_opaque_callback_data: reference, ...body } = second?.body ?? {}
  t.equal(reference, message.attemptId)
  t.same({ ...second, body }, first)
}

const to = 16505551234
const link = 'https://example.com/file'

t.test('a text, and one that answers', async (t) => {
  const text = { preview_url: false, body: 'Hello' }
  await compare(t, ({ messages }) => messages.text(text, to), {})
  await compare(t, ({ messages }) => messages.text(text, to, 'wamid.before'), {
    replyTo: { externalMessageId: 'wamid.before', subject: null },
  })
})

t.test('an image by its link', async (t) => {
  await compare(t, ({ messages }) => messages.image({ link, caption: 'Hello' }, to), {
    contentType: 'image',
    mediaUrl: link,
  })
})

t.test('a video by its id', async (t) => {
  await compare(t, ({ messages }) => messages.video({ id: '75', caption: 'Hello' }, to), {
    contentType: 'video',
    metadata: { media: [{ id: '75' }] },
  })
})

t.test('an audio', async (t) => {
  await compare(t, ({ messages }) => messages.audio({ link }, to), {
    contentType: 'audio',
    body: null,
    mediaUrl: link,
  })
})

t.test('a document with its name', async (t) => {
  const document = { link, caption: 'Hello', filename: 'order.pdf' }
  await compare(t, ({ messages }) => messages.document(document, to), {
    contentType: 'file',
    metadata: { media: [{ url: link, filename: 'order.pdf' }] },
  })
})

t.test('a sticker', async (t) => {
  await compare(t, ({ messages }) => messages.sticker({ id: '78' }, to), {
    contentType: 'image',
    body: null,
    metadata: { type: 'sticker', media: [{ id: '78' }] },
  })
})

t.test('a location', async (t) => {
  const location = { latitude: 37.46, longitude: -122.21, name: 'HQ', address: '1 Hacker Way' }
  await compare(t, ({ messages }) => messages.location(location, to), {
    contentType: 'location',
    body: null,
    metadata: { location },
  })
})

t.test('a template', async (t) => {
  const components = [{ type: 'body', parameters: [{ type: 'text', text: 'Ana' }] }]
  const template = {
    name: 'welcome',
    language: { code: 'en_US', policy: 'deterministic' },
    components,
  }
  await compare(t, ({ messages }) => messages.template(template, to), {
    contentType: 'structured',
    body: null,
    metadata: { template },
  })
})

t.test('an interactive message', async (t) => {
  const interactive = {
    type: 'button',
    body: { text: 'Sure?' },
    action: { buttons: [{ type: 'reply', reply: { id: 'y', title: 'Yes' } }] },
  }
  await compare(t, ({ messages }) => messages.interactive(interactive, to), {
    contentType: 'structured',
    body: null,
    metadata: { interactive },
  })
})

t.test('contacts', async (t) => {
  const contacts = [
    { name: { formatted_name: 'Ana', first_name: 'Ana' }, phones: [{ phone: '1' }] },
  ]
  await compare(t, ({ messages }) => messages.contacts(contacts, to), {
    contentType: 'structured',
    body: null,
    metadata: { contacts },
  })
})

t.test('a reaction: the SDK has no call for it, but its builder of bodies', async (t) => {
  const reaction = { message_id: 'wamid.before', emoji: '👍' }
  const body = { contentType: 'structured', body: null, metadata: { reaction } } as const
  const theirs = ({ messages }: Sdk) =>
    messages.send(JSON.stringify(messages.bodyBuilder('reaction', reaction, String(to))))
  await compare(t, theirs, body)
})

t.test(
  'groups and BSUIDs: the SDK knows neither, and has individuals with a number only',
  async (t) => {
    const { seen, send, sdk } = await start(t)
    const built = sdk.messages.bodyBuilder('text', { body: 'Hello' }, group)
    t.match(built, { recipient_type: 'individual', to: group })
    await send(outbound({ conversationExternalId: group }))
    await send(outbound({ address: bsuid }))
    t.match(seen, [
      { body: { recipient_type: 'group', to: group } },
      { body: { recipient_type: 'individual', recipient: bsuid } },
    ])
  },
)
