/** Reading the headers of a mail, and the fields of a report, which are written alike (RFC 5322, RFC 3464). */

import { addressParser } from 'postal-mime'
import { sanitizeText } from '../shared/payload.ts'

/** Fields in order; names in lower case, values unfolded. */
export type Fields = { key: string; value: string }[]

export function field(fields: Fields, name: string): string | null {
  return fields.find(({ key }) => key === name)?.value.trim() || null
}

/** The fields of one block, up to the first empty line or the end. */
export function readFields(block: string): Fields {
  const end = /\r?\n[ \t]*\r?\n/.exec(block)?.index ?? block.length
  const unfolded = block.slice(0, end).replace(/\r?\n[ \t]+/g, ' ')
  return unfolded.split(/\r?\n/).flatMap((line) => {
    const [, key = '', value = ''] = /^([\x21-\x39\x3b-\x7e]+)[ \t]*:(.*)$/.exec(line) ?? []
    return key ? [{ key: key.toLowerCase(), value: value.trim() }] : []
  })
}

export type Mailbox = {
  address: string
  name: string | null
}

/** The mailboxes of an address header, groups taken apart; what names no address is left out. */
export function readMailboxes(header: string | null): Mailbox[] {
  if (!header) return []
  return addressParser(header, { flatten: true }).flatMap((one) => {
    const address = sanitizeText(one.address ?? '').trim()
    const name = sanitizeText(one.name).trim()
    return address && address.length <= 320 ? [{ address, name: name || null }] : []
  })
}

/** Every mailbox of all headers of these names, each address once. */
export function mailboxesOf(fields: Fields, ...names: string[]): Mailbox[] {
  const all = names.flatMap((name) =>
    fields.filter(({ key }) => key === name).flatMap(({ value }) => readMailboxes(value)),
  )
  return [...new Map(all.map((one) => [one.address.toLowerCase(), one])).values()]
}

const dated = /^([a-z]+\.?\s*,?\s*)?\d{1,2}[\s-]+[a-z]{3,9}\.?[\s-]+\d{2,4}\s+\d{1,2}:\d{2}/i
const zones = /([+-]\d{4}|\b(GMT|UTC?|Z|[ECMP][SD]T))$/i

/**
 * The moment in a Date header (RFC 5322, section 3.3). One without a zone, or in one whose name says nothing, is UTC
 * (section 4.3). Null where it is no date, or lies outside the years 1000 to 9999.
 */
export function readDate(header: string | null): Date | null {
  if (!header || header.length > 200) return null
  const text = header
    .replace(/\([^()]*\)/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  if (!dated.test(text)) return null
  const ms = Date.parse(zones.test(text) ? text : `${text.replace(/ [a-z]+$/i, '')} +0000`)
  return ms >= -30_610_224_000_000 && ms <= 253_402_300_799_999 ? new Date(ms) : null
}

/**
 * When a mail was written: its Date, else when the last server that wrote a Received line had it, else null.
 * Received lines are added on top.
 */
export function writtenAt(fields: Fields): Date | null {
  const date = readDate(field(fields, 'date'))
  if (date) return date
  for (const { key, value } of fields) {
    const received =
      key === 'received' ? readDate(value.slice(value.lastIndexOf(';') + 1).trim()) : null
    if (received) return received
  }
  return null
}
