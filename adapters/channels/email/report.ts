/**
 * Mails that machines write about a mail of ours: bounces (RFC 3464), complaints (RFC 5965) and return receipts
 * (RFC 8098). All three are multipart/report, with a part for machines and, most times, what they are about.
 */

import type { InboundUpdate } from '../channel.ts'
import { sanitizeText } from '../shared/payload.ts'
import { field, type Fields, readDate, readFields } from './headers.ts'
import { readMessageIds, sendgridId } from './message-id.ts'

export type ReportPart = {
  mimeType: string
  content: Uint8Array
}

/**
 * The updates that a report comes to. Null where the mail is no report, or does not say which message it is about:
 * then it is a mail like any other, for people to read. A report of a delay is neither.
 */
export function readReport(
  headers: Fields,
  parts: ReportPart[],
  sentAt: Date,
): InboundUpdate[] | null {
  const status = find(parts, /^message\/(global-)?delivery-status$/)
  const complaint = find(parts, /^message\/feedback-report$/)
  const disposition = find(parts, /^message\/(global-)?disposition-notification$/)
  const said = status ?? complaint ?? disposition
  if (said === null) return null
  const about = subject(headers, parts, said)
  if (about === null) return null
  if (status !== null) return bounces(status, sentAt).map((update) => ({ ...about, update }))
  if (complaint !== null) {
    const fields = readFields(complaint)
    const type = field(fields, 'feedback-type')?.toLowerCase() ?? 'abuse'
    const recipient = address(field(fields, 'original-rcpt-to'))
    // A recipient who takes a complaint back.
    if (type === 'not-spam') return []
    return [
      {
        ...about,
        update: {
          kind: 'receipt',
          status: 'failed',
          at: sentAt.toISOString(),
          ...(recipient ? { recipient } : {}),
          error_code: 'complaint',
          error_message: clean(type),
        },
      },
    ]
  }
  const action = field(readFields(said), 'disposition') ?? ''
  return /;\s*displayed/i.test(action)
    ? [{ ...about, update: { kind: 'receipt', status: 'read', at: sentAt.toISOString() } }]
    : []
}

/** One update for each recipient that is named. */
function bounces(content: string, sentAt: Date): InboundUpdate['update'][] {
  const blocks = content.split(/\r?\n[ \t]*\r?\n/).map(readFields)
  return blocks.flatMap((fields): InboundUpdate['update'][] => {
    const action = field(fields, 'action')?.toLowerCase().split(/\s/)[0]
    const status = field(fields, 'status')?.match(/^[245]\.\d{1,3}\.\d{1,3}/)?.[0]
    const recipient =
      address(field(fields, 'original-recipient')) ?? address(field(fields, 'final-recipient'))
    const at = (readDate(field(fields, 'last-attempt-date')) ?? sentAt).toISOString()
    const to = recipient ? { recipient } : {}
    if (action === 'delivered') return [{ kind: 'receipt', status: 'delivered', at, ...to }]
    if (action !== 'failed') return []
    const diagnostic = field(fields, 'diagnostic-code')?.replace(/^[\w-]+\s*;\s*/, '')
    return [
      {
        kind: 'receipt',
        status: 'failed',
        at,
        ...to,
        error_code: status ?? 'bounced',
        error_message: clean(diagnostic ?? 'The mail could not be delivered.'),
      },
    ]
  })
}

/** The message that it is about: by the copy that comes along, by the report itself, or by what it answers. */
function subject(
  headers: Fields,
  parts: ReportPart[],
  said: string,
): Omit<InboundUpdate, 'update'> | null {
  const copy = find(parts, /^(message\/(rfc822|global)|(text|message)\/(rfc822|global)-headers)$/)
  const [id] = [
    copy === null ? null : field(readFields(copy.replace(/^(\r?\n)+/, '')), 'message-id'),
    field(readFields(said), 'original-message-id'),
    field(headers, 'in-reply-to'),
    field(headers, 'references')?.match(/<[^<>]*>\s*$/)?.[0] ?? null,
  ].flatMap((header) => readMessageIds(header))
  if (id === undefined) return null
  const attempt = /^([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})@/i.exec(id)?.[1]
  return {
    externalMessageId: sendgridId(id) ?? id,
    ...(attempt ? { reference: attempt.toLowerCase() } : {}),
  }
}

/** Reports are short; of the copy only the headers are of use. */
const maxBytes = 256 * 1024

function find(parts: ReportPart[], type: RegExp): string | null {
  const part = parts.find(({ mimeType }) => type.test(mimeType))
  return part ? Buffer.from(part.content.subarray(0, maxBytes)).toString('utf8') : null
}

/** `rfc822; someone@example.org`, or without the type. */
function address(value: string | null): string | null {
  const bare = value
    ?.replace(/^[\w-]+\s*;\s*/, '')
    .replace(/[<>]/g, '')
    .trim()
  return bare && bare.length <= 320 ? sanitizeText(bare) : null
}

function clean(text: string): string {
  return sanitizeText(text).replace(/\s+/g, ' ').slice(0, 1000)
}
