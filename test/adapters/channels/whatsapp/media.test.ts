import t, { type Test } from 'tap'
import type { ChannelAccount, MediaReference } from '../../../../adapters/channels/channel.ts'
import { whatsapp, whatsappProvider } from '../../../../adapters/channels/whatsapp/index.ts'
import {
  brokenFile,
  bytesOf,
  type FileAnswer,
  type FileRequest,
  ourFile,
  png,
  readForm,
  refusesWell,
  startFileServer,
} from '../../../support/files.ts'
import { outbound } from './outbound.ts'
import { account, secrets } from './samples.ts'

const id = '2754859441498'
const number = '106540352242922'
const bearer = `Bearer ${secrets.access_token}`

async function start(t: Test, answers: (request: FileRequest) => FileAnswer | null = () => null) {
  const { url, asked, hung } = await startFileServer(t, (request) => {
    const given = answers(request)
    if (given) return given
    if (request.path.startsWith('/download')) return { body: png }
    if (request.path.endsWith('/media')) return { body: '{"id":"777"}' }
    if (request.path.endsWith('/messages')) return { body: '{"messages":[{"id":"wamid.1"}]}' }
    const about = { url: `${url}/download?mid=1`, mime_type: 'image/png', id, file_size: 70 }
    return { body: JSON.stringify({ messaging_product: 'whatsapp', ...about }) }
  })
  const ours: ChannelAccount = { ...account, settings: { ...account.settings, api_url: url } }
  const locate = async (
    reference: MediaReference = { id },
    change: Partial<ChannelAccount> = {},
    signal = AbortSignal.timeout(60_000),
  ) =>
    (await whatsapp.locate?.(reference, {
      account: { ...ours, ...change },
      signal,
      webhook: async () => null,
    })) ?? { url: '' }
  const send = (change: Parameters<typeof outbound>[0], signal = AbortSignal.timeout(60_000)) =>
    whatsappProvider.send(outbound(change), { account: ours, signal, publicUrl: null })
  return { asked, hung, locate, send, url }
}

t.test('an id leads to a URL, and both want the token', async (t) => {
  const { asked, locate, url } = await start(t)
  const source = await locate()
  const headers = { authorization: bearer, 'user-agent': 'pigeonpost' }
  t.same(source, { url: `${url}/download?mid=1`, headers })
  t.same(await bytesOf(source), png)
  t.match(asked, [
    { method: 'GET', path: `/v25.0/${id}?phone_number_id=${number}`, headers },
    { method: 'GET', path: '/download?mid=1', headers },
  ])
  const { settings } = account
  await locate({ id: '../7' }, { settings: { ...settings, api_url: url, api_version: 'v31.0' } })
  t.equal(asked[2]?.path, `/v31.0/..%2F7?phone_number_id=${number}`)
})

t.test("Meta's own URLs are fetched with the token, and others without it", async (t) => {
  const { asked, locate } = await start(t)
  const theirs = 'https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1'
  t.match(await locate({ url: theirs }), { url: theirs, headers: { authorization: bearer } })
  for (const url of [
    'https://evil.example/x',
    'https://lookaside.fbsbx.com.evil.example/x',
    'http://lookaside.fbsbx.com/x',
    'https://notfbsbx.com/x',
    'https://graph.facebook.com/v25.0/me/accounts',
    'https://graph.whatsapp.com/v25.0/1',
  ]) {
    t.same(await locate({ url }), { url }, url)
  }
  t.same(asked, [])
})

t.test('an id of something else does not lead the token away', async (t) => {
  const url = 'https://evil.example/page'
  const { locate } = await start(t, () => ({ body: JSON.stringify({ id, type: 'website', url }) }))
  t.same(await locate(), { url })
})

const graph = (status: number, code: number): FileAnswer => ({
  status,
  body: JSON.stringify({ error: { message: 'Said by Meta', code } }),
})

t.test('what Meta answers instead says whether to try again', async (t) => {
  await refusesWell(t, async (answer, signal) => {
    const { locate } = await start(t, () => answer)
    return locate(undefined, {}, signal)
  })
  for (const [answer, code, retryable] of [
    [graph(400, 100), 'media_gone', false],
    [graph(401, 190), 'media_unauthorized', true],
    [graph(400, 80007), 'provider_unavailable', true],
    [graph(500, 2), 'provider_unavailable', true],
  ] as const) {
    const { locate } = await start(t, () => answer)
    await t.rejects(locate(), { code, retryable, message: /Said by Meta/ })
  }
  const { locate } = await start(t)
  await t.rejects(locate({ id }, { secret: null }), {
    code: 'account_misconfigured',
    retryable: true,
  })
  await t.rejects(locate({}), { code: 'media_reference_invalid', retryable: false })
})

const pdf = { filename: 'Brief für Ann.pdf', contentType: 'application/pdf' }

t.test('a file of ours goes by its signed link, whatever the message said', async (t) => {
  const { asked, send } = await start(t)
  const url = 'https://s3.example/1?X-Amz-Signature=1'
  const metadata = { media: [{ id: '1', url: 'https://elsewhere.example/1' }] }
  t.match(await send({ contentType: 'image', metadata, files: [ourFile(png, { url })] }), {
    outcome: 'sent',
  })
  t.equal(asked.length, 1)
  t.match(JSON.parse(String(asked[0]?.body)), {
    type: 'image',
    image: { id: undefined, link: url, caption: 'Hello' },
  })
})

t.test(
  'a file that Meta cannot reach is uploaded, and sent by the id that comes back',
  async (t) => {
    const { asked, send } = await start(t)
    const change = { contentType: 'file' as const, files: [ourFile('pdf', pdf)] }
    t.same(await send(change), { outcome: 'sent', externalMessageId: 'wamid.1' })
    const [upload, message] = asked
    t.match(upload, {
      method: 'POST',
      path: `/v25.0/${number}/media`,
      headers: { authorization: bearer },
    })
    if (!upload) return
    // As Meta's document of the request has it; its SDK has none.
    t.same(await readForm(upload), {
      messaging_product: 'whatsapp',
      type: 'application/pdf',
      file: {
        filename: pdf.filename,
        type: 'application/pdf',
        content: Buffer.from('pdf').toString('hex'),
      },
    })
    t.same(JSON.parse(String(message?.body)).document, {
      id: '777',
      caption: 'Hello',
      filename: pdf.filename,
    })
  },
)

t.test('while a file is uploaded no message was sent, whatever went wrong', async (t) => {
  const files = [ourFile('pdf', pdf)]
  const notSent = { outcome: 'not_sent', retryable: true }
  for (const [answer, expected] of [
    [{ status: 502 }, notSent],
    [
      { status: 200, body: '<html>' },
      { ...notSent, errorCode: 'answer_unreadable' },
    ],
    [graph(400, 131053), { outcome: 'not_sent', retryable: false, errorCode: '131053' }],
    [graph(401, 190), { outcome: 'not_sent', account: 'disconnect' }],
    ['hang', { ...notSent, errorCode: 'timeout' }],
  ] as const) {
    const { asked, hung, send } = await start(t, () => answer)
    t.match(await send({ contentType: 'file', files }, hung), expected)
    t.equal(asked.length, 1)
  }
  const broken = await start(t)
  t.match(await broken.send({ contentType: 'file', files: [brokenFile()] }), {
    ...notSent,
    errorCode: 'media_unreadable',
  })
  t.same(broken.asked, [])
  const after = await start(t, ({ path }) => (path.endsWith('/messages') ? { status: 502 } : null))
  t.match(await after.send({ contentType: 'file', files }), { outcome: 'ambiguous' })
})
