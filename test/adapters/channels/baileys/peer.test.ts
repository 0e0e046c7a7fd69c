import t from 'tap'
import type { PeerRequest } from '../../../support/peer.ts'
import { peer } from './peer.ts'
import { receiveBody } from './support.ts'

const at = new Date('2026-06-01T12:00:00Z')
const id = peer.id(1)
const from = peer.person(1)
const group = peer.groupId?.(1) ?? ''
const received = (request: PeerRequest | undefined) => receiveBody(request?.body ?? '')

t.test("what the conformance suite's peer sends is read as it was meant", async (t) => {
  t.match(received(peer.text({ id, from, body: 'Hello', at, group })).messages, [
    {
      externalMessageId: id,
      address: from,
      body: 'Hello',
      sentAt: at,
      conversationExternalId: group,
    },
  ])
  t.match(received(peer.media?.({ id, from, caption: 'Analysis', at })).messages, [
    {
      contentType: 'image',
      body: 'Analysis',
      address: from,
      media: [{ size: 48_213, sha256: '07'.repeat(32) }],
    },
  ])
  const iso = at.toISOString()
  const edit = { externalMessageId: id, update: { kind: 'edit', body: 'Hello!', at: iso } }
  t.match(received(peer.edit?.({ id, from, body: 'Hello!', at })), {
    messages: [],
    updates: [edit, edit],
  })
  const revoke = {
    externalMessageId: id,
    conversationExternalId: group,
    update: { kind: 'revoke', at: iso },
  }
  t.match(received(peer.revoke?.({ id, from, at, group })), {
    messages: [],
    updates: [revoke, revoke],
  })
  t.match(received(peer.reaction?.({ id, from, emoji: '👍', at })).updates, [
    { externalMessageId: id, update: { kind: 'reaction', emoji: '👍', sender: from, at: iso } },
  ])
  t.match(received(peer.reaction?.({ id, from, emoji: null, at })).updates, [
    { update: { emoji: null } },
  ])
  for (const status of peer.receipts ?? []) {
    t.match(received(peer.receipt?.({ id, to: from, status, at })).updates, [
      { externalMessageId: id, reference: String, update: { kind: 'receipt', status, at: iso } },
    ])
  }
})
