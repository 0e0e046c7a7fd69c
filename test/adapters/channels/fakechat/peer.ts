import { fakechat } from '../../../../adapters/channels/fakechat/index.ts'
import { startFileServer } from '../../../support/files.ts'
import type { Peer, PeerRequest } from '../../../support/peer.ts'

function post(payload: object, group?: string): PeerRequest {
  const body = { platform: 'fakechat', ...payload, ...(group ? { group: { id: group } } : {}) }
  return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

const seconds = (at: Date): number => at.getTime() / 1000

export const fakechatPeer: Peer = {
  channel: fakechat,
  account: {
    channel: 'fakechat',
    address: '+27820000000',
    provider: 'fakechat',
    settings: {},
    secret: null,
  },
  id: (n) => `fc_${n}`,
  person: (n) => `+2783123${String(n).padStart(4, '0')}`,
  groupId: (n) => `group-${n}`,
  sign: (request) => request,
  text: ({ id, from, body, at, group }) =>
    post(
      {
        user: { id: from.replace('+27', '0027 ') },
        message: { id, type: 'text', content: body, timestamp: seconds(at) },
      },
      group,
    ),
  media: ({ id, from, caption, at }, url = 'https://media.example/cat.jpg') =>
    post({
      user: { id: from },
      message: {
        id,
        type: 'image',
        content: caption,
        media_url: url,
        timestamp: seconds(at),
      },
    }),
  async serve(t, bytes) {
    const server = await startFileServer(t, () => ({ body: bytes }))
    return { url: `${server.url}/cat.png` }
  },
  edit: ({ id, body, at, group }) =>
    post({ edit: { message_id: id, content: body, timestamp: seconds(at) } }, group),
  revoke: ({ id, at, group }) =>
    post({ revoke: { message_id: id, timestamp: seconds(at) } }, group),
  reaction: ({ id, from, emoji, at, group }) =>
    post(
      { user: { id: from }, reaction: { message_id: id, emoji, timestamp: seconds(at) } },
      group,
    ),
  receipts: ['delivered', 'read', 'failed'],
  receipt: ({ id, status, at, reference }) =>
    post({
      receipt: {
        message_id: id,
        status,
        timestamp: seconds(at),
        ...(reference ? { reference } : {}),
        ...(status === 'failed' ? { error: { code: '123', message: 'no such number' } } : {}),
      },
    }),
}
