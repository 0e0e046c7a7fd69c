import { parsePhoneNumberFromString } from 'libphonenumber-js'

/** Channels whose addresses are phone numbers. The same list as in pigeonpost.normalize_address. */
export const phoneChannels: ReadonlySet<string> = new Set(['whatsapp', 'sms', 'fakechat'])

/**
 * The number in E.164 (`+27831234567`), or null where it cannot be one. Spaces, dashes, brackets, a leading `00` and
 * a missing `+` are read as people write them. What counts is that its length is possible in its country (document
 * 000, "ensure phone numbers are E.164"), not that the range is in use: numbering plans change faster than metadata.
 */
export function toE164(value: string): string | null {
  const trimmed = value.trim()
  if (!/^\+?[0-9()][0-9 ().\-/]*$/.test(trimmed)) {
    return null
  }
  const international = trimmed.startsWith('+') ? trimmed : `+${trimmed.replace(/^00/, '')}`
  const number = parsePhoneNumberFromString(international, { extract: false })
  return number?.isPossible() ? number.number : null
}
