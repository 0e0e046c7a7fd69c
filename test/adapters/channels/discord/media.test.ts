import { REST } from '@discordjs/rest'
import t, { type Test } from 'tap'
import type {
  ChannelAccount,
  MediaReference,
  OutboundMessage,
} from '../../../../adapters/channels/channel.ts'
import { createDiscordProvider, discord } from '../../../../adapters/channels/discord/index.ts'
import {
  brokenFile,
  type FileAnswer,
  ourFile,
  readForm,
  refusesWell,
  startFileServer,
} from '../../../support/files.ts'
import { botToken, discordPeer } from './peer.ts'

const channelId = '290926798999357250'
const cdn = 'https://cdn.discordapp.com/attachments/1/2/cat.png'
const hex = (ms: number) => Math.floor((Date.now() + ms) / 1000).toString(16)
const over = `${cdn}?ex=${hex(-1_000)}&is=1&hm=2`

async function start(t: Test, answer: FileAnswer | null = null) {
  const { url, asked } = await startFileServer(t, ({ path }) => {
    if (answer) return answer
    return path.endsWith('/refresh-urls')
      ? {
          body: JSON.stringify({
            refreshed_urls: [{ original: over, refreshed: `${cdn}?ex=7fffffff` }],
          }),
        }
      : { headers: { 'content-type': 'application/json' }, body: '{"id":"334385199974967042"}' }
  })
  const account: ChannelAccount = {
    tenantId: 1,
    accountId: '0193a1b2-0000-7000-8000-000000000001',
    ...discordPeer.account,
    settings: { api_url: `${url}/api/v10` },
  }
  const locate = async (
    reference: MediaReference,
    change: Partial<ChannelAccount> = {},
    signal = AbortSignal.timeout(60_000),
  ) =>
    (await discord.locate?.(reference, {
      account: { ...account, ...change },
      signal,
      webhook: async () => null,
    })) ?? { url: '' }
  const send = (change: Partial<OutboundMessage>) =>
    createDiscordProvider().send(
      {
        id: '0193a1b2-0000-7000-8000-00000000000a',
        attemptId: '0193a1b2-0000-7000-8000-00000000000b',
        attempt: 1,
        address: '80351110224678912',
        conversationExternalId: channelId,
        contentType: 'image',
        body: 'Hello',
        mediaUrl: null,
        replyTo: null,
        metadata: {},
        ...change,
      },
      { account, signal: AbortSignal.timeout(60_000), publicUrl: null },
    )
  const rest = new REST({ api: `${url}/api`, version: '10' }).setToken(botToken)
  return { asked, locate, send, rest }
}

t.test('an attachment is fetched where it is, for as long as its signature holds', async (t) => {
  const { asked, locate } = await start(t)
  for (const url of [
    `${cdn}?ex=${hex(3_600_000)}&is=1&hm=2`,
    'https://cdn.discordapp.com/stickers/1.png',
    'https://elsewhere.example/attachments/1/2/cat.png',
  ]) {
    t.same(await locate({ url }), { url })
  }
  t.same(asked, [])
})

t.test('an address that is over is renewed with the token of the bot', async (t) => {
  const { asked, locate } = await start(t)
  for (const url of [over, cdn, `${cdn}?ex=${hex(10_000)}`]) {
    t.same(await locate({ id: '9', url }), { url: `${cdn}?ex=7fffffff` })
    t.match(asked.at(-1), {
      method: 'POST',
      path: '/api/v10/attachments/refresh-urls',
      headers: { authorization: `Bot ${botToken}`, 'user-agent': /^DiscordBot \(/ },
    })
    t.same(JSON.parse(String(asked.at(-1)?.body)), { attachment_urls: [url] })
  }
})

t.test('what Discord answers instead says whether to try again', async (t) => {
  await refusesWell(t, async (answer, signal) => {
    const { locate } = await start(t, answer)
    return locate({ url: over }, {}, signal)
  })
  const none = await start(t, { body: '{"refreshed_urls":[]}' })
  await t.rejects(none.locate({ url: over }), { code: 'media_gone', retryable: false })
  await t.rejects(none.locate({ url: over }, { secret: null }), {
    code: 'account_misconfigured',
    retryable: true,
  })
  await t.rejects(none.locate({ id: '9' }), { code: 'media_reference_invalid', retryable: false })
})

const files = [
  ourFile('jpeg', { filename: 'Foto für Ann.jpg', contentType: 'image/jpeg' }),
  ourFile('pdf', {
    filename: 'a.pdf',
    contentType: 'application/pdf',
    url: 'https://s3.example/1',
  }),
]

t.test(
  'files are uploaded as @discordjs/rest uploads them, and no signed link is shown',
  async (t) => {
    const { asked, rest, send } = await start(t)
    const metadata = { media: [{ url: 'https://elsewhere.example/1' }] }
    t.same(await send({ files, metadata }), {
      outcome: 'sent',
      externalMessageId: '334385199974967042',
    })
    await rest.post(`/channels/${channelId}/messages`, {
      files: [
        { name: 'Foto für Ann.jpg', data: Buffer.from('jpeg'), contentType: 'image/jpeg' },
        { name: 'a.pdf', data: Buffer.from('pdf'), contentType: 'application/pdf' },
      ],
      body: {
        content: 'Hello',
        attachments: [
          { id: 0, filename: 'Foto für Ann.jpg' },
          { id: 1, filename: 'a.pdf' },
        ],
        allowed_mentions: { parse: [] },
        nonce: 'AZOhsgAAcACAAAAAAAAACw',
        enforce_nonce: true,
      },
    })
    const [ours, theirs] = asked
    if (!ours || !theirs) return t.fail('two requests')
    t.equal(ours.path, theirs.path)
    t.equal(ours.headers.authorization, theirs.headers.authorization)
    const form = await readForm(ours)
    t.same(form, await readForm(theirs))
    t.same(Object.keys(form), ['files[0]', 'files[1]', 'payload_json'])
  },
)

t.test(
  'a file needs no text beside it; eleven are too many, and one that breaks was not sent',
  async (t) => {
    const { asked, send } = await start(t)
    t.match(await send({ body: null, files }), { outcome: 'sent' })
    const [file] = files
    const eleven = Array.from({ length: 11 }, () => file ?? ourFile(''))
    t.match(await send({ files: eleven }), {
      outcome: 'not_sent',
      retryable: false,
      errorCode: 'content_unsupported',
    })
    t.match(await send({ files: [brokenFile()] }), {
      outcome: 'not_sent',
      retryable: true,
      errorCode: 'media_unreadable',
    })
    t.equal(asked.length, 1)
  },
)
