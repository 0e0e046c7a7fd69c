import { createHash } from 'node:crypto'
import t from 'tap'
import twilioSdk from 'twilio'
import { twilio } from '../../../../adapters/channels/twilio/index.ts'
import { smsPeer, whatsappPeer } from './peer.ts'
import { authToken, sms, smsAccount, webhook, webhookUrl, whatsapp } from './support.ts'

type Values = Record<string, unknown>

/** Twilio's side, by its SDK. */
function signature(url: string, values: Values, token = authToken): string {
  return twilioSdk.getExpectedTwilioSignature(token, url, values)
}

function isTaken(
  body: string | Buffer | Record<string, string>,
  given: string,
  url = webhookUrl,
  settings: Record<string, unknown> = {},
): boolean {
  const account = { ...smsAccount, settings: { ...smsAccount.settings, ...settings } }
  return twilio.verify(webhook(body, { url, headers: { 'x-twilio-signature': given } }), account)
}

t.test("a form that Twilio's SDK signs is taken", async (t) => {
  for (const fields of [
    sms,
    whatsapp,
    { ...sms, Body: 'é ü 漢字 👋 \r\n\t ' },
    { ...sms, Extra: '' },
  ]) {
    t.equal(isTaken(fields, signature(webhookUrl, fields)), true)
  }
  const url = `${webhookUrl}?attempt=0193a1b2-1111-7000-8000-000000000001`
  t.equal(isTaken(sms, signature(url, sms), url), true, 'with a query string')
  t.equal(isTaken(sms, signature(url, sms)), false, 'that is part of what is signed')
})

t.test('a signature that openssl computed over the written-out string is taken', async (t) => {
  // openssl dgst -sha1 -hmac 12345 -binary | base64, of the URL and CallSidCA1234567890ABCDECaller+14158675309…
  const url = 'https://example.com/myapp.php?foo=1&bar=2'
  const fields = {
    CallSid: 'CA1234567890ABCDE',
    Caller: '+14158675309',
    Digits: '1234',
    From: '+14158675309',
    To: '+18005551212',
  }
  const account = { ...smsAccount, secret: '12345' }
  const given = '9pyy2ZSJda9ihJ1NNXPXtY4oV2Y='
  t.equal(
    twilio.verify(webhook(fields, { url, headers: { 'x-twilio-signature': given } }), account),
    true,
  )
})

t.test('anything that was changed, or signed with another token, is refused', async (t) => {
  const good = signature(webhookUrl, sms)
  t.equal(isTaken({ ...sms, Body: 'Send money' }, good), false)
  t.equal(isTaken({ ...sms, Added: 'field' }, good), false)
  t.equal(isTaken({ ...sms, body: 'Hello' }, good), false)
  t.equal(isTaken(sms, good, webhookUrl.replace('0001', '0002')), false, 'another account')
  t.equal(isTaken(sms, signature(webhookUrl, sms, 'another token')), false)
  t.equal(isTaken(sms, good.slice(1)), false)
  t.equal(isTaken(sms, good.toLowerCase()), false)
  t.equal(isTaken(sms, ''), false)
  t.equal(isTaken('', good), false)
})

t.test('without a signature, or without a token to check it by, nothing is taken', async (t) => {
  t.equal(twilio.verify(webhook(sms), smsAccount), false)
  const headers = { 'x-twilio-signature': signature(webhookUrl, sms) }
  t.equal(twilio.verify(webhook(sms, { headers }), { ...smsAccount, secret: null }), false)
  const other = JSON.stringify({ api_key_secret: authToken })
  t.equal(twilio.verify(webhook(sms, { headers }), { ...smsAccount, secret: other }), false)
  const empty = { 'x-twilio-signature': signature(webhookUrl, sms, '') }
  t.equal(twilio.verify(webhook(sms, { headers: empty }), { ...smsAccount, secret: '' }), false)
  t.equal(
    twilio.verify(webhook(sms, { headers }), { ...smsAccount, secret: authToken }),
    true,
    'a plain secret is the token',
  )
})

t.test('a field that comes twice is signed as the SDK signs an array', async (t) => {
  const body = 'To=b&To=a&To=b&From=%2B1&a=1'
  const given = signature(webhookUrl, { To: ['b', 'a', 'b'], From: '+1', a: '1' })
  t.equal(isTaken(body, given), true)
  t.equal(isTaken('To=a&To=b&From=%2B1&a=1', given), true, 'in any order')
  t.equal(isTaken('To=a&From=%2B1&a=1', given), false)
})

t.test('the standard port may be signed or not, whichever way the URL comes', async (t) => {
  const [bare, withPort] = ['https://a.example/x?b=c', 'https://a.example:443/x?b=c']
  for (const signed of [bare, withPort]) {
    for (const seen of [bare, withPort]) {
      t.equal(isTaken(sms, signature(signed, sms), seen), true, `${signed} seen as ${seen}`)
    }
  }
  const [http, http80] = ['http://a.example/x', 'http://a.example:80/x']
  t.equal(isTaken(sms, signature(http80, sms), http), true)
  t.equal(isTaken(sms, signature(http, sms), 'http://a.example:8080/x'), true, 'as in the SDK')
  t.equal(
    isTaken(sms, signature('https://a.example:8443/x', sms), 'https://a.example:8443/x'),
    true,
  )
  t.equal(isTaken(sms, signature('https://a.example:8443/x', sms), 'https://a.example/x'), false)
})

t.test("what Twilio's SDK accepts of a URL, and what it does not, is the same here", async (t) => {
  const urls = [
    'https://a.example/x',
    'https://a.example:443/x',
    'https://a.example:8443/x?y=1',
    'https://user:pass@a.example/x?y=1',
    'https://user:pa:ss@a.example:443/x',
    'https://[2001:db8::1]/x',
    'https://[2001:db8::1]:443/x',
    "https://a.example/x?name=O'Brien&y=a b",
    'https://a.example/x?name=O%27Brien&y=a%20b',
    'https://a.example/x?name=O%27Brien&y=a+b',
    'https://a.example/%7Euser/x?q=[1]',
    'https://a.example/~user/x?q=%5B1%5D',
    'https://a.example/x?y=a+b',
    'https://a.example/x?y=a%20b',
    'https://a.example/x?y=%7Ea',
    'https://a.example/x?y=~a',
    'https://A.example/x',
    'https://a.example',
    'https://a.example/',
    'https://a.example?y=1',
    'http://a.example/x',
    'https://a.example/x?',
    'https://a.example/x?y=1&y=2&z',
  ]
  let taken = 0
  for (const signed of urls) {
    for (const seen of urls) {
      const given = signature(signed, sms)
      const expected = twilioSdk.validateRequest(authToken, given, seen, sms)
      taken += Number(expected)
      t.equal(isTaken(sms, given, seen), expected, `${signed} seen as ${seen}`)
    }
  }
  t.ok(taken > urls.length, 'some are taken in another spelling')
})

t.test('a JSON body is covered by the hash in its URL', async (t) => {
  const body = '{"type":"com.twilio.messaging.message.sent","data":{"body":"héllo"}}'
  const hash = createHash('sha256').update(body).digest('hex')
  t.equal(twilioSdk.validateBody(body, hash), true)
  const url = `${webhookUrl}?bodySHA256=${hash}`
  const given = signature(url, {})
  const json = { 'content-type': 'application/json', 'x-twilio-signature': given }
  t.equal(twilio.verify(webhook(body, { url, headers: json }), smsAccount), true)
  t.equal(twilioSdk.validateRequestWithBody(authToken, given, url, body), true)
  t.equal(twilio.verify(webhook(`${body} `, { url, headers: json }), smsAccount), false)
  const other = url.replace(hash, createHash('sha256').update('{}').digest('hex'))
  t.equal(twilio.verify(webhook('{}', { url: other, headers: json }), smsAccount), false)
  const short = `${webhookUrl}?bodySHA256=`
  const shortly = { ...json, 'x-twilio-signature': signature(short, {}) }
  t.equal(twilio.verify(webhook('', { url: short, headers: shortly }), smsAccount), false)
})

t.test('a proxy that changes scheme, host or path is named by webhook_url', async (t) => {
  const path = `/api/webhooks/twilio/${smsAccount.accountId}`
  const seen = `http://10.0.0.7:8080${path}?attempt=x`
  const signed = `https://hooks.example${path}?attempt=x`
  t.equal(isTaken(sms, signature(signed, sms), seen), false)
  for (const webhook_url of [
    'https://hooks.example',
    'https://hooks.example/',
    'https://hooks.example:443',
  ]) {
    t.equal(isTaken(sms, signature(signed, sms), seen, { webhook_url }), true, webhook_url)
  }
  const mounted = `https://hooks.example/pigeonpost${path}?attempt=x`
  t.equal(
    isTaken(sms, signature(mounted, sms), seen, {
      webhook_url: `https://hooks.example/pigeonpost${path}`,
    }),
    true,
    'with its path',
  )
  t.equal(isTaken(sms, signature(seen, sms), seen, { webhook_url: 'https://hooks.example' }), true)
  for (const webhook_url of ['nonsense', 5, null, '', 'https://other.example']) {
    t.equal(isTaken(sms, signature(signed, sms), seen, { webhook_url }), false)
  }
})

t.test('a webhook by GET is signed by its URL alone', async (t) => {
  const url = `${webhookUrl}?${new URLSearchParams(sms).toString()}`
  t.equal(isTaken('', signature(url, {}), url), true)
  t.equal(isTaken('Body=More', signature(url, {}), url), false)
})

t.test("the conformance suite's peers sign what is taken", async (t) => {
  for (const peer of [smsPeer, whatsappPeer]) {
    const account = { ...smsAccount, ...peer.account }
    const plain = peer.text({ id: peer.id(1), from: peer.person(1), body: 'Hi', at: new Date() })
    const { headers, body } = peer.sign(plain, webhookUrl)
    t.equal(twilio.verify(webhook(body, { headers }), account), true)
    const receipt = peer.receipt?.({
      id: peer.id(1),
      to: peer.person(1),
      status: 'delivered',
      at: new Date(),
      reference: '0193a1b2-1111-7000-8000-000000000001',
    })
    if (!receipt) return t.fail('no receipt')
    const url = webhookUrl + (receipt.query ?? '')
    const signed = peer.sign(receipt, url)
    t.equal(twilio.verify(webhook(signed.body, { url, headers: signed.headers }), account), true)
  }
})

t.test('garbage is refused and nothing is thrown', async (t) => {
  for (const url of [
    '',
    '?',
    '/only/a/path?x=%',
    'https://',
    'https://[',
    '://',
    'https://a:b:c:99999999/?%%%',
    '\ud800',
  ]) {
    t.equal(isTaken(sms, 'x', url), false, url)
    t.equal(isTaken(sms, 'x', url, { webhook_url: url }), false, url)
  }
  for (const body of [
    Buffer.from([0xff, 0xfe, 0, 0x25]),
    '%',
    '%zz=%',
    '=',
    '&&&',
    '__proto__=1&__proto__=2',
  ]) {
    t.equal(isTaken(body, 'x'), false)
  }
  t.equal(isTaken(sms, '\u{1f600}'.repeat(7)), false)
})
