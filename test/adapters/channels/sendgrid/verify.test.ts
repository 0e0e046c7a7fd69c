import { createRequire } from 'node:module'
import t from 'tap'
import { EventWebhook } from '@sendgrid/eventwebhook'
import type { Received, WebhookRequest } from '../../../../adapters/channels/channel.ts'
import { sendgrid } from '../../../../adapters/channels/sendgrid/index.ts'
import type { PeerRequest } from '../../../support/peer.ts'
import { account as peerAccount, events, parsed, publicKey, signed } from './peer.ts'

const at = new Date('2024-11-01T14:00:00Z')
const account = { tenantId: 1, accountId: 'a', ...peerAccount }

function asRequest(
  { headers, body }: PeerRequest,
  query: Record<string, string> = {},
): WebhookRequest {
  return {
    method: 'POST',
    url: '/',
    path: '/',
    query,
    receivedAt: new Date(),
    headers,
    body: Buffer.from(body),
  }
}

async function receive(request: PeerRequest): Promise<Received> {
  return sendgrid.receive(asRequest(request), null)
}

const verify = (request: PeerRequest, query: Record<string, string> = {}, change: object = {}) =>
  sendgrid.verify(asRequest(request, query), { ...account, ...change })

const delivered = events({ event: 'delivered', timestamp: 1730469600, sg_message_id: 'abc.def' })
const what = { id: 'm1@example.com', from: 'ann@example.com', at }
const mail = parsed(what, 'Hello')

t.test("SendGrid's own library and we agree on a signature", async (t) => {
  const sdk = new EventWebhook()
  const ours = signed(delivered)
  const [signature = '', timestamp = ''] = Object.values(ours.headers).slice(1)
  t.ok(
    sdk.verifySignature(
      sdk.convertPublicKeyToECDSA(publicKey),
      Buffer.from(ours.body),
      signature,
      timestamp,
    ),
  )

  // What it is built on signs as well; its key comes as PEM.
  const inside = createRequire(import.meta.resolve('@sendgrid/eventwebhook'))
  const { Ecdsa, PrivateKey } = inside('starkbank-ecdsa')
  const theirs = new PrivateKey(inside('starkbank-ecdsa/ellipticcurve/curve').p256)
  const headers = {
    ...delivered.headers,
    'x-twilio-email-event-webhook-signature': Ecdsa.sign(
      `1730469600${String(delivered.body)}`,
      theirs,
    ).toBase64() as string,
    'x-twilio-email-event-webhook-timestamp': '1730469600',
  }
  const settings = { webhook_public_key: theirs.publicKey().toPem() as string }
  t.equal(verify({ ...delivered, headers }, {}, { settings }), true)
  t.equal(verify({ ...delivered, headers }), false, 'with another key')
})

t.test('the published example of a signed event is accepted', async (t) => {
  // From the tests of @sendgrid/eventwebhook.
  const body = `${JSON.stringify([
    {
      email: 'hello@world.com',
      event: 'dropped',
      reason: 'Bounced Address',
      sg_event_id: 'ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA',
      sg_message_id: 'LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0',
      'smtp-id': '<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>',
      timestamp: 1600112492,
    },
  ])}\r\n`
  const key =
    'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=='
  const headers = {
    'content-type': 'application/json',
    'x-twilio-email-event-webhook-signature':
      'MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=',
    'x-twilio-email-event-webhook-timestamp': '1600112502',
  }
  const settings = { webhook_public_key: ['', publicKey, key] }
  t.equal(verify({ headers, body }, {}, { settings }), true)
  t.equal(verify({ headers, body: body.trimEnd() }, {}, { settings }), false, 'the CRLF counts')
  t.same((await receive({ headers, body })).updates, [
    {
      externalMessageId: 'LRzXl_NHStOGhQ4kofSm_A',
      update: {
        kind: 'receipt',
        status: 'failed',
        at: '2020-09-14T19:41:32.000Z',
        recipient: 'hello@world.com',
        error_code: 'dropped',
        error_message: 'Bounced Address',
      },
    },
  ])
})

t.test('events are refused without the signature of the configured key', async (t) => {
  t.equal(verify(signed(delivered)), true)
  t.equal(verify(delivered), false)
  t.equal(verify(delivered, { token: 'let-me-in' }), false, 'the token is for mails')
  t.equal(verify(signed(delivered), {}, { settings: {} }), false, 'no key')
  t.equal(verify({ ...signed(delivered), body: '[]' }), false)
  const headers = signed(delivered).headers
  t.equal(
    verify({
      ...delivered,
      headers: { ...headers, 'x-twilio-email-event-webhook-timestamp': '1' },
    }),
    false,
  )
  for (const garbage of ['', 'x', '\u0000', 'MEUCIQ==', '===', 'a'.repeat(10_000)]) {
    t.equal(
      verify({
        ...delivered,
        headers: { ...headers, 'x-twilio-email-event-webhook-signature': garbage },
      }),
      false,
    )
    t.equal(verify(signed(delivered), {}, { settings: { webhook_public_key: garbage } }), false)
    t.equal(verify(signed(delivered), {}, { settings: { webhook_public_key: { garbage } } }), false)
  }
})

t.test('a mail is let in by its signature or by the token in its URL', async (t) => {
  t.equal(verify(mail, { token: 'let-me-in' }), true)
  t.equal(verify(signed(mail)), true)
  t.equal(verify(mail), false)
  t.equal(verify(mail, { token: 'let-me-out' }), false)
  t.equal(verify(mail, { token: '' }, { secret: JSON.stringify({ inbound_token: '' }) }), false)
  t.equal(verify(mail, { token: 'x' }, { secret: null }), false)
  t.equal(verify({ ...mail, headers: signed(delivered).headers }, { token: 'let-me-in' }), false)
})
