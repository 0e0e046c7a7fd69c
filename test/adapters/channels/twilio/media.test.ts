import t, { type Test } from 'tap'
import type { ChannelAccount } from '../../../../adapters/channels/channel.ts'
import { twilio } from '../../../../adapters/channels/twilio/index.ts'
import {
  bytesOf,
  type FileAnswer,
  ourFile,
  png,
  refusesWell,
  startFileServer,
} from '../../../support/files.ts'
import { send } from './sending.ts'
import { sdkClient, startTwilio } from './server.ts'
import { accountSid, authToken, smsAccount } from './support.ts'

const path = `/2010-04-01/Accounts/${accountSid}/Messages/MM1/Media/ME1`
const basic = `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`

async function start(t: Test, answer: FileAnswer | null = null) {
  const store = await startFileServer(t, () => ({ body: png }))
  const api = await startFileServer(
    t,
    () => answer ?? { status: 307, headers: { location: `${store.url}/signed?key=1` } },
  )
  const locate = async (
    url: string | undefined = api.url + path,
    change: Partial<ChannelAccount> = {},
    signal = AbortSignal.timeout(60_000),
  ) => {
    const account = { ...smsAccount, ...change }
    const context = {
      account: { ...account, settings: { api_url: api.url, ...account.settings } },
      signal,
      webhook: async () => null,
    }
    return (await twilio.locate?.({ url }, context)) ?? { url: '' }
  }
  return { api, store, locate }
}

t.test(
  "a file is asked for with the account's credentials, and its store never sees them",
  async (t) => {
    const { api, store, locate } = await start(t)
    const source = await locate()
    t.same(source, { url: `${store.url}/signed?key=1` })
    t.same(await bytesOf(source), png)
    t.match(api.asked, [{ method: 'GET', path, headers: { authorization: basic } }])
    t.equal(store.asked[0]?.headers.authorization, undefined)
    const secret = JSON.stringify({
      account_sid: accountSid,
      api_key_sid: 'SK1',
      api_key_secret: 'x',
    })
    await locate(undefined, { secret })
    t.equal(api.asked[1]?.headers.authorization, `Basic ${Buffer.from('SK1:x').toString('base64')}`)
  },
)

t.test('a file that comes without a redirect is taken as it is', async (t) => {
  const { locate } = await start(t, { body: png })
  t.same(await bytesOf(await locate()), png)
  const cut = await (await start(t, { body: png, cut: true })).locate()
  await t.rejects(bytesOf(cut), { code: 'provider_unreachable', retryable: true })
})

t.test("only Twilio is shown the account's credentials", async (t) => {
  const { api, locate } = await start(t)
  for (const url of [
    'https://evil.example/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1',
    'https://api.twilio.com.evil.example/x',
    'https://api-twilio.com/x',
    'http://api.twilio.com/x',
    'https://api.twilio.com@evil.example/x',
  ]) {
    t.same(await locate(url), { url }, url)
  }
  t.same(api.asked, [])
  const looped = await start(t, { status: 302, headers: { location: `${path}2` } })
  t.same(await looped.locate(), {
    url: `${looped.api.url}${path}2`,
    headers: { authorization: basic },
  })
})

t.test('the credentials open media, and nothing else of the account', async (t) => {
  const { api, locate } = await start(t, { body: '{"auth_token":"secret"}' })
  for (const url of [
    `${api.url}/2010-04-01/Accounts/${accountSid}.json`,
    `https://api.twilio.com/2010-04-01/Accounts/${accountSid}.json`,
    `https://api.twilio.com/2010-04-01/Accounts/${accountSid}/Messages.json`,
    `https://api.twilio.com/2010-04-01/Accounts/${accountSid}/Messages/MM1/Media/../../../../${accountSid}.json`,
    `https://api.twilio.com/2010-04-01/Accounts/${accountSid}/Messages/MM1/Media/ME1/%2e%2e/x.json`,
  ]) {
    t.same(await locate(url), { url }, url)
  }
  t.same(api.asked, [])
  const away = await start(t, { status: 307, headers: { location: '/2010-04-01/Accounts.json' } })
  t.same(await away.locate(), { url: `${away.api.url}/2010-04-01/Accounts.json` })
})

t.test('what Twilio answers instead says whether to try again', async (t) => {
  await refusesWell(
    t,
    async (answer, signal) => {
      const { locate } = await start(t, answer)
      return locate(undefined, {}, signal)
    },
    {
      // Media may come after the webhook that tells of it.
      '404': { code: 'media_not_there', retryable: true },
      // Any bytes are a file.
      'a page': null,
    },
  )
  const { locate } = await start(t)
  await t.rejects(locate(undefined, { secret: null }), {
    code: 'account_misconfigured',
    retryable: true,
  })
  await t.rejects(locate(''), { code: 'media_reference_invalid', retryable: false })
})

t.test("files of ours go by their signed address, as Twilio's SDK sends one", async (t) => {
  const server = await startTwilio(t)
  const url = 'https://s3.example/messages/1?X-Amz-Signature=1'
  await sdkClient(server.url).messages.create({
    to: '+14155550100',
    from: '+15017122661',
    body: 'Hello',
    mediaUrl: [url],
  })
  const change = {
    contentType: 'image' as const,
    mediaUrl: 'https://elsewhere.example/1.png',
    files: [ourFile(png, { url })],
  }
  t.match(await send(server, change, smsAccount, { publicUrl: null }), { outcome: 'sent' })
  t.same(server.seen[1], server.seen[0])
})

t.test(
  'a file that the internet does not reach is refused, and it is said what helps',
  async (t) => {
    const server = await startTwilio(t)
    const outcome = await send(server, { contentType: 'image', files: [ourFile(png)] })
    t.match(outcome, {
      outcome: 'not_sent',
      retryable: false,
      errorCode: 'media_unreachable',
      errorMessage: /set PIGEONPOST_PUBLIC_URL, or store files in S3/,
    })
    t.same(server.seen, [])
  },
)
