/** What receipts, statuses and reactions say, wherever they stand: in events of their own or folded into a message. */

import type { InboundUpdate } from '../../channel.ts'
import { actorOf, personOf, type Place, placeOf } from '../address.ts'
import { string } from './content.ts'
import type { BatchContext } from './batch.ts'
import { about } from '../message-id.ts'
import * as schema from './schema.ts'
import { parametersOf } from './stubs.ts'
import { toEnum, toMoment } from '../values.ts'

export type Target = Omit<InboundUpdate, 'update'>

/** Which message an update is about. */
export function targetOf(id: string, place: Pick<Place, 'group'> | null): Target {
  return { ...about(id), ...(place?.group ? { conversationExternalId: place.group } : {}) }
}

type Receipt = Extract<InboundUpdate['update'], { kind: 'receipt' }>

/** WAProto, WebMessageInfo.Status. */
const statuses = { ERROR: 0, PENDING: 1, SERVER_ACK: 2, DELIVERY_ACK: 3, READ: 4, PLAYED: 5 }

const meanings: Record<number, Receipt['status']> = {
  0: 'failed',
  2: 'sent',
  3: 'delivered',
  4: 'read',
  5: 'read',
}

/** What a status says; null for `pending` and what is none. A refusal's code is the first stub parameter. */
export function statusUpdate(
  status: unknown,
  timestamp: unknown,
  parameters: unknown,
  context: Pick<BatchContext, 'at'>,
): Receipt | null {
  const number = toEnum(status, statuses)
  const meaning = number === null ? undefined : meanings[number]
  if (!meaning) return null
  const receipt: Receipt = {
    kind: 'receipt',
    status: meaning,
    at: toMoment(timestamp)?.toISOString() ?? context.at,
  }
  if (meaning !== 'failed') return receipt
  const [code, explanation] = parametersOf(parameters).map(string)
  return {
    ...receipt,
    error_code: code ?? 'refused',
    error_message: explanation ?? 'WhatsApp refused the message.',
  }
}

/**
 * What one recipient's receipt says, the oldest first: it may hold several times at once. Playing is reading; there is
 * no word for it here. Receipts of what we received are our own reading.
 */
export function receiptsOf(
  value: unknown,
  { fromMe }: Pick<Place, 'fromMe'>,
  where: Target,
  context: BatchContext,
): InboundUpdate[] {
  const parsed = schema.userReceipt.safeParse(value)
  if (!parsed.success) return []
  const { userJid, receiptTimestamp, readTimestamp, playedTimestamp } = parsed.data
  const recipient = personOf([userJid])?.address
  if (fromMe && (!recipient || context.own.has(recipient))) return []
  const delivered = toMoment(receiptTimestamp)
  const seen = toMoment(readTimestamp) ?? toMoment(playedTimestamp)
  const times: [Receipt['status'], Date | null][] = [
    ['delivered', fromMe ? delivered : null],
    ['read', seen],
  ]
  return times.flatMap(([status, moment]) => {
    if (!moment) return []
    const receipt: Receipt = { kind: 'receipt', status, at: moment.toISOString() }
    // In a chat with one person the receipt is the message's; in a group it is one member's.
    const inGroup = where.conversationExternalId !== undefined
    return [
      {
        ...where,
        update: { ...receipt, ...(fromMe && inGroup && recipient ? { recipient } : {}) },
      },
    ]
  })
}

/** `reaction.key` says who reacted and where. An empty text takes it back. */
export function reactionUpdates(
  id: string,
  value: unknown,
  context: BatchContext,
): InboundUpdate[] {
  const parsed = schema.reaction.safeParse(value)
  const place = parsed.success ? placeOf(parsed.data.key, context.own) : null
  if (!parsed.success || !place) return []
  const at = toMoment(parsed.data.senderTimestampMs)?.toISOString() ?? context.at
  const sender = actorOf(place, context.account)
  const update = { kind: 'reaction' as const, emoji: parsed.data.text ?? null, sender, at }
  return [{ ...targetOf(id, place), update }]
}
