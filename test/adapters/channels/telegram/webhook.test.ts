import { Bot, webhookCallback } from 'grammy'
import t from 'tap'
import { UnreadablePayload } from '../../../../adapters/channels/channel.ts'
import { telegram } from '../../../../adapters/channels/telegram/index.ts'
import { receive as readUpdate } from '../../../../adapters/channels/telegram/receive.ts'
import { mutateBytes, mutateJson, random } from '../../../support/mutate-json.ts'
import type { Peer } from '../../../support/peer.ts'
import { telegramPeer } from './peer.ts'
import { account, ann, base, direct, kinds, webhook } from './samples.ts'

const peer: Peer = telegramPeer

t.test('whatever comes is read or unreadable, and never anything else', async (t) => {
  const next = random(20241209)
  const at = new Date('2024-12-09T18:20:00Z')
  const what = {
    id: peer.id(1),
    from: peer.person(1),
    at,
    body: 'Hello',
    caption: 'Hi',
    emoji: '👍',
  }
  const samples = [
    ...kinds.map(([, content]) => ({ update_id: 1, message: { ...base, ...content } })),
    { update_id: 1, business_message: { ...base, text: 'x', reply_to_message: base } },
    { update_id: 1, callback_query: { id: 'a', from: ann, message: base, data: 'b' } },
    {
      update_id: 1,
      deleted_business_messages: { business_connection_id: 'B', chat: direct, message_ids: [1] },
    },
    ...[peer.text, peer.edit, peer.reaction].map((make): unknown =>
      JSON.parse(String(make?.(what).body)),
    ),
  ]
  const seen = { read: 0, unreadable: 0 }
  for (let i = 0; i < 6000; i++) {
    const sample = mutateJson(samples[i % samples.length], next)
    const bytes = Buffer.from(JSON.stringify(sample))
    const request = webhook(i % 10 === 0 ? mutateBytes(bytes, next) : bytes)
    try {
      telegram.answer?.(request)
      const { messages } = readUpdate(request, account)
      JSON.stringify(messages)
      seen.read += 1
    } catch (error) {
      if (!(error instanceof UnreadablePayload)) throw error
      seen.unreadable += 1
    }
  }
  t.ok(seen.read > 1000 && seen.unreadable > 1000, JSON.stringify(seen))
})

t.test("a webhook is let in as grammY's webhookCallback lets it in", async (t) => {
  const botInfo = { id: 1, is_bot: true, first_name: 'b', username: 'b_bot' }
  const bot = new Bot('1:a', { botInfo: botInfo as never })
  const secretToken = 'a_Webhook-token'
  const handle = webhookCallback(bot, 'std/http', { secretToken })
  for (const given of [secretToken, 'a_Webhook-toke', 'wrong', '', undefined]) {
    const headers: Record<string, string> =
      given === undefined ? {} : { 'x-telegram-bot-api-secret-token': given }
    const body = JSON.stringify({ update_id: 1, poll: {} })
    const answer = await handle(
      new Request('http://127.0.0.1/', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body,
      }),
    )
    const ours = telegram.verify(webhook({}, headers), account)
    t.equal(ours, answer.status === 200, `secret ${given}`)
    t.equal(ours, given === secretToken)
  }
  const withoutOne = { ...account, secret: '7000000001:AAE-only-a-bot-token' }
  const headers = { 'x-telegram-bot-api-secret-token': '' }
  t.equal(telegram.verify(webhook({}, headers), withoutOne), false)
})

t.test("the conformance peer's requests are read as it says", async (t) => {
  const at = new Date('2024-12-09T18:20:00Z')
  const from = peer.person(1)
  const groupId = telegramPeer.groupId(1)
  const read = (request: { headers: Record<string, string>; body: string | Buffer }) => {
    const signed = peer.sign(request, 'https://example.com/')
    const asked = webhook(Buffer.from(signed.body), signed.headers)
    t.ok(telegram.verify(asked, account))
    return readUpdate(asked, account)
  }
  const id = telegramPeer.id(1)
  const inGroup = telegramPeer.id(1, groupId)
  t.match(read(peer.text({ id, from, body: 'Hello', at })).messages, [
    { externalMessageId: id, address: from, body: 'Hello', sentAt: at },
  ])
  t.match(read(peer.text({ id: inGroup, from, body: 'Hi', at, group: groupId })).messages, [
    { externalMessageId: inGroup, address: from, conversationExternalId: groupId },
  ])
  t.match(read(telegramPeer.media({ id, from, caption: 'Cap', at })).messages, [
    { contentType: 'image', body: 'Cap', media: [{ id: 'AgAD-large' }] },
  ])
  t.match(read(telegramPeer.edit({ id, from, body: 'New', at })).updates, [
    { externalMessageId: id, update: { kind: 'edit', body: 'New', at: at.toISOString() } },
  ])
  t.match(read(telegramPeer.reaction({ id, from, emoji: null, at })).updates, [
    { externalMessageId: id, update: { kind: 'reaction', emoji: null, sender: from } },
  ])
})
