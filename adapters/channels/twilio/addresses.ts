import { toE164 } from '../shared/phone.ts'

/**
 * Twilio's spelling of an address, taken apart: `whatsapp:+14155238886` is +14155238886 on whatsapp, `+15017122661` on
 * sms. Phones come in E.164; a short code (32665), an alphanumeric sender (MYBANK) and a WhatsApp user id without a phone
 * (`whatsapp:US.13491208655302741918`) stay as they are. Other prefixes (messenger, rcs) are told, not judged.
 * Source: twilio.com/docs/messaging/channels.
 */
export function readAddress(value: string): { channel: string; address: string } {
  const [, prefix, rest] = /^([a-z]+):(.*)$/is.exec(value.trim()) ?? []
  const channel = prefix?.toLowerCase() ?? 'sms'
  const address = (rest ?? value).trim()
  // Without a plus a few digits on sms are a short code; toE164 would make a foreign phone of a long one.
  const isPhone = channel === 'sms' ? address.startsWith('+') : /^\+?\d+$/.test(address)
  return { channel, address: (isPhone ? toE164(address) : null) ?? address }
}

/** An address of ours, or of a customer, as Twilio's API takes it. */
export function spellAddress(channel: string, address: string): string {
  const bare = address.replace(/^(whatsapp|sms):/i, '')
  return channel === 'whatsapp' ? `whatsapp:${bare}` : bare
}
