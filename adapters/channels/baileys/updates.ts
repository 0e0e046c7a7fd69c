/** messages.update, message-receipt.update and messages.reaction. */

import { readPayload } from '../shared/payload.ts'
import { placeOf } from './address.ts'
import { read } from './content.ts'
import { type Found, type Known, nothing } from './found.ts'
import { readInfo } from './messages.ts'
import { reactionUpdates, receiptsOf, statusUpdate, targetOf } from './receipts.ts'
import * as schema from './schema.ts'
import { stubOf } from './stubs.ts'
import { unwrap } from './unwrap.ts'
import { asObject, toMoment } from './values.ts'

/**
 * `key.id` is the message that it is about (`update.key`, of a revoke, is the revoke's own). One update may say several
 * things, since Baileys' buffer merges them.
 * @throws UnreadablePayload
 */
export function readUpdate(value: unknown, known: Known): Found {
  const { key, update } = readPayload(schema.messageUpdate, value)
  const place = placeOf(key, known.own)
  // A receipt's key may name nobody: what it is about is enough.
  if (!place && !isChat(key.remoteJid)) return nothing()
  const where = targetOf(key.id, place)
  const found: Found = nothing()
  const at = toMoment(update.messageTimestamp)?.toISOString() ?? known.at
  const status = statusUpdate(
    update.status,
    update.messageTimestamp,
    update.messageStubParameters,
    known,
  )
  // Of what we received only our own reading is news, on another of our devices.
  if (status && (key.fromMe === true || status.status === 'read')) {
    found.updates.push({ ...where, update: status })
  }
  if (!asObject(update.message) && stubOf(update.messageStubType).kind === 'revoked') {
    found.updates.push({ ...where, update: { kind: 'revoke', at } })
  }
  const edited = asObject(asObject(update.message)?.['editedMessage'])
  const content = edited ? unwrap(edited['message']) : null
  if (content) {
    found.updates.push({ ...where, update: { kind: 'edit', body: read(content).body ?? '', at } })
  } else if (asObject(update.message) && toMoment(update.messageTimestamp)) {
    // Content that came late (6.7's placeholder resend): it fills in the stub; where there is none, it is here already.
    const { status: _, ...info } = update
    const late = readInfo({ ...info, key }, known)
    return { ...late, updates: [...found.updates, ...late.updates] }
  }
  return found
}

/** @throws UnreadablePayload */
export function readReceipt(value: unknown, known: Known): Found {
  const { key, receipt } = readPayload(schema.receiptUpdate, value)
  const place = placeOf(key, known.own)
  if (!place && !isChat(key.remoteJid)) return nothing()
  const fromMe = key.fromMe === true
  const updates = receiptsOf(receipt, { fromMe }, targetOf(key.id, place), known)
  return { ...nothing(), updates }
}

/** @throws UnreadablePayload */
export function readReaction(value: unknown, known: Known): Found {
  const { key, reaction } = readPayload(schema.reactionUpdate, value)
  return { ...nothing(), updates: reactionUpdates(key.id, reaction, known) }
}

function isChat(jid: string): boolean {
  return !/@(newsletter|broadcast)$/i.test(jid)
}
