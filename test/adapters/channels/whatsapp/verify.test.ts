import { createHmac } from 'node:crypto'
import { sign } from '@octokit/webhooks-methods'
import t from 'tap'
import type { WebhookRequest } from '../../../../adapters/channels/channel.ts'
import { whatsapp } from '../../../../adapters/channels/whatsapp/index.ts'
import { account, kinds, messages, post, secrets } from './samples.ts'

/** GitHub signs as Meta does, and its own library knows nothing of ours. */
async function signed(request: WebhookRequest, secret = secrets.app_secret) {
  const signature = await sign(secret, request.body.toString())
  return { ...request, headers: { ...request.headers, 'x-hub-signature-256': signature } }
}

function get(query: Record<string, string>): WebhookRequest {
  return { ...post(''), method: 'GET', query }
}

const subscription = {
  'hub.mode': 'subscribe',
  'hub.verify_token': secrets.verify_token,
  'hub.challenge': '1158201444',
}

t.test('a signature over the exact bytes is taken, and no other', async (t) => {
  const request = await signed(post(messages([kinds['text'] ?? {}])))
  t.equal(whatsapp.verify(request, account), true)
  const spaced = { ...request, body: Buffer.concat([request.body, Buffer.from('\n')]) }
  t.equal(whatsapp.verify(spaced, account), false)
  t.equal(whatsapp.verify(await signed(request, 'another secret'), account), false)
  t.equal(whatsapp.verify(post(messages([])), account), false)
})

t.test('a body that is not ASCII is signed as its bytes', async (t) => {
  const request = await signed(post('{"emoji": "👍", "text": "Grüße"}'))
  t.equal(whatsapp.verify(request, account), true)
})

t.test('what is no signature is refused, and nothing is thrown', async (t) => {
  const request = await signed(post('{}'))
  const given = request.headers['x-hub-signature-256'] ?? ''
  const wrong = ['', 'sha256=', 'sha1=abc', given.slice(7), given.slice(0, -1), `${given}00`]
  for (const signature of [...wrong, given.toUpperCase(), '\u{1f44d}'.repeat(1000)]) {
    const headers = { 'x-hub-signature-256': signature }
    t.equal(whatsapp.verify({ ...request, headers }, account), false, signature.slice(0, 80))
  }
})

t.test('an account without the secret lets nothing in', async (t) => {
  const hmac = createHmac('sha256', '').update('{}').digest('hex')
  const request = { ...post('{}'), headers: { 'x-hub-signature-256': `sha256=${hmac}` } }
  for (const secret of [
    null,
    'just-a-token',
    '{}',
    '{"app_secret": ""}',
    '[]',
    '{"app_secret": 5}',
  ]) {
    t.equal(whatsapp.verify(request, { ...account, secret }), false, String(secret))
    const query = { ...subscription, 'hub.verify_token': '' }
    t.equal(whatsapp.verify(get(query), { ...account, secret }), false, `GET ${secret}`)
  }
})

t.test("Meta's check of a new webhook is answered with its challenge", async (t) => {
  const request = get(subscription)
  t.equal(whatsapp.verify(request, account), true)
  t.same(whatsapp.handshake?.(request, account), {
    status: 200,
    contentType: 'text/plain',
    body: '1158201444',
  })
})

t.test('a check with another token, or none, is refused', async (t) => {
  for (const token of ['verify-m', 'verify-mee', 'VERIFY-ME', '']) {
    t.equal(whatsapp.verify(get({ ...subscription, 'hub.verify_token': token }), account), false)
  }
  t.equal(whatsapp.verify(get({ 'hub.mode': 'subscribe' }), account), false)
})

t.test('the token of a check is no signature, and a signature no token', async (t) => {
  t.equal(whatsapp.verify({ ...post('{}'), query: subscription }, account), false)
  t.equal(whatsapp.verify({ ...(await signed(post('{}'))), method: 'GET' }, account), false)
})

t.test('only a check is answered', async (t) => {
  t.equal(whatsapp.handshake?.(post('{}'), account), null)
  t.equal(whatsapp.handshake?.({ ...post('{}'), query: subscription }, account), null)
  t.equal(whatsapp.handshake?.(get({ ...subscription, 'hub.mode': 'unsubscribe' }), account), null)
})
