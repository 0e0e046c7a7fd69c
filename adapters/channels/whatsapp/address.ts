import { sanitizeText } from '../shared/payload.ts'
import { toE164 } from '../shared/phone.ts'

/** The country's two letters, a dot and up to 128 letters and digits; a parent's has `ENT.` between. */
export function isBusinessScopedId(address: string): boolean {
  return /^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$/.test(address)
}

/** E.164 for a phone number; anything else as it is. Null where it is empty. */
export function readAddress(value: string): string | null {
  const trimmed = sanitizeText(value).trim()
  return toE164(trimmed) ?? (trimmed || null)
}
