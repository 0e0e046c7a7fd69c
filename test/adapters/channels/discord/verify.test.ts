import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { verifyKey } from 'discord-interactions'
import t from 'tap'
import type { ChannelAccount, WebhookRequest } from '../../../../adapters/channels/channel.ts'
import { discord } from '../../../../adapters/channels/discord/index.ts'
import { discordPeer, keys, publicKey } from './peer.ts'

const account: ChannelAccount = {
  tenantId: 1,
  accountId: '0193a1b2-0000-7000-8000-000000000001',
  ...discordPeer.account,
}

function request(body: string | Buffer, headers: Record<string, string>): WebhookRequest {
  const path = '/api/webhooks/discord/1'
  const url = `https://example.com${path}`
  return {
    method: 'POST',
    url,
    path,
    query: {},
    receivedAt: new Date(),
    headers,
    body: Buffer.from(body),
  }
}

/** As Discord signs: the timestamp's characters, then the body's bytes. */
function signed(body: string, timestamp = '1733768400', key: KeyObject = keys.privateKey) {
  const signature = sign(null, Buffer.from(timestamp + body), key).toString('hex')
  return request(body, { 'x-signature-ed25519': signature, 'x-signature-timestamp': timestamp })
}

const ping = JSON.stringify({ id: '1', type: 1, application_id: '2', token: 'a', version: 1 })

t.test('a signature is judged as discord-interactions judges it', async (t) => {
  const good = signed(ping)
  const signature = good.headers['x-signature-ed25519'] ?? ''
  const other = generateKeyPairSync('ed25519').privateKey
  const cases: [title: string, WebhookRequest][] = [
    ['good', good],
    ['good, with a body that is not ASCII', signed('{"type":2,"a":"é😀"}')],
    ['another body', { ...good, body: Buffer.from(`${ping} `) }],
    ['an empty body', { ...good, body: Buffer.alloc(0) }],
    ["another's key", signed(ping, '1733768400', other)],
    ['another time', request(ping, { ...good.headers, 'x-signature-timestamp': '1733768401' })],
    ['no time', request(ping, { 'x-signature-ed25519': signature })],
    [
      'a cut signature',
      request(ping, { ...good.headers, 'x-signature-ed25519': signature.slice(2) }),
    ],
    [
      'a longer signature',
      request(ping, { ...good.headers, 'x-signature-ed25519': `${signature}00` }),
    ],
    ['no hex', request(ping, { ...good.headers, 'x-signature-ed25519': 'é'.repeat(128) })],
    ['an empty signature', request(ping, { ...good.headers, 'x-signature-ed25519': '' })],
  ]
  for (const [title, asked] of cases) {
    const theirs = await verifyKey(
      asked.body,
      asked.headers['x-signature-ed25519'] ?? '',
      asked.headers['x-signature-timestamp'] ?? '',
      publicKey,
    ).catch(() => false)
    t.equal(discord.verify(asked, account), theirs, title)
    t.equal(theirs, title.startsWith('good'), title)
  }
  for (const public_key of [undefined, '', 'abc', 'z'.repeat(64), 12, `${publicKey}00`]) {
    t.equal(discord.verify(good, { ...account, settings: { public_key } }), false)
  }
})

t.test(
  "the bridge's token lets its events in, and a wrong signature is not mended by it",
  async (t) => {
    const token = 'bridge-token-of-the-test'
    const body = '{"t":"READY","d":{}}'
    const cases: [headers: Record<string, string>, good: boolean][] = [
      [{ 'x-pigeonpost-token': token }, true],
      [{ authorization: `Bearer ${token}` }, true],
      [{ authorization: token }, false],
      [{ 'x-pigeonpost-token': `${token}x` }, false],
      [{ 'x-pigeonpost-token': '' }, false],
      [{ authorization: 'Bearer ' }, false],
      [{}, false],
      [{ 'x-pigeonpost-token': token, 'x-signature-ed25519': 'ab' }, false],
    ]
    for (const [headers, good] of cases) {
      t.equal(discord.verify(request(body, headers), account), good, JSON.stringify(headers))
    }
    const withoutOne = { ...account, secret: 'only-a-bot-token' }
    t.equal(discord.verify(request(body, { 'x-pigeonpost-token': '' }), withoutOne), false)
  },
)

t.test('a ping is answered in the handshake, and every interaction in its own way', async (t) => {
  t.match(discord.handshake?.(signed(ping), account), {
    status: 200,
    contentType: 'application/json',
    body: '{"type":1}',
  })
  t.equal(discord.handshake?.(signed('{"type":2}'), account), null)
  t.equal(discord.handshake?.(request('{"type":1}', {}), account), null, 'a bridge does not ping')
  const say = (body: string): unknown => JSON.parse(discord.answer?.(signed(body)).body ?? '')
  for (const type of [2, 5]) {
    const expected = { type: 4, data: { content: 'Received, thank you.', flags: 64 } }
    t.same(say(JSON.stringify({ type })), expected, 'seen by that person alone')
  }
  t.same(say('{"type":3}'), { type: 6 }, 'the button stops waiting')
  t.same(say('{"type":4}'), { type: 8, data: { choices: [] } })
  t.equal(discord.answer?.(request('{"t":"READY"}', {})).body, '{}')
})
