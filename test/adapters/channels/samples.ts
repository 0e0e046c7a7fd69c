import type { WebhookRequest } from '../../../adapters/channels/channel.ts'
import type { Peer, PeerRequest } from '../../support/peer.ts'

const noon = new Date('2026-11-02T12:00:00Z')

/** One webhook of each kind that a channel's provider sends. */
export function samplesOf(peer: Peer): PeerRequest[] {
  const [id, from, to, at] = [peer.id(1), peer.person(1), peer.person(1), noon]
  const group = peer.groupId?.(1)
  return [
    peer.text({ id, from, body: 'Hello', at }),
    ...(group ? [peer.text({ id, from, body: 'Hello', at, group })] : []),
    peer.media?.({ id, from, caption: 'A cat', at }),
    peer.edit?.({ id, from, body: 'Hi', at }),
    peer.revoke?.({ id, from, at }),
    peer.reaction?.({ id, from, emoji: '👍', at }),
    ...(peer.receipts ?? []).map((status) => peer.receipt?.({ id, to, status, at })),
  ].filter((request) => request !== undefined)
}

/** As the pipeline gives it to the channel, on the bare path; `body` in the place of its own. */
export function asWebhook(
  peer: Peer,
  { headers, body: own }: PeerRequest,
  body: string | Buffer = own,
): WebhookRequest {
  return {
    method: 'POST',
    url: '/',
    path: `/api/webhooks/${peer.channel.name}`,
    query: {},
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
    ),
    body: Buffer.from(body),
    receivedAt: noon,
  }
}
