import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { proto } from 'baileys'
import t, { type Test } from 'tap'
import {
  type BaileysConnection,
  baileysProvider,
  startBaileysBridge,
} from '../../../../adapters/channels/baileys/index.ts'
import { attemptIdOf, messageIdOf } from '../../../../adapters/channels/baileys/message-id.ts'
import type { OutboundMessage } from '../../../../adapters/channels/channel.ts'
import { boom, type FakeSocket, logger, makeFakeSocket } from './fake-socket.ts'
import { account } from './support.ts'

const attemptId = '0193a5b0-7c00-7000-8000-0000000000aa'
const ours = messageIdOf(attemptId)
const jid = '27831234567@s.whatsapp.net'
const group = '120363012345678901@g.us'

const text: OutboundMessage = {
  id: '0193a5b0-7c00-7000-8000-0000000000bb',
  attemptId,
  attempt: 1,
  address: '+27831234567',
  conversationExternalId: null,
  contentType: 'text',
  body: 'Hello',
  mediaUrl: null,
  replyTo: null,
  metadata: {},
}

/** An open bridge on a fake socket, and what the provider makes of messages with it. */
async function setUp(t: Test) {
  const sockets: FakeSocket[] = []
  const bridge = await startBaileysBridge({
    account,
    authFolder: t.testdir(),
    receive: async () => {},
    logger,
    makeSocket: (config) => {
      const socket = makeFakeSocket(config)
      sockets.push(socket)
      return socket
    },
  })
  t.teardown(() => bridge.stop())
  const [socket] = sockets
  if (!socket) throw new Error('no socket was made')
  socket.emit('connection.update', { connection: 'open' })
  const send = sender(bridge)
  return { bridge, socket, send }
}

function sender(connection: BaileysConnection | null) {
  const provider = baileysProvider({ socketOf: () => connection })
  return (
    change: Partial<OutboundMessage> = {},
    settings = {},
    signal = AbortSignal.timeout(60_000),
  ) =>
    provider.send(
      { ...text, ...change },
      { account: { ...account, settings }, signal, publicUrl: null },
    )
}

/** What left, as the wire has it. */
function contents(socket: FakeSocket) {
  return socket.sent.map(({ info }) =>
    proto.Message.toObject(
      proto.Message.decode(proto.Message.encode(info.message ?? {}).finish()),
      { longs: Number },
    ),
  )
}

t.test("a message's id is chosen before it leaves, and leads back to the attempt", async (t) => {
  const { socket, send } = await setUp(t)
  t.same(await send(), { outcome: 'sent', externalMessageId: ours })
  t.match(ours, /^3EB0[0-9A-F]{32}$/)
  t.equal(attemptIdOf(ours), attemptId)
  t.match(socket.sent, [{ jid, info: { key: { id: ours, remoteJid: jid } } }])
  t.match(contents(socket), [{ extendedTextMessage: { text: 'Hello' } }])
  const odd = messageIdOf('no uuid')
  t.match(odd, /^3EB0[0-9A-F]{18}$/)
  t.equal(odd, messageIdOf('no uuid'))
  t.not(odd, messageIdOf('no uuid', 1))
})

t.test('it goes to the phone, the LID or the group', async (t) => {
  const { socket, send } = await setUp(t)
  await send()
  await send({ address: '40141234567890@lid' })
  await send({ conversationExternalId: group })
  await send({ conversationExternalId: 'thread-of-something-else' })
  t.same(
    socket.sent.map(({ jid }) => jid),
    [jid, '40141234567890@lid', group, jid],
  )
  t.match(await send({ address: 'SHOPRITE' }), {
    outcome: 'not_sent',
    retryable: false,
    errorCode: 'recipient_invalid',
  })
  t.equal(socket.sent.length, 4)
})

t.test(
  'files go by URL, each as a message of its own, the text as the first caption',
  async (t) => {
    const server = createServer((_request, response) => response.end('bytes of a file'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/offers/offer%20one.pdf`
    const { socket, send } = await setUp(t)
    const media = [
      { url, content_type: 'image/png' },
      { url, content_type: 'application/pdf' },
      { url, content_type: 'video/mp4' },
    ]
    t.same(await send({ contentType: 'image', body: 'Look', metadata: { media } }), {
      outcome: 'sent',
      externalMessageId: ours,
    })
    t.same(
      socket.sent.map(({ info }) => info.key?.id),
      [ours, messageIdOf(attemptId, 1), messageIdOf(attemptId, 2)],
    )
    t.match(contents(socket), [
      { imageMessage: { caption: 'Look', mimetype: 'image/png', fileLength: 15 } },
      {
        documentMessage: {
          mimetype: 'application/pdf',
          fileName: 'offer one.pdf',
          caption: undefined,
        },
      },
      { videoMessage: { mimetype: 'video/mp4', caption: undefined } },
    ])
    socket.sent.length = 0
    const voice = {
      contentType: 'audio' as const,
      body: 'Listen',
      mediaUrl: url,
      metadata: { voice: true },
    }
    t.match(await send(voice), { outcome: 'sent' })
    t.match(contents(socket), [
      { audioMessage: { ptt: true, mimetype: 'audio/ogg; codecs=opus' } },
      { extendedTextMessage: { text: 'Listen' } },
    ])
  },
)

t.test('a place, a poll and contacts go as what they are', async (t) => {
  const { socket, send } = await setUp(t)
  const location = { latitude: -33.9249, longitude: 18.4241, name: 'Cape Town' }
  await send({ contentType: 'location', body: null, metadata: { location } })
  await send({
    contentType: 'structured',
    body: null,
    metadata: { poll: { name: 'Lunch?', options: ['Yes', 'No'] } },
  })
  const contacts = [{ name: 'Ana', vcard: 'BEGIN:VCARD\nEND:VCARD' }]
  await send({ contentType: 'structured', body: null, metadata: { contacts } })
  t.match(contents(socket), [
    {
      locationMessage: { degreesLatitude: -33.9249, degreesLongitude: 18.4241, name: 'Cape Town' },
    },
    {
      pollCreationMessageV3: {
        name: 'Lunch?',
        options: [{ optionName: 'Yes' }, { optionName: 'No' }],
      },
    },
    { contactMessage: { displayName: 'Ana', vcard: contacts[0]?.vcard } },
  ])
})

t.test('an answer quotes, and in a group names the author', async (t) => {
  const { socket, send } = await setUp(t)
  const replyTo = { externalMessageId: 'AC01', subject: null }
  await send({ replyTo, metadata: { quoted: { body: 'What time?' } } })
  await send({
    replyTo,
    conversationExternalId: group,
    metadata: { quoted: { participant: '40141234567890@lid' } },
  })
  await send({ replyTo: { externalMessageId: ours, subject: null } })
  const quotes = contents(socket).map(({ extendedTextMessage }) => extendedTextMessage.contextInfo)
  t.match(quotes, [
    { stanzaId: 'AC01', participant: jid, quotedMessage: { conversation: 'What time?' } },
    { stanzaId: 'AC01', participant: '40141234567890@lid', quotedMessage: { conversation: '' } },
    { stanzaId: ours, participant: '27820000000@s.whatsapp.net' },
  ])
})

t.test('a reaction is on the message that it answers, and null takes it back', async (t) => {
  const { socket, send } = await setUp(t)
  const replyTo = { externalMessageId: 'AC01', subject: null }
  const reaction = (emoji: string | null) => ({
    contentType: 'structured' as const,
    body: null,
    replyTo,
    metadata: { reaction: { emoji } },
  })
  await send(reaction('👍'))
  await send(reaction(null))
  await send({ ...reaction('👍'), replyTo: { externalMessageId: ours, subject: null } })
  t.match(
    contents(socket).map(({ reactionMessage }) => reactionMessage),
    [
      { text: '👍', key: { id: 'AC01', fromMe: false, remoteJid: jid } },
      { text: '' },
      { key: { id: ours, fromMe: true } },
    ],
  )
})

t.test('what WhatsApp has no form for is refused before anything leaves', async (t) => {
  const { socket, send } = await setUp(t)
  for (const change of [
    { body: null },
    { body: '' },
    { contentType: 'location' as const, metadata: {} },
    { body: null, metadata: { template: { name: 'welcome' } } },
    { contentType: 'image' as const, mediaUrl: '/etc/passwd' },
    { contentType: 'file' as const, mediaUrl: 'file:///etc/passwd' },
    { body: null, metadata: { reaction: { emoji: '👍' } } },
    { body: null, metadata: { poll: { name: 'alone', options: ['one'] } } },
  ]) {
    t.match(await send(change), {
      outcome: 'not_sent',
      retryable: false,
      errorCode: 'content_unsupported',
    })
  }
  t.equal(socket.sent.length, 0)
})

t.test(
  'without an open connection it waits; logged out, the account is disconnected',
  async (t) => {
    const { bridge, socket, send } = await setUp(t)
    t.match(await sender(null)(), {
      outcome: 'not_sent',
      retryable: true,
      errorCode: 'not_connected',
    })
    socket.close(401)
    t.equal(bridge.state, 'ended')
    t.match(await send(), { outcome: 'not_sent', account: 'disconnect', errorCode: 'logged_out' })
  },
)

t.test("the server's refusal is final and says why", async (t) => {
  const { socket, send } = await setUp(t)
  socket.answer = () => ({ error: '463' })
  t.match(await send(), {
    outcome: 'not_sent',
    retryable: false,
    errorCode: 'recipient_unreachable',
    errorMessage: /463/,
  })
  socket.answer = () => ({ error: '777' })
  t.match(await send(), { outcome: 'not_sent', retryable: false, errorCode: 'whatsapp_777' })
})

t.test(
  'what may have left is ambiguous: no acknowledgement, a lost connection, a timeout',
  async (t) => {
    const { socket, send } = await setUp(t)
    const left = async (count: number) => {
      while (socket.sent.length < count) await new Promise((resolve) => setImmediate(resolve))
    }
    const over = new AbortController()
    socket.answer = () => null
    const waiting = send({}, {}, over.signal)
    await left(1)
    over.abort()
    t.match(await waiting, { outcome: 'ambiguous', errorCode: 'timeout' })
    const sending = send()
    await left(2)
    socket.close(428)
    t.match(await sending, { outcome: 'ambiguous', errorCode: 'connection_lost' })
  },
)

t.test('what was thrown is not sent only where it certainly came before the message', async (t) => {
  const { socket, send } = await setUp(t)
  const outcomeOf = async (error: Error) => {
    socket.instead = async () => {
      throw error
    }
    const outcome = await send()
    return [
      outcome.outcome,
      'errorCode' in outcome && outcome.errorCode,
      outcome.outcome === 'not_sent' && outcome.retryable,
    ]
  }
  t.same(await outcomeOf(boom('Connection Closed', 428)), ['not_sent', 'not_connected', true])
  t.same(
    await outcomeOf(boom('forbidden', 500, 403)),
    ['not_sent', 'forbidden', false],
    'a group without us',
  )
  t.same(await outcomeOf(boom('rate-overlimit', 500, 429)), ['not_sent', 'rate_limited', true])
  t.same(await outcomeOf(boom('internal-server-error', 500, 500)), ['not_sent', '500', true])
  t.same(await outcomeOf(boom('Invalid media type', 400)), [
    'not_sent',
    'content_unsupported',
    false,
  ])
  t.same(await outcomeOf(boom('Media upload failed on all hosts', 500)), [
    'not_sent',
    'media_unavailable',
    true,
  ])
  t.same(await outcomeOf(boom('Timed Out', 408)), ['ambiguous', 'timeout', false])
  t.same(await outcomeOf(new Error('write EPIPE')), ['ambiguous', 'send_failed', false])
  const signal = AbortSignal.abort()
  t.match(await send({}, {}, signal), {
    outcome: 'not_sent',
    retryable: true,
    errorCode: 'aborted',
  })
})

t.test('once one file of several has left, the message is never simply not sent', async (t) => {
  const { socket, send } = await setUp(t)
  const contacts = [{ name: 'Ana', vcard: 'BEGIN:VCARD\nEND:VCARD' }]
  socket.answer = (id) => (id === ours ? {} : { error: '479' })
  t.match(await send({ metadata: { contacts } }), {
    outcome: 'ambiguous',
    errorCode: 'partly_sent',
    errorMessage: /^1 of 2 parts were sent: .*479/,
  })
})

t.test(
  'numbers are looked up where the settings say so, and go out as WhatsApp spells them',
  async (t) => {
    const { socket, send } = await setUp(t)
    const settings = { check_recipient: true }
    t.match(await send({}, settings), {
      outcome: 'not_sent',
      retryable: false,
      errorCode: 'recipient_unknown',
    })
    socket.onWhatsAppAnswer = [{ jid, exists: false }]
    t.match(await send({}, settings), {
      outcome: 'not_sent',
      retryable: false,
      errorCode: 'recipient_unknown',
    })
    socket.onWhatsAppAnswer = undefined
    t.match(await send({}, settings), {
      outcome: 'not_sent',
      retryable: true,
      errorCode: 'recipient_unchecked',
    })
    t.equal(socket.sent.length, 0)
    socket.onWhatsAppAnswer = [{ jid: '551187654321@s.whatsapp.net', exists: true }]
    t.match(await send({ address: '+5511987654321' }, settings), { outcome: 'sent' })
    t.equal(socket.sent[0]?.jid, '551187654321@s.whatsapp.net')
    const asked = socket.asked.length
    await send({ address: '40141234567890@lid' }, settings)
    await send({ conversationExternalId: group }, settings)
    await send()
    t.equal(socket.asked.length, asked, 'LIDs, groups, and others are not looked up')
  },
)
