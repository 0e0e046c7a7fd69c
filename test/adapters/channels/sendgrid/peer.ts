import { generateKeyPairSync, sign } from 'node:crypto'
import { sendgrid } from '../../../../adapters/channels/sendgrid/index.ts'
import { png } from '../../../support/files.ts'
import type { Peer, PeerRequest } from '../../../support/peer.ts'
import { mime } from '../email/peer.ts'

const address = 'team@parse.pigeonpost.example'

export const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
/** As SendGrid shows it: base64, without the lines of PEM. */
export const publicKey = keys.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')

export const account = {
  channel: 'email',
  address,
  provider: 'sendgrid',
  settings: { webhook_public_key: publicKey },
  secret: JSON.stringify({ api_key: 'SG.key', inbound_token: 'let-me-in' }),
}

export type Field = [
  name: string,
  content: string | Buffer,
  file?: { filename: string; type: string },
]

/** multipart/form-data as SendGrid writes it, in its boundary's form. */
export function form(fields: Field[], boundary = 'xYzZY'): PeerRequest {
  const parts = fields.flatMap(([name, content, file]) => [
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"`,
    file ? `; filename="${file.filename}"\r\nContent-Type: ${file.type}` : '',
    '\r\n\r\n',
    content,
    '\r\n',
  ])
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: Buffer.concat([...parts, `--${boundary}--\r\n`].map((part) => Buffer.from(part))),
  }
}

/** Events end with CRLF, which is signed with them. */
export function events(...list: object[]): PeerRequest {
  return {
    headers: { 'content-type': 'application/json;charset=utf-8' },
    body: `${JSON.stringify(list)}\r\n`,
  }
}

export function signed(request: PeerRequest, timestamp = '1730469600'): PeerRequest {
  const data = Buffer.concat([Buffer.from(timestamp), Buffer.from(request.body)])
  return {
    ...request,
    headers: {
      ...request.headers,
      'x-twilio-email-event-webhook-signature': sign('sha256', data, keys.privateKey).toString(
        'base64',
      ),
      'x-twilio-email-event-webhook-timestamp': timestamp,
    },
  }
}

/** Inbound Parse, the mail taken apart. */
export function parsed(
  what: { id: string; from: string; at: Date },
  text: string,
  ...more: Field[]
): PeerRequest {
  const headers = mime(what, '')
    .replace(/\r\n\r\n.*$/s, '\r\n')
    .replaceAll('\r\n', '\n')
  return form([
    ['headers', headers.replace(/^To: .*$/m, `To: ${address}`)],
    ['dkim', '{@example.com : pass}'],
    ['to', address],
    ['from', `Someone <${what.from}>`],
    ['subject', 'A question'],
    ['text', text],
    ['sender_ip', '192.0.2.7'],
    ['envelope', JSON.stringify({ to: [address], from: what.from })],
    ['charsets', JSON.stringify({ to: 'UTF-8', from: 'UTF-8', subject: 'UTF-8', text: 'utf-8' })],
    ['SPF', 'pass'],
    ...more,
  ])
}

export const peer: Peer = {
  channel: sendgrid,
  account,
  id: (n) => `m${n}@mail.example.com`,
  person: (n) => `person${n}@example.com`,
  sign: (request) => signed(request),
  text: (what) => parsed(what, what.body),
  media: (what) =>
    parsed(
      what,
      what.caption,
      ['attachments', '1'],
      [
        'attachment-info',
        JSON.stringify({
          attachment1: { filename: 'photo.png', name: 'photo.png', type: 'image/png' },
        }),
      ],
      ['attachment1', png, { filename: 'photo.png', type: 'image/png' }],
    ),
  receipts: ['delivered', 'read', 'failed'],
  receipt: (what) => {
    const event = { delivered: 'delivered', read: 'open', failed: 'bounce' }[what.status]
    return events({
      email: what.to,
      timestamp: Math.floor(what.at.getTime() / 1000),
      event,
      sg_event_id: `event-${what.status}-${what.id}`,
      // A Message-ID has dots of its own; what SendGrid calls a message has none before its suffix.
      ...(what.id.includes('@')
        ? { 'smtp-id': `<${what.id}>` }
        : { sg_message_id: `${what.id}.recvd-5f54b5d587-c4l6x-1-66F43FA8-8.0` }),
      ...(what.reference ? { pigeonpost_attempt: what.reference } : {}),
      ...(event === 'bounce'
        ? { type: 'bounce', status: '5.1.1', reason: '550 5.1.1 Unknown' }
        : {}),
    })
  },
}
