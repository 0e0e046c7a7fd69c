import { createHash } from 'node:crypto'
import type { z } from 'zod'
import type { ChannelAccount, MediaReference, Received } from '../channel.ts'
import { readFields, writtenAt } from '../email/headers.ts'
import { readMime, toMessage } from '../email/mime.ts'
import { readReport } from '../email/report.ts'
import { sanitizeText, storable } from '../shared/payload.ts'
import type { Part } from './multipart.ts'
import { attachmentInfo, charsets, envelope } from './schema.ts'

/**
 * A mail by Inbound Parse. In raw mode the field `email` is the mail itself; else SendGrid has taken it apart, and its
 * own spelling of the headers (`from`, `to`, `subject` …) stands in only for what the field `headers` lacks.
 * @throws UnreadablePayload
 */
export async function readInbound(
  parts: Part[],
  account: ChannelAccount | null,
): Promise<Received> {
  const files = filesOf(parts)
  const fields = readTexts(parts.filter(({ name }) => !/^(email|attachment\d+)$/.test(name)))
  const envelopeTo = asJson(envelope, fields.get('envelope'))?.to[0] ?? null
  const metadata = verdicts(fields)
  const ours = account?.address ?? null
  const whole = wholeOf(parts)
  if (whole) return readMime(whole.content, { ours, envelopeTo, metadata })

  const headers = readFields(fields.get('headers') ?? '')
  for (const key of ['from', 'to', 'cc', 'subject']) {
    const value = fields.get(key)
    if (value && !headers.some((header) => header.key === key)) headers.push({ key, value })
  }
  const sentAt = writtenAt(headers) ?? new Date(0)
  const report = readReport(headers, files.map(asReportPart), sentAt)
  if (report) {
    const about = ours ? { accountAddress: ours } : {}
    return { messages: [], updates: report.map((update) => ({ ...about, ...update })) }
  }
  const info = asJson(attachmentInfo, fields.get('attachment-info')) ?? {}
  const message = await toMessage(
    {
      headers,
      text: fields.get('text') ?? null,
      html: fields.get('html') ?? null,
      media: files.map((file, part) => toMedia(file, part, info[file.name] ?? {})),
      fallbackId: hash(parts),
      envelopeTo,
      metadata,
    },
    ours,
  )
  const rest = [...fields].filter(([name]) => !['headers', 'text', 'html'].includes(name))
  const raw = { ...(message.raw as object), fields: storable(Object.fromEntries(rest)) }
  return { messages: [{ ...message, raw }], updates: [] }
}

/** The attachments of a mail that SendGrid has taken apart, in the order that `details.part` counts. */
export function filesOf(parts: Part[]): Part[] {
  return parts.filter(({ name }) => /^attachment\d+$/.test(name))
}

/** The mail itself, in raw mode. */
export function wholeOf(parts: Part[]): Part | undefined {
  return parts.find(({ name }) => name === 'email')
}

/** The fields as text, each in the charset that `charsets` names for it. */
function readTexts(parts: Part[]): Map<string, string> {
  const named = parts.find(({ name }) => name === 'charsets')?.content.toString('utf8')
  const charsetOf = asJson(charsets, named) ?? {}
  return new Map(
    parts.map(({ name, content }) => [sanitizeText(name), decode(content, charsetOf[name])]),
  )
}

function decode(content: Buffer, charset: string | undefined): string {
  try {
    return new TextDecoder(charset || 'utf-8').decode(content)
  } catch {
    return content.toString('utf8')
  }
}

function asJson<S extends z.ZodType>(schema: S, text: string | undefined): z.output<S> | null {
  try {
    return schema.safeParse(JSON.parse(text ?? '')).data ?? null
  } catch {
    return null
  }
}

/** What SendGrid found out about the mail's honesty. */
function verdicts(fields: Map<string, string>): Record<string, unknown> {
  const found: [string, string | undefined][] = [
    ['spf', fields.get('SPF')],
    ['dkim', fields.get('dkim')],
    ['spam_score', fields.get('spam_score')],
  ]
  return Object.fromEntries(found.filter(([, value]) => value))
}

type Info = z.output<typeof attachmentInfo>[string] | Record<string, undefined>

/** `details.part` counts the form's attachments from 0. */
function toMedia(file: Part, part: number, info: Info): MediaReference {
  const filename = file.filename ?? info['filename'] ?? info['name']
  const contentId = info['content-id']
  const type = file.type === 'text/plain' && info['type'] ? info['type'] : file.type
  return {
    content_type: sanitizeText(type).toLowerCase(),
    ...(filename ? { filename: sanitizeText(filename).slice(0, 255).toWellFormed() } : {}),
    size: file.content.length,
    sha256: createHash('sha256').update(file.content).digest('hex'),
    details: {
      part,
      field: file.name,
      disposition: contentId ? 'inline' : 'attachment',
      ...(contentId ? { content_id: contentId } : {}),
    },
  }
}

function asReportPart(file: Part) {
  return { mimeType: file.type.toLowerCase(), content: file.content }
}

/** The form's own boundary differs each time that it is posted. */
function hash(parts: Part[]): string {
  const sum = createHash('sha256')
  for (const { name, content } of parts) {
    if (/^(headers|from|to|cc|subject|text|html|attachment\d+)$/.test(name)) {
      sum.update(`${name} ${content.length}\n`).update(content)
    }
  }
  return `sha256-${sum.digest('hex')}`
}
