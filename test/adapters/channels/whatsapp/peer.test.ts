import t from 'tap'
import type { PeerRequest } from '../../../support/peer.ts'
import { peer } from './peer.ts'
import { account, at, post } from './samples.ts'

function take(request: PeerRequest) {
  const { headers, body } = peer.sign(request, 'https://example.com/')
  const received = { ...post(body), headers }
  t.equal(peer.channel.verify(received, account), true)
  const { messages, updates, problems } = peer.channel.receive(received, account)
  t.notOk(problems)
  return { messages, updates }
}

const id = peer.id(1)
const from = peer.person(1)
const group = peer.groupId?.(1) ?? ''

t.test("the peer's messages become rows with the values that it was given", async (t) => {
  t.match(take(peer.text({ id, from, body: 'Hi', at, group })).messages, [
    {
      externalMessageId: id,
      address: from,
      accountAddress: peer.account.address,
      body: 'Hi',
      sentAt: at,
      conversationExternalId: group,
    },
  ])
  const media = peer.media?.({ id, from, caption: 'Look', at })
  t.match(media && take(media).messages, [
    { externalMessageId: id, contentType: 'image', body: 'Look' },
  ])
})

t.test("the peer's updates are of the message that it was given", async (t) => {
  const time = at.toISOString()
  const requests = [
    peer.edit?.({ id, from, body: 'New', at }),
    peer.revoke?.({ id, from, at }),
    peer.reaction?.({ id, from, emoji: '👍', at }),
    peer.reaction?.({ id, from, emoji: null, at }),
    peer.receipt?.({ id, to: from, status: 'read', at, reference: 'attempt-1' }),
    peer.receipt?.({ id, to: from, status: 'failed', at }),
  ].filter((request) => request !== undefined)
  t.same(
    requests.flatMap((request) => take(request).updates.map((one) => one.update)),
    [
      { kind: 'edit', body: 'New', at: time },
      { kind: 'revoke', at: time },
      { kind: 'reaction', emoji: '👍', sender: from, at: time },
      { kind: 'reaction', emoji: null, sender: from, at: time },
      { kind: 'receipt', status: 'read', at: time },
      {
        kind: 'receipt',
        status: 'failed',
        at: time,
        error_code: '131026',
        error_message: 'Message undeliverable: Message Undeliverable.',
      },
    ],
  )
})
