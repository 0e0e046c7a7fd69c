/** messages.update, message-receipt.update and messages.reaction. */

import { readPayload } from '../../shared/payload.ts'
import { placeOf } from '../address.ts'
import { read } from './content.ts'
import { type Batch, type BatchContext, emptyBatch } from './batch.ts'
import { readInfo } from './messages.ts'
import { reactionUpdates, receiptsOf, statusUpdate, targetOf } from './receipts.ts'
import * as schema from './schema.ts'
import { stubOf } from './stubs.ts'
import { unwrap } from './unwrap.ts'
import { asObject, toMoment } from '../values.ts'

/**
 * `key.id` is the message that it is about (`update.key`, of a revoke, is the revoke's own). One update may say several
 * things, since Baileys' buffer merges them.
 * @throws UnreadablePayload
 */
export function readUpdate(value: unknown, context: BatchContext): Batch {
  const { key, update } = readPayload(schema.messageUpdate, value)
  const place = placeOf(key, context.own)
  // A receipt's key may name nobody: what it is about is enough.
  if (!place && !isChat(key.remoteJid)) return emptyBatch()
  const where = targetOf(key.id, place)
  const batch: Batch = emptyBatch()
  const at = toMoment(update.messageTimestamp)?.toISOString() ?? context.at
  const status = statusUpdate(
    update.status,
    update.messageTimestamp,
    update.messageStubParameters,
    context,
  )
  // Of what we received only our own reading is news, on another of our devices.
  if (status && (key.fromMe === true || status.status === 'read')) {
    batch.updates.push({ ...where, update: status })
  }
  if (!asObject(update.message) && stubOf(update.messageStubType).kind === 'revoked') {
    batch.updates.push({ ...where, update: { kind: 'revoke', at } })
  }
  const edited = asObject(asObject(update.message)?.['editedMessage'])
  const content = edited ? unwrap(edited['message']) : null
  if (content) {
    batch.updates.push({ ...where, update: { kind: 'edit', body: read(content).body ?? '', at } })
  } else if (asObject(update.message) && toMoment(update.messageTimestamp)) {
    // Content that came late (6.7's placeholder resend): it fills in the stub; where there is none, it is here already.
    const { status: _, ...info } = update
    const late = readInfo({ ...info, key }, context)
    return { ...late, updates: [...batch.updates, ...late.updates] }
  }
  return batch
}

/** @throws UnreadablePayload */
export function readReceipt(value: unknown, context: BatchContext): Batch {
  const { key, receipt } = readPayload(schema.receiptUpdate, value)
  const place = placeOf(key, context.own)
  if (!place && !isChat(key.remoteJid)) return emptyBatch()
  const fromMe = key.fromMe === true
  const updates = receiptsOf(receipt, { fromMe }, targetOf(key.id, place), context)
  return { ...emptyBatch(), updates }
}

/** @throws UnreadablePayload */
export function readReaction(value: unknown, context: BatchContext): Batch {
  const { key, reaction } = readPayload(schema.reactionUpdate, value)
  return { ...emptyBatch(), updates: reactionUpdates(key.id, reaction, context) }
}

function isChat(jid: string): boolean {
  return !/@(newsletter|broadcast)$/i.test(jid)
}
