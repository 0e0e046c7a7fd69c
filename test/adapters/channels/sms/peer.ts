import { sms } from '../../../../adapters/channels/sms/index.ts'
import { startFileServer } from '../../../support/files.ts'
import type { Peer } from '../../../support/peer.ts'

const address = '+12016661234'

function request(what: { id: string; from: string; at: Date }, content: object) {
  const body = JSON.stringify({
    from: what.from,
    to: address,
    messaging_provider_id: what.id,
    ...content,
    timestamp: what.at.toISOString(),
  })
  return { headers: { 'content-type': 'application/json' }, body }
}

export const peer: Peer = {
  channel: sms,
  account: { channel: 'sms', address, provider: null, settings: {}, secret: null },
  id: (n) => `message-${n}`,
  person: (n) => `+1804555${String(1000 + n).padStart(4, '0')}`,
  sign: (request) => request,
  text: (what) => request(what, { type: 'sms', body: what.body, attachments: null }),
  media: (what, url = 'https://files.example.com/image.jpg') =>
    request(what, {
      type: 'mms',
      body: what.caption,
      attachments: [url],
    }),
  async serve(t, bytes) {
    const server = await startFileServer(t, () => ({ body: bytes }))
    return { url: `${server.url}/cat.png` }
  },
}
