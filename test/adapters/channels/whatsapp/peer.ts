import { createHmac } from 'node:crypto'
import { whatsapp } from '../../../../adapters/channels/whatsapp/index.ts'
import { startFileServer } from '../../../support/files.ts'
import type { Peer, PeerRequest } from '../../../support/peer.ts'
import { account, envelope, change, ourNumber, secrets } from './samples.ts'

const headers = { 'content-type': 'application/json' }

function digits(address: string): string {
  return address.replace(/^\+/, '')
}

function seconds(at: Date): string {
  return String(Math.floor(at.getTime() / 1000))
}

function said(
  what: { from: string; at: Date; group?: string },
  id: string,
  content: object,
): PeerRequest {
  const from = digits(what.from)
  const message = {
    from,
    ...(what.group ? { group_id: what.group } : {}),
    id,
    timestamp: seconds(what.at),
    ...content,
  }
  const contacts = [{ profile: { name: `User ${from}` }, wa_id: from }]
  return { headers, body: JSON.stringify(envelope(change({ contacts, messages: [message] }))) }
}

/** Meta's side of a business number. */
export const peer: Peer = {
  channel: whatsapp,
  account: {
    channel: 'whatsapp',
    address: ourNumber,
    provider: 'whatsapp',
    settings: account.settings,
    secret: account.secret,
  },
  id: (n) => `wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQ${String(n).padStart(8, '0')}`,
  person: (n) => `+1650555${String(1000 + n)}`,
  groupId: (n) => `Y2FwaV9ncm91cDoxNzA1NTU1MDEzOToxMjAzNjM0MDQ2${n}ZD`,
  sign(request) {
    const hmac = createHmac('sha256', secrets.app_secret).update(request.body).digest('hex')
    return {
      ...request,
      headers: { ...request.headers, 'x-hub-signature-256': `sha256=${hmac}` },
    }
  },
  text: (what) => said(what, what.id, { type: 'text', text: { body: what.body } }),
  media: (what) =>
    said(what, what.id, {
      type: 'image',
      image: { caption: what.caption, mime_type: 'image/jpeg', sha256: 'x', id: '2754859441498' },
    }),
  async serve(t, bytes) {
    const server = await startFileServer(t, ({ path, headers }) => {
      if (headers.authorization !== `Bearer ${secrets.access_token}`) return { status: 401 }
      return path.startsWith('/v25.0/2754859441498?')
        ? { body: JSON.stringify({ url: `${server.url}/attachments/?mid=1` }) }
        : { body: bytes }
    })
    return { settings: { api_url: server.url } }
  },
  edit: (what) =>
    said(what, `${what.id}.edit`, {
      type: 'edit',
      edit: {
        original_message_id: what.id,
        message: { type: 'text', text: { body: what.body } },
      },
    }),
  revoke: (what) =>
    said(what, `${what.id}.revoke`, {
      type: 'revoke',
      revoke: { original_message_id: what.id },
    }),
  reaction: (what) =>
    said(what, `${what.id}.reaction`, {
      type: 'reaction',
      reaction: { message_id: what.id, ...(what.emoji ? { emoji: what.emoji } : {}) },
    }),
  receipt(what) {
    const errors = [
      {
        code: 131026,
        title: 'Message undeliverable',
        message: 'Message undeliverable',
        error_data: { details: 'Message Undeliverable.' },
      },
    ]
    const status = {
      id: what.id,
      status: what.status,
      timestamp: seconds(what.at),
      recipient_id: digits(what.to),
      ...(what.reference ? { biz_opaque_callback_data: what.reference } : {}),
      ...(what.status === 'failed' ? { errors } : {}),
    }
    return { headers, body: JSON.stringify(envelope(change({ statuses: [status] }))) }
  },
  receipts: ['delivered', 'read', 'failed'],
}
