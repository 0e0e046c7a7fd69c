import { Bot, InputFile } from 'grammy'
import t, { type Test } from 'tap'
import type {
  ChannelAccount,
  MediaReference,
  OutboundFile,
  OutboundMessage,
} from '../../../../adapters/channels/channel.ts'
import { telegram, telegramProvider } from '../../../../adapters/channels/telegram/index.ts'
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
import { chatId, message, say, token } from './api.ts'
import { telegramPeer } from './peer.ts'

const json = (value: object, status = 200): FileAnswer => ({ status, body: JSON.stringify(value) })

async function start(t: Test, answers: (request: FileRequest) => FileAnswer | null = () => null) {
  const { url, asked } = await startFileServer(t, (request) => {
    const given = answers(request)
    if (given) return given
    if (request.path.startsWith('/file/')) return { body: png }
    if (request.path.endsWith('/getFile')) {
      return json({ ok: true, result: { file_path: 'photos/file 1.png', file_size: 70 } })
    }
    return json({ ok: true, result: request.path.endsWith('Group') ? [message] : message })
  })
  const account: ChannelAccount = {
    tenantId: 1,
    accountId: '0193a1b2-0000-7000-8000-000000000001',
    ...telegramPeer.account,
    settings: { api_url: url },
  }
  const locate = async (
    reference: MediaReference = { id: 'AgAD' },
    change: Partial<ChannelAccount> = {},
    signal = AbortSignal.timeout(60_000),
  ) =>
    (await telegram.locate?.(reference, {
      account: { ...account, ...change },
      signal,
      webhook: async () => null,
    })) ?? { url: '' }
  const send = (change: Partial<OutboundMessage>) =>
    telegramProvider.send(say(change), {
      account,
      signal: AbortSignal.timeout(60_000),
      publicUrl: null,
    })
  return { asked, locate, send, api: new Bot(token, { client: { apiRoot: url } }).api }
}

t.test('a file is asked for by its id, and read where Telegram says', async (t) => {
  const { asked, locate } = await start(t)
  const source = await locate()
  t.notOk('url' in source, 'its address, which holds the token, is shown to nobody')
  t.same(await bytesOf(source), png)
  t.match(asked, [
    { method: 'POST', path: `/bot${token}/getFile` },
    { method: 'GET', path: `/file/bot${token}/photos/file%201.png` },
  ])
  t.same(JSON.parse(String(asked[0]?.body)), { file_id: 'AgAD' })
  t.same(await locate({ url: 'https://m.example/1' }), { url: 'https://m.example/1' })
})

t.test('no error says the token', async (t) => {
  const errors: unknown[] = []
  const keep = (error: unknown) => errors.push(error)
  for (const answer of [
    json({}, 500),
    { status: 302, headers: { location: '/' } },
    'hang',
  ] as const) {
    const { locate } = await start(t, ({ path }) => (path.startsWith('/file/') ? answer : null))
    await locate(undefined, {}, AbortSignal.timeout(answer === 'hang' ? 100 : 60_000)).catch(keep)
  }
  const cut = await start(t, ({ path }) =>
    path.startsWith('/file/') ? { body: png, cut: true } : null,
  )
  await bytesOf(await cut.locate()).catch(keep)
  for (const api_url of ['http://127.0.0.1:1', 'no url', 'http://user:pass@127.0.0.1']) {
    await cut.locate(undefined, { settings: { api_url } }).catch(keep)
  }
  t.equal(errors.length, 7)
  for (const error of errors) {
    t.match(error, { name: 'MediaUnavailable' }, String(error))
    const { message: said, stack } = error as Error
    t.notMatch(`${said} ${stack}`, token)
  }
})

const refused = (description: string, error_code = 400) =>
  json({ ok: false, error_code, description }, error_code)

t.test('what Telegram answers instead says whether to try again', async (t) => {
  for (const stage of ['/bot', '/file/']) {
    await refusesWell(
      t,
      async (answer, signal) => {
        const { locate } = await start(t, ({ path }) => (path.startsWith(stage) ? answer : null))
        return locate(undefined, {}, signal)
      },
      stage === '/bot'
        ? {}
        : { '404': { code: 'provider_unavailable', retryable: true }, 'a page': null },
    )
  }
  for (const [answer, code, retryable] of [
    [refused('Bad Request: file is too big'), 'media_over_provider_limit', false],
    [
      refused('Bad Request: wrong file_id or the file is temporarily unavailable'),
      'provider_unavailable',
      true,
    ],
    [refused('Bad Request: invalid file_id'), 'media_gone', false],
    [refused('Unauthorized', 401), 'media_unauthorized', true],
    [refused('Not Found', 404), 'media_unauthorized', true],
    [refused('Too Many Requests: retry after 5', 429), 'provider_unavailable', true],
    [json({ ok: true, result: { file_path: '/var/lib/bot/1.png' } }), 'media_refused', false],
  ] as const) {
    const { locate } = await start(t, ({ path }) => (path.endsWith('/getFile') ? answer : null))
    await t.rejects(locate(), { name: 'MediaUnavailable', code, retryable })
  }
  const { locate } = await start(t)
  await t.rejects(locate(undefined, { secret: 'a/b' }), {
    code: 'account_misconfigured',
    retryable: true,
  })
  await t.rejects(locate({}), { code: 'media_reference_invalid', retryable: false })
})

const url = 'https://s3.example/1?X-Amz-Signature=1'
// grammY writes names without quotes, so that one with spaces would end at the first.
const jpeg = ourFile('jpeg', { filename: 'Foto_für_Ann.jpg', contentType: 'image/jpeg' })
const pdf = ourFile('pdf', { filename: 'a.pdf', contentType: 'application/pdf' })
const mp4 = ourFile('mp4', { filename: 'a.mp4', contentType: 'video/mp4' })
const input = ({ filename }: OutboundFile, content: string) =>
  new InputFile(Buffer.from(content), filename)

const kinds: [
  title: string,
  ours: Partial<OutboundMessage>,
  theirs: (api: Bot['api']) => Promise<unknown>,
][] = [
  [
    'a photo with a caption and an answer',
    {
      contentType: 'image',
      mediaUrl: 'https://elsewhere.example/1',
      files: [jpeg],
      replyTo: { externalMessageId: `${chatId}:77`, subject: null },
    },
    (api) =>
      api.sendPhoto(chatId, input(jpeg, 'jpeg'), {
        caption: 'Hello',
        reply_parameters: { message_id: 77, allow_sending_without_reply: true },
      }),
  ],
  [
    'a document',
    { contentType: 'file', body: null, files: [pdf] },
    (api) => api.sendDocument(chatId, input(pdf, 'pdf')),
  ],
  [
    'an album, of which one file has an address',
    { contentType: 'image', files: [jpeg, { ...mp4, url }] },
    (api) =>
      api.sendMediaGroup(chatId, [
        { type: 'photo', media: input(jpeg, 'jpeg'), caption: 'Hello' },
        { type: 'video', media: url },
      ]),
  ],
]

/** Without what grammY chooses by chance; it calls every file an octet stream, and we say what it is. */
async function formOf(request: FileRequest | undefined) {
  if (!request) return null
  const form = JSON.stringify(await readForm(request))
  const names = [...form.matchAll(/attach:\/\/(\w+)/g)].map(([, name]) => name ?? '')
  const text = names.reduce((all, name, i) => all.replaceAll(name, `<${i}>`), form)
  const fields = JSON.parse(text.replaceAll(/"type":"[\w-]+\/[\w-]+"/g, '"type":""')) as object
  return {
    path: request.path,
    fields: Object.entries(fields).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  }
}

for (const [title, ours, theirs] of kinds) {
  t.test(`${title} is uploaded as grammY uploads it`, async (t) => {
    const { api, asked, send } = await start(t)
    t.same(await send(ours), { outcome: 'sent', externalMessageId: '1111:42' })
    await theirs(api)
    t.equal(asked.length, 2)
    t.same(await formOf(asked[0]), await formOf(asked[1]))
    t.match(asked[0]?.headers['content-type'], /^multipart\/form-data/)
  })
}

t.test('a file goes by its address where Telegram would fetch it, and else as bytes', async (t) => {
  const { asked, send } = await start(t)
  const ogg = ourFile('ogg', { contentType: 'audio/ogg' })
  for (const [file, contentType, fetched] of [
    [{ ...jpeg, size: 5_000_000 }, 'image', true],
    [{ ...jpeg, size: 5_000_001 }, 'image', false],
    [{ ...mp4, size: 20_000_000 }, 'video', true],
    [{ ...mp4, size: 20_000_001 }, 'video', false],
    [{ ...ogg, size: 1_000_001 }, 'audio', false],
    [pdf, 'file', true],
    [{ ...pdf, contentType: 'text/csv' }, 'file', false],
  ] as const) {
    const sized = { ...file, url, read: ourFile(Buffer.alloc(file.size)).read }
    t.match(await send({ contentType, files: [sized] }), { outcome: 'sent' })
    const type = asked.at(-1)?.headers['content-type'] ?? ''
    t.equal(type === 'application/json', fetched, `${file.contentType} of ${file.size} bytes`)
  }
})

t.test('a file that cannot be read was not sent', async (t) => {
  const { asked, send } = await start(t)
  t.match(await send({ contentType: 'image', files: [brokenFile()] }), {
    outcome: 'not_sent',
    retryable: true,
    errorCode: 'media_unreadable',
  })
  t.same(asked, [])
})
