/** What a message of ours becomes as a mail, the same for every provider that sends one. */

import { z } from 'zod'
import { cannotSend, locationOf, mediaOf } from '../shared/content.ts'
import type { ChannelAccount, OutboundFile, OutboundMessage, SendOutcome } from '../channel.ts'
import { readMailboxes } from './headers.ts'
import { bracketedMessageId } from './message-id.ts'

export type Attachment = {
  filename: string
  contentType: string
  /** Base64, or a file of ours. */
  content: string | OutboundFile
}

export type Outgoing = {
  from: { address: string; name: string | null }
  to: string
  cc: string[]
  bcc: string[]
  /** Where answers go, if not to `from`. */
  replyTo: string | null
  subject: string
  text: string
  html: string | null
  attachments: Attachment[]
  /** With brackets; null where the message answered has no Message-ID that we know. */
  inReplyTo: string | null
  references: string[]
}

const addresses = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => [value].flat())
  .catch([])

const asked = z.looseObject({
  subject: z.string().nullish().catch(null),
  html: z.string().nullish().catch(null),
  cc: addresses,
  bcc: addresses,
})

const settings = z.looseObject({
  from_name: z.string().nullish().catch(null),
  reply_to: z.string().nullish().catch(null),
  default_subject: z.string().nullish().catch(null),
})

const file = z.looseObject({
  url: z.string().optional(),
  filename: z.string().optional(),
  content_type: z.string().optional(),
  /** The file itself. */
  content_base64: z.base64().optional(),
})

/**
 * The mail, or why there can be none. Its subject is `metadata.subject`, else that of the message it answers after
 * "Re:", else the account's `default_subject`, else from whom it is. Files of ours and files that bring their bytes
 * (`content_base64`) are attached; the others are links below the text (nothing is fetched here), and so is a location.
 */
export function compose(message: OutboundMessage, account: ChannelAccount): Outgoing | SendOutcome {
  const { from_name, reply_to, default_subject } = settings.parse(account.settings)
  const { subject, html, cc, bcc } = asked.parse(message.metadata)
  const address = account.address?.trim() ?? ''
  const media = mediaOf(message)
  const own = media.flatMap(({ file }) => file ?? [])
  const files = z.array(file).safeParse(media.filter((one) => !one.file))
  if (!files.success) {
    return cannotSend(
      'content_unsupported',
      'A file of metadata.media has no base64 in content_base64.',
    )
  }
  if (files.data.some((one) => one.url === undefined && one.content_base64 === undefined)) {
    return cannotSend(
      'content_unsupported',
      'A file without url or content_base64 cannot be sent by mail.',
    )
  }
  const links = files.data.flatMap(({ url, filename, content_base64 }) =>
    url !== undefined && content_base64 === undefined ? [{ url, name: filename ?? null }] : [],
  )
  const place = locationOf(message)
  if (place) {
    const { latitude, longitude } = place
    const name = [place.name, place.address, `${latitude}, ${longitude}`].filter(Boolean).join(', ')
    const url = `https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}`
    links.push({ url, name })
  }
  const answered = message.replyTo?.subject?.replace(/^(\s*re\s*:)+/i, '').trim()
  if (!isAddress(message.address)) {
    return cannotSend('address_invalid', `${oneLine(message.address)} is no address of mail.`)
  }
  const root = asMessageId(message.conversationExternalId)
  const parent = asMessageId(message.replyTo?.externalMessageId ?? null)
  return {
    from: { address, name: from_name || null },
    to: message.address,
    cc: bare(cc),
    bcc: bare(bcc),
    replyTo: reply_to || null,
    subject: oneLine(
      subject ||
        (answered ? `Re: ${answered}` : '') ||
        default_subject ||
        `Message from ${from_name || address}`,
    ),
    text: [
      ...(message.body ? [message.body] : []),
      ...(links.length > 0
        ? [links.map(({ url, name }) => (name ? `${name}: ${url}` : url)).join('\n')]
        : []),
    ].join('\n\n'),
    html: html ? withLinks(html, links) : null,
    attachments: [
      ...own.map((content) => ({
        filename: oneLine(content.filename),
        contentType: content.contentType,
        content,
      })),
      ...files.data.flatMap(({ filename, content_type, content_base64 }) =>
        content_base64 === undefined
          ? []
          : [
              {
                filename: oneLine(filename || 'file'),
                contentType: content_type || 'application/octet-stream',
                content: content_base64,
              },
            ],
      ),
    ],
    inReplyTo: parent,
    references: [...new Set([root, parent].filter((id) => id !== null))],
  }
}

/** Whether there is anything to read in it. */
export function isEmpty(mail: Outgoing): boolean {
  return mail.text.trim() === '' && !mail.html && mail.attachments.length === 0
}

/** One address and nothing else, that neither a header nor a command could take for more than one. */
function isAddress(text: string): boolean {
  return /^[^\s<>()[\],;:"\\@\p{Cc}]+@[^\s<>(),;:"\\@\p{Cc}]+$/u.test(text)
}

/** Copies may come with names; what is no address is left out. */
function bare(list: string[]): string[] {
  return list
    .flatMap((one) => readMailboxes(oneLine(one)).map(({ address }) => address))
    .filter(isAddress)
}

/** Ids that are no Message-IDs (a provider's own, a hash) mean nothing to the recipient's mailer. */
function asMessageId(id: string | null): string | null {
  return id !== null && /^[\x21-\x3b\x3d\x3f-\x7e]+@[\x21-\x3b\x3d\x3f-\x7e]+$/.test(id)
    ? bracketedMessageId(id)
    : null
}

function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, ' ').trim()
}

function withLinks(html: string, links: { url: string; name: string | null }[]): string {
  const lines = links.map(
    ({ url, name }) => `<p><a href="${escapeHtml(url)}">${escapeHtml(name ?? url)}</a></p>`,
  )
  const end = html.search(/<\/body\s*>/i)
  return end < 0 ? html + lines.join('') : html.slice(0, end) + lines.join('') + html.slice(end)
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
