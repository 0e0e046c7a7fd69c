import { createHash } from 'node:crypto'
import PostalMime, { type Attachment, decodeWords, type Email } from 'postal-mime'
import {
  type InboundMessage,
  type MediaReference,
  type Received,
  UnreadablePayload,
} from '../channel.ts'
import { contentTypeOf } from '../shared/generic.ts'
import { sanitizeText, storable } from '../shared/payload.ts'
import { field, type Fields, mailboxesOf, writtenAt } from './headers.ts'
import { htmlToText } from './html.ts'
import { readMessageIds, sendgridId } from './message-id.ts'
import { readReport } from './report.ts'

/** Bytes of a body, as the database takes it, and of metadata.html. */
const maxText = 1_048_576
/** Characters of HTML that are searched for text. */
const maxHtml = 4 * maxText
/** Ids of what a mail answers, the nearest. */
const maxReferences = 50

/** A mail taken apart, by us or by a provider that has read the MIME itself. */
export type Mail = {
  headers: Fields
  text: string | null
  html: string | null
  media: MediaReference[]
  /** What stands in for a Message-ID where there is none: the same for the same mail. */
  fallbackId: string
  /** The recipient in the SMTP envelope, where it is known. */
  envelopeTo?: string | null
  /** Beside what the mail itself says. */
  metadata?: Record<string, unknown>
}

/**
 * A mail's bytes as a message, or, where it is a bounce, a complaint or a return receipt, as updates of the message
 * that it is about. `about.ours` is the address of the account that it came in for, where that is known.
 * @throws UnreadablePayload
 */
export async function readMime(
  bytes: Uint8Array,
  about: { ours: string | null; envelopeTo?: string | null; metadata?: Record<string, unknown> },
): Promise<Received> {
  const email = await parse(bytes)
  const headers: Fields = email.headers
  const report = readReport(
    headers,
    email.attachments.map((part) => ({ mimeType: part.mimeType, content: contentOf(part) })),
    writtenAt(headers) ?? new Date(0),
  )
  if (report) {
    const ours = about.ours ? { accountAddress: about.ours } : {}
    return { messages: [], updates: report.map((update) => ({ ...ours, ...update })) }
  }
  const message = await toMessage(
    {
      headers,
      text: email.text ?? null,
      html: email.html ?? null,
      media: email.attachments.map(toMedia),
      fallbackId: `sha256-${createHash('sha256').update(bytes).digest('hex')}`,
      envelopeTo: about.envelopeTo ?? null,
      ...(about.metadata ? { metadata: about.metadata } : {}),
    },
    about.ours,
  )
  return { messages: [message], updates: [] }
}

/** The bytes of a mail's attachments, in the order that `details.part` counts. @throws UnreadablePayload */
export async function partsOfMime(bytes: Uint8Array): Promise<Uint8Array[]> {
  return (await parse(bytes)).attachments.map(contentOf)
}

/** @throws UnreadablePayload where who wrote it is not told. */
export async function toMessage(mail: Mail, ours: string | null): Promise<InboundMessage> {
  const { headers, media } = mail
  const [from] = mailboxesOf(headers, 'from', 'sender', 'reply-to', 'return-path')
  if (!from) {
    throw new UnreadablePayload('from', 'the mail has no From', 'Send a whole mail, headers first.')
  }
  const to = mailboxesOf(headers, 'to').map(({ address }) => address)
  const cc = mailboxesOf(headers, 'cc').map(({ address }) => address)
  // Where it was delivered says more than whom its writer named: there may be several, or none (Bcc, lists).
  const delivered = mailboxesOf(headers, 'x-original-to', 'envelope-to', 'delivered-to')[0]?.address
  const accountAddress = ours ?? mail.envelopeTo ?? delivered ?? to[0] ?? cc[0]
  const inReplyTo = readMessageIds(field(headers, 'in-reply-to'))
  const references = readMessageIds(field(headers, 'references'))
  const externalMessageId = readMessageIds(field(headers, 'message-id'))[0] ?? mail.fallbackId
  const nearest = [...new Set([...inReplyTo, ...references.toReversed()])]
  const replyTo = nearest
    .filter((id) => id !== externalMessageId)
    .slice(0, maxReferences)
    .flatMap((id) => [id, sendgridId(id) ?? []].flat())
  const html = mail.html?.trim() ? bound(sanitizeText(mail.html)) : null
  const written = sanitizeText(mail.text ?? '').trimEnd()
  const body = bound(written || (mail.html ? htmlToText(mail.html.slice(0, maxHtml)) : ''))
  const attached = media.find(({ details }) => details?.['disposition'] !== 'inline')
  const sentAt = writtenAt(headers)
  const subject = text(headers, 'subject')
  const date = text(headers, 'date')
  return {
    direction: 'inbound',
    address: from.address,
    ...(accountAddress ? { accountAddress } : {}),
    conversationExternalId: references[0] ?? inReplyTo[0] ?? externalMessageId,
    externalMessageId,
    contentType: attached ? contentTypeOf(attached) : 'text',
    body: body.text,
    ...(media.length > 0 ? { media } : {}),
    sentAt: sentAt ?? new Date(0),
    ...(from.name ? { senderName: from.name } : {}),
    ...(replyTo.length > 0 ? { replyTo } : {}),
    metadata: storable({
      ...(subject === undefined ? {} : { subject }),
      ...(to.length > 0 ? { to } : {}),
      ...(cc.length > 0 ? { cc } : {}),
      ...(html ? { html: html.text } : {}),
      ...(body.cut || html?.cut ? { truncated: true } : {}),
      ...(sentAt || !date ? {} : { date }),
      ...habits(headers, from.address),
      ...mail.metadata,
    }) as Record<string, unknown>,
    raw: storable({ headers: headers.map(({ key, value }) => [key, value]) }),
  }
}

/** What tells a machine's mail from a person's, and where an answer should go. RFC 3834; Precedence is older custom. */
function habits(headers: Fields, from: string): Record<string, unknown> {
  const submitted = text(headers, 'auto-submitted')?.toLowerCase()
  const precedence = text(headers, 'precedence')?.toLowerCase()
  const automatic =
    (submitted !== undefined && !/^no\b/.test(submitted)) ||
    /^(auto_reply|bulk|junk|list)\b/.test(precedence ?? '') ||
    field(headers, 'x-autoreply') !== null ||
    field(headers, 'x-autorespond') !== null
  const answers = mailboxesOf(headers, 'reply-to')
    .map(({ address }) => address)
    .filter((address) => address.toLowerCase() !== from.toLowerCase())
  const list = text(headers, 'list-id')
  return {
    ...(automatic ? { automatic } : {}),
    ...(submitted && submitted !== 'no' ? { auto_submitted: submitted } : {}),
    ...(precedence ? { precedence } : {}),
    ...(answers.length > 0 ? { reply_to_address: answers[0] } : {}),
    ...(list ? { list_id: list } : {}),
  }
}

/** A header that is free text, its encoded words decoded. */
function text(headers: Fields, name: string): string | undefined {
  const value = field(headers, name)
  return value === null ? undefined : sanitizeText(decodeWords(value)).trim()
}

/** @throws UnreadablePayload where it is nested more than 256 deep, or has more than 2 MiB of headers. */
async function parse(bytes: Uint8Array): Promise<Email> {
  try {
    // A mail that a mail brings along stays whole, as a file.
    return await PostalMime.parse(bytes, { forceRfc822Attachments: true })
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause)
    throw new UnreadablePayload(
      'body',
      `the mail cannot be read: ${said}`,
      undefined,
      'mime_malformed',
      {
        cause,
      },
    )
  }
}

/** The bytes stay in the inbox; `part` counts the mail's attachments from 0, as postal-mime lists them. */
function toMedia(attachment: Attachment, part: number): MediaReference {
  const content = contentOf(attachment)
  const id = attachment.contentId?.replace(/^<|>$/g, '')
  const { filename, disposition, related } = attachment
  return {
    content_type: sanitizeText(attachment.mimeType),
    ...(filename ? { filename: sanitizeText(filename).slice(0, 255).toWellFormed() } : {}),
    size: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
    details: {
      part,
      disposition: related ? 'inline' : sanitizeText(disposition ?? 'attachment'),
      ...(id ? { content_id: sanitizeText(id) } : {}),
    },
  }
}

function contentOf({ content }: Attachment): Uint8Array {
  return typeof content === 'string' ? Buffer.from(content) : new Uint8Array(content)
}

/** As much of a text as fits, cut between characters. */
export function bound(value: string): { text: string; cut: boolean } {
  if (Buffer.byteLength(value) <= maxText) return { text: value, cut: false }
  const bytes = Buffer.from(value).subarray(0, maxText)
  return { text: new TextDecoder().decode(bytes, { stream: true }), cut: true }
}
