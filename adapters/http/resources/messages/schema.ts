/** The names and shapes of the WhatsApp message API (/api/v1/messages), from and to rows. */

import { z } from 'zod'
import {
  type Direction,
  type MessageRow,
  type MessageState,
  messageStatus,
  type MessageStatus,
} from '../../../../db/rows.ts'
import { idIn } from '../../shared/fields.ts'

export const statusWords = {
  scheduled: 'Queued',
  queued: 'Queued',
  sending: 'Queued',
  retrying: 'Queued',
  sent: 'Sent',
  delivered: 'Delivered',
  read: 'Read',
  failed: 'Failed',
  canceled: 'Failed',
  unknown: 'Failed',
} as const satisfies Record<MessageState, string>

export const typeWords = {
  text: 'Text',
  image: 'Image',
  video: 'Video',
  audio: 'Audio',
  file: 'Document',
  location: 'Location',
  structured: 'Structured',
} as const satisfies Record<MessageRow['content_type'], string>

export const directionWords = {
  inbound: 'Inbound',
  outbound: 'Outbound',
  system: 'System',
} as const satisfies Record<Direction, string>

export const typeWord = z.enum([
  'Text',
  'Image',
  'Video',
  'Audio',
  'Document',
  'Location',
  'Structured',
])
export const statusWord = z.enum(['Queued', 'Sent', 'Delivered', 'Read', 'Failed'])
export const directionWord = z.enum(['Inbound', 'Outbound', 'System'])

export function contentTypeOf(word: z.infer<typeof typeWord>): MessageRow['content_type'] {
  return word === 'Document'
    ? 'file'
    : (word.toLowerCase() as Exclude<MessageRow['content_type'], 'file'>)
}

/** The statuses that a word stands for. */
export function statusesOf(word: z.infer<typeof statusWord>): MessageStatus[] {
  return messageStatus.options.filter((status) => statusWords[status] === word)
}

const channelNames: Record<string, string> = { whatsapp: 'WhatsApp', sms: 'SMS' }

/** A channel as a sentence names it: "WhatsApp", "Fakechat". */
export function channelName(channel: string): string {
  return channelNames[channel] ?? channel.slice(0, 1).toUpperCase() + channel.slice(1)
}

export const messageId = idIn('id')

export const time = z.string().meta({ format: 'date-time', description: 'ISO 8601, UTC' })

export const queuedShape = z
  .object({
    id: z.uuid(),
    status: statusWord,
    whatsappAccountId: z.uuid(),
    accountId: z.uuid(),
    contactId: z.uuid().nullable(),
    type: typeWord,
    content: z.string().nullable(),
    createdAt: time,
  })
  .meta({ id: 'QueuedMessage' })

/** The answer to a message that was taken. Its status is what it was then, so that the same request gets the same. */
export function toQueuedShape(row: MessageRow): z.infer<typeof queuedShape> {
  return {
    id: row.id,
    status: 'Queued',
    whatsappAccountId: row.account_id,
    accountId: row.account_id,
    contactId: row.customer_id,
    type: typeWords[row.content_type],
    content: row.body,
    createdAt: row.created_at.toISOString(),
  }
}

export const messageShape = z
  .object({
    id: z.uuid(),
    number: z.int(),
    channel: z.string(),
    accountId: z.uuid(),
    whatsappAccountId: z.uuid(),
    contactId: z.uuid().nullable(),
    senderContactId: z.uuid().nullable(),
    conversationId: z.uuid(),
    threadId: z.uuid(),
    campaignId: z.string().nullable(),
    direction: directionWord,
    address: z
      .string()
      .nullable()
      .describe("The counterpart's: to whom it goes, or from whom it came"),
    type: typeWord,
    content: z.string().nullable(),
    mediaUrl: z.string().nullable(),
    mediaId: z.uuid().nullable(),
    externalMessageId: z.string().nullable(),
    whatsappMessageId: z.string().nullable(),
    replyToId: z.uuid().nullable(),
    status: statusWord,
    state: z
      .string()
      .describe(
        'The status in full: scheduled, queued, sending, retrying, canceled, unknown and the rest',
      ),
    errorCode: z.string().nullable(),
    errorMessage: z.string().nullable(),
    provider: z.string().nullable(),
    attempts: z.int(),
    nextAttemptAt: time.nullable(),
    priority: z.int(),
    scheduledFor: time.nullable(),
    validUntil: time.nullable(),
    sentAt: time.nullable(),
    deliveredAt: time.nullable(),
    readAt: time.nullable(),
    failedAt: time.nullable(),
    revokedAt: time.nullable(),
    isFromBot: z.boolean(),
    isProcessed: z.boolean(),
    metadata: z.record(z.string(), z.unknown()),
    createdBy: z.uuid().nullable(),
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: 'Message' })

export function toMessageShape(row: MessageRow): z.infer<typeof messageShape> {
  return {
    id: row.id,
    number: row.number,
    channel: row.channel,
    accountId: row.account_id,
    whatsappAccountId: row.account_id,
    contactId: row.customer_id,
    senderContactId: row.sender_customer_id,
    conversationId: row.conversation_id,
    threadId: row.thread_id,
    campaignId: row.campaign_id,
    direction: directionWords[row.direction],
    address: row.address,
    type: typeWords[row.content_type],
    content: row.body,
    mediaUrl: row.media_url,
    mediaId: row.media_id,
    externalMessageId: row.external_message_id,
    whatsappMessageId: row.external_message_id,
    replyToId: row.reply_to_id,
    status: statusWords[row.status],
    state: row.state,
    errorCode: row.error_code,
    errorMessage: row.error_message,
    provider: row.provider,
    attempts: row.attempts,
    nextAttemptAt: iso(row.next_attempt_at),
    priority: row.priority,
    scheduledFor: iso(row.scheduled_for),
    validUntil: iso(row.valid_until),
    sentAt: iso(row.sent_at),
    deliveredAt: iso(row.delivered_at),
    readAt: iso(row.read_at),
    failedAt: iso(row.failed_at),
    revokedAt: iso(row.revoked_at),
    isFromBot: row.is_from_bot,
    isProcessed: row.is_processed,
    metadata: row.metadata,
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  }
}

function iso(date: Date | null): string | null {
  return date?.toISOString() ?? null
}
