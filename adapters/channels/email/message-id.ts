/**
 * Message-IDs in the one spelling that is used everywhere here, as external id, in replyTo and for a thread's root:
 * without angle brackets, and otherwise to the letter (RFC 5322, section 3.6.4; the part before the @ is case-sensitive).
 */

import { createHash } from 'node:crypto'

/** An index row holds so much; a longer id, which nobody's mailer makes, goes by its SHA-256. */
const maxLength = 900

/**
 * The ids in a Message-ID, In-Reply-To or References header, in order and each once. Comments and phrases between
 * bracketed ids are passed over; where no id has brackets, every word with an @ counts (old mailers).
 */
export function readMessageIds(header: string | null | undefined): string[] {
  if (!header) return []
  const bracketed = Array.from(header.matchAll(/<([^<>]*)>/g), ([, id = '']) => id)
  const given =
    bracketed.length > 0 ? bracketed : header.split(/[\s,]+/).filter((word) => word.includes('@'))
  return [...new Set(given.map(bareMessageId).filter((id) => id !== ''))]
}

/** One id, with or without brackets; white space that folding left inside of it is dropped. */
export function bareMessageId(id: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  const bare = id.replace(/[\s<>\u0000-\u001f\u007f]|\p{Surrogate}/gu, '')
  return bare.length > maxLength
    ? `sha256-${createHash('sha256').update(bare).digest('hex')}`
    : bare
}

/** As headers spell it. */
export function bracketedMessageId(id: string): string {
  return `<${bareMessageId(id)}>`
}

/**
 * What SendGrid's own Message-IDs go by here. It answers a request with the part before the @, and adds the host that
 * sent it: `<LRzXl_NHStOGhQ4kofSm_A@geopod-ismtpd-3-0>`, or `…@ismtpd0039p1iad1.sendgrid.net`. Null for other ids.
 */
export function sendgridId(id: string): string | null {
  return /^([^@]+)@(geopod-)?ismtpd[\w.-]*$/i.exec(id)?.[1] ?? null
}
