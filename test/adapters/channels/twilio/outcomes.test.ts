import t from 'tap'
import type { ChannelAccount, SendOutcome } from '../../../../adapters/channels/channel.ts'
import { waitFor } from '../../../support/wait.ts'
import { send } from './sending.ts'
import { created, startTwilio, type TwilioServer } from './server.ts'
import { smsAccount } from './support.ts'

/** After the error bodies of twilio.com/docs/usage/twilios-response. */
async function refused(
  server: TwilioServer,
  status: number,
  code: number,
  {
    account = smsAccount,
    headers = {},
  }: { account?: ChannelAccount; headers?: Record<string, string> } = {},
): Promise<SendOutcome> {
  const body = JSON.stringify({
    code,
    message: `Words of Twilio about ${code}`,
    more_info: `https://www.twilio.com/docs/errors/${code}`,
    status,
  })
  server.answer = { status, body, headers }
  return send(server, {}, account)
}

t.test("Twilio's codes are final, retryable or the account's", async (t) => {
  const server = await startTwilio(t)
  for (const code of [
    21211, 21408, 21606, 21608, 21610, 21612, 21614, 21617, 63016, 63024, 99999,
  ]) {
    t.same(await refused(server, 400, code), {
      outcome: 'not_sent',
      retryable: false,
      errorCode: String(code),
      errorMessage: `Words of Twilio about ${code}`,
    })
  }
  for (const [status, code] of [
    [401, 20003],
    [403, 20003],
    [403, 20005],
    [404, 20404],
    [400, 21609],
    [400, 30002],
    [400, 63007],
    [400, 21659],
    [400, 21660],
  ] as const) {
    t.match(await refused(server, status, code), {
      outcome: 'not_sent',
      retryable: false,
      errorCode: String(code),
      account: 'disconnect',
    })
  }
  for (const [status, code] of [
    [429, 20429],
    [400, 63018],
    [400, 14107],
    [400, 30001],
    [429, 21611],
    [429, 63038],
  ] as const) {
    t.match(await refused(server, status, code), {
      outcome: 'not_sent',
      retryable: true,
      errorCode: 'rate_limited',
      errorMessage: new RegExp(`^${code}: Words`),
      account: undefined,
    })
  }
})

t.test('a short code that is strange to one country costs one message', async (t) => {
  const server = await startTwilio(t)
  const account = { ...smsAccount, address: '32665' }
  const outcome = await refused(server, 400, 21659, { account })
  t.match(outcome, { outcome: 'not_sent', retryable: false, errorCode: '21659' })
  t.notOk('account' in outcome)
})

t.test('a limit is waited out for as long as Twilio says, and as its code takes', async (t) => {
  const server = await startTwilio(t)
  const retryAfter = { 'retry-after': '7' }
  t.match(await refused(server, 429, 20429, { headers: retryAfter }), { retryAfterMs: 7_000 })
  t.match(await refused(server, 400, 14107, { headers: retryAfter }), { retryAfterMs: 30_000 })
  t.match(await refused(server, 400, 14107, { headers: { 'retry-after': '70' } }), {
    retryAfterMs: 70_000,
  })
  t.notOk('retryAfterMs' in (await refused(server, 429, 20429)))
})

t.test('answers that say less are taken by their status', async (t) => {
  const server = await startTwilio(t)
  const outcomes: [number, string, object][] = [
    [
      401,
      'Unauthorized',
      { outcome: 'not_sent', retryable: false, errorCode: '401', account: 'disconnect' },
    ],
    [400, 'Bad', { outcome: 'not_sent', retryable: false, errorCode: '400', account: undefined }],
    [429, '{}', { outcome: 'not_sent', retryable: true, errorCode: 'rate_limited' }],
    [429, '{"code":99998}', { outcome: 'not_sent', retryable: true, errorCode: 'rate_limited' }],
    [500, '{"code":20500}', { outcome: 'not_sent', retryable: true, errorCode: '500' }],
    [503, '', { outcome: 'not_sent', retryable: true, errorCode: '503' }],
    [502, '', { outcome: 'ambiguous', errorCode: '502' }],
    [504, '{"code":20504}', { outcome: 'ambiguous', errorCode: '504' }],
    [201, '{"sid":null}', { outcome: 'ambiguous', errorCode: 'answer_unreadable' }],
    [201, 'not JSON', { outcome: 'ambiguous', errorCode: 'answer_unreadable' }],
  ]
  for (const [status, body, expected] of outcomes) {
    server.answer = { status, body }
    t.match(await send(server), expected, `${status} ${body}`)
  }
  server.answer = { ...created, status: 200 }
  t.match(await send(server), { outcome: 'sent' }, '200 with an id')
})

t.test('no answer in time leaves a doubt, no connection none', async (t) => {
  const server = await startTwilio(t)
  server.answer = 'hang'
  const stopping = new AbortController()
  const sending = send(server, {}, smsAccount, { signal: stopping.signal })
  await waitFor(() => server.seen.length > 0, { what: 'the request' })
  stopping.abort()
  t.match(await sending, { outcome: 'ambiguous', errorCode: 'timeout' })
  const closed = await startTwilio({ teardown: () => {} })
  await closed.close()
  t.match(await send(closed), {
    outcome: 'not_sent',
    retryable: true,
    errorCode: 'connection_failed',
  })
})
