import { email } from '../../../../adapters/channels/email/index.ts'
import { png, startFileServer } from '../../../support/files.ts'
import type { Peer, PeerRequest } from '../../../support/peer.ts'

const address = 'team@pigeonpost.example'
const account = { channel: 'email', address, provider: null, settings: {}, secret: null }

function json(what: { id: string; from: string; at: Date }, content: object): PeerRequest {
  const payload = { from: what.from, to: address, xillio_id: what.id, ...content }
  const body = JSON.stringify({ ...payload, timestamp: what.at.toISOString() })
  return { headers: { 'content-type': 'application/json' }, body }
}

/** The generic JSON webhook. */
export const genericPeer: Peer = {
  lacks: ['receipt'],
  channel: email,
  account,
  id: (n) => `mail-${n}`,
  person: (n) => `person${n}@example.com`,
  sign: (request) => request,
  text: (what) => json(what, { body: what.body, attachments: [] }),
  media: (what, url = 'https://files.example.com/photo.png') =>
    json(what, { body: what.caption, attachments: [url] }),
  async serve(t, bytes) {
    const server = await startFileServer(t, () => ({ body: bytes }))
    return { url: `${server.url}/cat.png` }
  },
}

/** A mail as a person's mailer writes it. Lines of base64 have 76 characters (RFC 2045, section 6.8). */
export function mime(
  what: { id: string; from: string; at: Date },
  text: string,
  attachment?: { filename: string; type: string; content: Buffer },
): string {
  const base64 = (content: Buffer) =>
    content.toString('base64').replaceAll(/.{76}/g, (line) => `${line}\r\n`)
  const part = [
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    '',
    base64(Buffer.from(text)),
  ]
  const body = attachment
    ? [
        'Content-Type: multipart/mixed; boundary="=_part"',
        '',
        '--=_part',
        ...part,
        '--=_part',
        `Content-Type: ${attachment.type}; name="${attachment.filename}"`,
        'Content-Transfer-Encoding: base64',
        `Content-Disposition: attachment; filename="${attachment.filename}"`,
        '',
        base64(attachment.content),
        '--=_part--',
        '',
      ]
    : part
  return [
    `From: Someone <${what.from}>`,
    `To: ${address}`,
    'Subject: A question',
    // To the second, as RFC 5322 has it.
    `Date: ${what.at.toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${what.id}>`,
    'MIME-Version: 1.0',
    ...body,
  ].join('\r\n')
}

/** Whole mails, piped in by a mail server. */
export const mimePeer: Peer = {
  channel: email,
  account,
  id: (n) => `m${n}@mail.example.com`,
  person: (n) => `person${n}@example.com`,
  sign: (request) => request,
  text: (what) => ({ headers: { 'content-type': 'message/rfc822' }, body: mime(what, what.body) }),
  media: (what) => ({
    headers: { 'content-type': 'message/rfc822' },
    body: mime(what, what.caption, { filename: 'photo.png', type: 'image/png', content: png }),
  }),
  receipts: ['failed', 'delivered', 'read'],
  receipt: (what) => ({
    headers: { 'content-type': 'message/rfc822' },
    body: what.status === 'read' ? readReceipt(what) : deliveryStatus(what),
  }),
}

type Receipt = { id: string; to: string; status: string; at: Date; reference?: string }

/** RFC 3464, as Postfix writes it. */
function deliveryStatus(what: Receipt): string {
  const failed = what.status === 'failed'
  return report('delivery-status', what, [
    'Reporting-MTA: dns; mx.example.com',
    '',
    `Final-Recipient: rfc822; ${what.to}`,
    `Action: ${failed ? 'failed' : 'delivered'}`,
    `Status: ${failed ? '5.1.1' : '2.0.0'}`,
    ...(failed ? ['Diagnostic-Code: smtp; 550 5.1.1 User unknown'] : []),
    `Last-Attempt-Date: ${what.at.toUTCString().replace('GMT', '+0000')}`,
  ])
}

/** RFC 8098. */
function readReceipt(what: Receipt): string {
  return report('disposition-notification', what, [
    `Final-Recipient: rfc822; ${what.to}`,
    `Original-Message-ID: <${what.id}>`,
    'Disposition: manual-action/MDN-sent-manually; displayed',
  ])
}

function report(type: string, what: Receipt, fields: string[]): string {
  return [
    'From: MAILER-DAEMON@mx.example.com',
    `To: ${address}`,
    'Subject: Report',
    `Date: ${what.at.toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <report-${what.status}-${what.id}>`,
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=${type}; boundary="=_report"`,
    '',
    '--=_report',
    'Content-Type: text/plain',
    '',
    'This is a report.',
    '--=_report',
    `Content-Type: message/${type}`,
    '',
    ...fields,
    '',
    '--=_report',
    'Content-Type: text/rfc822-headers',
    '',
    `From: ${address}`,
    `To: ${what.to}`,
    `Message-ID: <${what.id}>`,
    '',
    '--=_report--',
    '',
  ].join('\r\n')
}
