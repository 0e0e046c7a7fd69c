import t from 'tap'
import { UnreadablePayload } from '../../../../adapters/channels/channel.ts'
import { discord } from '../../../../adapters/channels/discord/index.ts'
import { receive as read } from '../../../../adapters/channels/discord/receive.ts'
import { mutateBytes, mutateJson, random } from '../../../support/mutate-json.ts'
import { discordPeer as peer } from './peer.ts'
import { account, ann, base, guild, inGuild, interaction, kinds, webhook } from './samples.ts'

t.test('whatever comes is read or unreadable, and never anything else', async (t) => {
  const next = random(20241209)
  const events = [
    ...kinds.map(([, content]) => ({ t: 'MESSAGE_CREATE', d: { ...base, ...guild, ...content } })),
    { t: 'MESSAGE_UPDATE', d: { ...base, edited_timestamp: base.timestamp } },
    { t: 'MESSAGE_DELETE_BULK', d: { ids: ['1', '2'], ...guild }, at: base.timestamp },
    {
      t: 'MESSAGE_REACTION_ADD',
      d: { message_id: '1', user_id: '2', emoji: { id: '1', name: 'a' } },
    },
  ]
  const samples = [
    ...events,
    { ...interaction, ...inGuild },
    { ...interaction, type: 5, user: ann },
    events,
  ]
  const seen = { verified: 0, read: 0, problems: 0, unreadable: 0 }
  for (let i = 0; i < 6000; i++) {
    const bytes = Buffer.from(JSON.stringify(mutateJson(samples[i % samples.length], next)))
    const headers = { 'x-signature-ed25519': 'ab', 'x-signature-timestamp': '1' }
    const request = webhook(i % 10 === 0 ? mutateBytes(bytes, next) : bytes, headers)
    if (discord.verify(request, account)) seen.verified += 1
    discord.handshake?.(request, account)
    discord.answer?.(request)
    try {
      const { messages, problems = [] } = read(request, account)
      JSON.stringify(messages)
      seen.read += 1
      seen.problems += problems.length
    } catch (error) {
      if (!(error instanceof UnreadablePayload)) throw error
      seen.unreadable += 1
    }
  }
  const { verified, ...others } = seen
  t.equal(verified, 0)
  t.ok(
    Object.values(others).every((count) => count > 100),
    JSON.stringify(seen),
  )
})

t.test("the conformance peer's requests are read as it says", async (t) => {
  const at = new Date('2024-12-09T18:20:00.500Z')
  const [id, from, group] = [peer.id(1), peer.person(1), peer.groupId?.(1) ?? '']
  const about = { id, from, at }
  const said = (request?: { headers: Record<string, string>; body: string | Buffer }) => {
    if (!request) throw new Error('no request')
    const signed = peer.sign(request, 'https://example.com/')
    const asked = webhook(Buffer.from(signed.body), signed.headers)
    t.ok(peer.channel.verify?.(asked, account))
    return read(asked, account)
  }
  t.match(said(peer.text({ ...about, body: 'Hello' })).messages, [
    { externalMessageId: id, address: from, body: 'Hello', sentAt: at },
  ])
  t.match(said(peer.text({ ...about, body: 'Hi', group })).messages, [
    { externalMessageId: id, address: from, conversationExternalId: group },
  ])
  t.match(said(peer.media?.({ ...about, caption: 'Cap' })).messages, [
    { contentType: 'image', body: 'Cap', media: [{ filename: 'cat.png' }] },
  ])
  const updates: [request: Parameters<typeof said>[0], update: object][] = [
    [peer.edit?.({ ...about, body: 'New' }), { kind: 'edit', body: 'New' }],
    [peer.revoke?.(about), { kind: 'revoke' }],
    [peer.reaction?.({ ...about, emoji: '👍' }), { kind: 'reaction', emoji: '👍', sender: from }],
    [peer.reaction?.({ ...about, emoji: null }), { kind: 'reaction', emoji: null }],
  ]
  for (const [request, update] of updates) {
    const expected = { externalMessageId: id, update: { ...update, at: at.toISOString() } }
    t.match(said(request).updates, [expected])
  }
})
