/**
 * WhatsApp lets the sender choose a message's id. Ours hold the attempt's id, so that the external id is known before
 * anything is sent, and every echo and receipt leads back to the attempt even when the outcome was lost.
 *
 *     3EB0 + 32 hex digits of the attempt's UUID (+ 2 for each further file of the same message)
 *
 * `3EB0` is what WhatsApp Web's ids begin with. Its own have 22 characters and those of Baileys' older generateMessageID
 * 40 (lib/Utils/generics.js), so 36 and 38 are used by no one else.
 */

import { createHash } from 'node:crypto'

const uuid = /^([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})$/i
const ours =
  /^3EB0([0-9A-F]{8})([0-9A-F]{4})([1-8][0-9A-F]{3})([89AB][0-9A-F]{3})([0-9A-F]{12})([0-9A-F]{2})?$/

/** `part` counts the messages of one attempt, from 0. An attempt's id that is no UUID makes an id that leads nowhere. */
export function messageIdOf(attemptId: string, part = 0): string {
  const hex = uuid.exec(attemptId)?.slice(1).join('').toUpperCase()
  if (!hex) {
    const hash = createHash('sha256').update(`${attemptId} ${part}`).digest('hex')
    return `3EB0${hash.slice(0, 18).toUpperCase()}`
  }
  return `3EB0${hex}${part === 0 ? '' : part.toString(16).toUpperCase().padStart(2, '0')}`
}

/** The attempt that a message id was made of; null for ids that are not ours. */
export function attemptIdOf(messageId: string): string | null {
  const parts = ours.exec(messageId)
  return parts && parts.slice(1, 6).join('-').toLowerCase()
}

/** The id, and the attempt where it is ours: how an update says which message it is about. */
export function about(messageId: string): { externalMessageId: string; reference?: string } {
  const reference = attemptIdOf(messageId)
  return { externalMessageId: messageId, ...(reference ? { reference } : {}) }
}
