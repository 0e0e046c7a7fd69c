import t from 'tap'
import { outbound, startApi } from './outbound.ts'

function graphError(code: unknown, beside: object = {}): string {
  const details = 'The details.'
  const error_data = { messaging_product: 'whatsapp', details }
  const message = `(#${String(code)}) What it is`
  return JSON.stringify({
    error: { message, type: 'OAuthException', code, error_data, fbtrace_id: 'A', ...beside },
  })
}

const disconnect = { outcome: 'not_sent', retryable: false, account: 'disconnect' }
const final = { outcome: 'not_sent', retryable: false, account: undefined }
const retry = { outcome: 'not_sent', retryable: true }
const rate = { ...retry, errorCode: 'rate_limited' }

const meanings: [code: number, status: number, outcome: object][] = [
  ...[0, 190].map((code): [number, number, object] => [code, 401, disconnect]),
  ...[10, 200, 294, 299, 131005, 131031, 368].map((code): [number, number, object] => [
    code,
    403,
    disconnect,
  ]),
  ...[33, 131037, 131042, 133010].map((code): [number, number, object] => [code, 400, disconnect]),
  [3, 500, disconnect],
  [131045, 500, disconnect],
  ...[4, 80007, 130429, 131048, 133016].map((code): [number, number, object] => [code, 400, rate]),
  [130429, 429, rate],
  [131056, 400, { ...rate, retryAfterMs: 6_000 }],
  [131048, 400, { ...rate, retryAfterMs: 3_600_000 }],
  [1, 400, { ...retry, errorCode: '1' }],
  [2, 503, { ...retry, errorCode: '2' }],
  [131000, 500, { ...retry, errorCode: '131000' }],
  [131016, 500, retry],
  [131057, 500, retry],
  ...[100, 131008, 131009, 131021, 131026, 131030, 131047, 131049, 131050, 131051, 131053].map(
    (code): [number, number, object] => [code, 400, { ...final, errorCode: String(code) }],
  ),
  ...[130472, 130497, 131020, 131041, 131062, 131207, 132000, 132001, 132015, 132069].map(
    (code): [number, number, object] => [code, 400, final],
  ),
  // Some of the final ones come with a status that by itself would be retried.
  [131021, 500, final],
  [131051, 500, final],
  // Not in the table.
  [135999, 400, { ...final, errorCode: '135999' }],
  [135999, 401, disconnect],
  [135999, 500, { ...retry, errorCode: '500' }],
  [135999, 502, { outcome: 'ambiguous' }],
]

t.test("Meta's codes say whether to try again, give up or disconnect the account", async (t) => {
  for (const [code, status, expected] of meanings) {
    const { send } = await startApi(t, { status, body: graphError(code) })
    t.match(await send(outbound()), expected, `${code} with HTTP ${status}`)
  }
})

t.test('the message of a failure is what Meta says, with the details', async (t) => {
  const { send } = await startApi(t, { status: 400, body: graphError(131047) })
  t.match(await send(outbound()), { errorMessage: '(#131047) What it is: The details.' })
  const limited = await startApi(t, { status: 400, body: graphError(130429) })
  t.match(await limited.send(outbound()), {
    errorMessage: '130429: (#130429) What it is: The details.',
  })
})

t.test('a Retry-After stands before the wait of the code', async (t) => {
  const headers = { 'retry-after': '30' }
  const { send } = await startApi(t, { status: 400, headers, body: graphError(131056) })
  t.match(await send(outbound()), { ...rate, retryAfterMs: 30_000 })
})

t.test('an unknown error that is transient is tried again, but not a proxy’s', async (t) => {
  const body = graphError(135999, { is_transient: true })
  const transient = await startApi(t, { status: 400, body })
  t.match(await transient.send(outbound()), { ...retry, errorCode: '135999' })
  const proxied = await startApi(t, { status: 504, body })
  t.match(await proxied.send(outbound()), { outcome: 'ambiguous' })
})

t.test('an answer that is no error of Meta’s is judged by its status', async (t) => {
  const cases: [status: number, body: string, outcome: object][] = [
    [401, '<html>', disconnect],
    [400, '<html>', { ...final, errorCode: '400' }],
    [400, '{"error": {"code": null}}', { ...final, errorCode: '400' }],
    [400, '{"error": "no"}', { ...final, errorCode: '400' }],
    [429, '', { ...retry, errorCode: 'rate_limited' }],
    [503, '', retry],
    [502, '', { outcome: 'ambiguous' }],
    [200, '{}', { outcome: 'ambiguous', errorCode: 'answer_unreadable' }],
    [200, '{"messages": []}', { outcome: 'ambiguous' }],
    [200, '{"messages": [{"id": ""}]}', { outcome: 'ambiguous' }],
    [200, 'null', { outcome: 'ambiguous' }],
  ]
  for (const [status, body, expected] of cases) {
    const { send } = await startApi(t, { status, body })
    t.match(await send(outbound()), expected, `${status} ${body}`)
  }
})
