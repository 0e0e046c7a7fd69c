import { parsePhoneNumberFromString } from 'libphonenumber-js'
import { createCache } from '../../shared/cache.ts'

/** Channels whose addresses are phone numbers. The same list as in pigeonpost.normalize_address. */
export const phoneChannels: ReadonlySet<string> = new Set(['whatsapp', 'sms', 'fakechat'])

/**
 * The number in E.164 (`+27831234567`), or null where it cannot be one. Spaces, dashes, brackets, a leading `00` and
 * a missing `+` are read as people write them. Its calling code must exist and its length be one that E.164 has (7 to
 * 15 digits), as in the database; whether its country uses the range, or that length, is not asked: numbering plans
 * change faster than metadata, and the WhatsApp message API's own example, +1234567890, is a digit short of one.
 */
export function toE164(value: string): string | null {
  const known = cache.get(value)
  if (known !== undefined) return known
  const number = parse(value)
  if (value.length <= 64) cache.set(value, number)
  return number
}

/** Parsing takes 10 µs, and a webhook names the same few numbers, ours among them, again and again. */
const cache = createCache<string | null>({ maxEntries: 10_000 })

function parse(value: string): string | null {
  const trimmed = value.trim()
  if (!/^\+?[0-9()][0-9 ().\-/]*$/.test(trimmed)) {
    return null
  }
  const international = trimmed.startsWith('+') ? trimmed : `+${trimmed.replace(/^00/, '')}`
  const number = parsePhoneNumberFromString(international, { extract: false })?.number
  return number && /^\+[1-9]\d{6,14}$/.test(number) ? number : null
}
