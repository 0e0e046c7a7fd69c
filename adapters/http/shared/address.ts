import { InvalidInputError } from '../../../db/errors.ts'
import { phoneChannels, toE164 } from '../../channels/shared/phone.ts'

/** The wording of the WhatsApp message API. */
export const notE164 = 'Phone number must be in E.164 format'

const shortCode = /^[0-9]{3,6}$/
/** A linked id (`40141234567890@lid`), a phone's JID, or a business-scoped user id (`US.13491208655302741918`). */
const whatsappId = /^(?:[^@\s]+@(?:lid|s\.whatsapp\.net)|[A-Z]{2}\.[A-Za-z0-9]+)$/

/** By what channels of phones know people who show no number. */
const otherIds: Readonly<Record<string, RegExp>> = {
  sms: shortCode,
  whatsapp: whatsappId,
  fakechat: whatsappId,
}

/** The number in E.164 where the text is one in full, with its plus sign; else null. */
export function phoneOf(text: string): string | null {
  const trimmed = text.trim()
  return trimmed.startsWith('+') ? toE164(trimmed) : null
}

/**
 * A person's address as the channel writes it. On a channel of phones it is a number in full, or one of the channel's other
 * ids; elsewhere any text.
 * @throws InvalidInputError `phone_invalid`
 */
export function addressOn(channel: string, text: string, field = 'address'): string {
  const trimmed = text.trim()
  if (!phoneChannels.has(channel)) return trimmed
  const address = phoneOf(trimmed) ?? (otherIds[channel]?.test(trimmed) ? trimmed : null)
  if (address === null) throw notPhone(field)
  return address
}

/**
 * An address of ours. On a channel of phones it may also be a short code or a sender's name, so only what looks like a
 * phone number has to be one, in full.
 * @throws InvalidInputError `phone_invalid`
 */
export function ownAddressOn(channel: string, text: string, field = 'address'): string {
  const trimmed = text.trim()
  const isPhone = phoneChannels.has(channel) && /^(\+|[0-9 ().\-/]{7,}$)/.test(trimmed)
  const address = isPhone ? phoneOf(trimmed) : trimmed
  if (address === null) throw notPhone(field)
  return address
}

/** What a text message comes from: a number, a short code, or a name as operators show it. Null: none of them. */
export function senderOf(text: string): string | null {
  const given = text.trim()
  const isName = /^(?=.*[a-z])[a-z0-9 &._-]{1,11}$/i.test(given)
  return phoneOf(given) ?? (isName || shortCode.test(given) ? given : null)
}

function notPhone(field: string): InvalidInputError {
  return new InvalidInputError(notE164, {
    code: 'phone_invalid',
    field,
    hint: 'A plus sign, the country code and the number: +27831234567.',
  })
}
