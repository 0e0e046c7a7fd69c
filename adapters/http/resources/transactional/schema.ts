/** The names and shapes of the messaging-service API (/api/messages/*), from rows. */

import { z } from 'zod'
import type { MessageRow, MessageState } from '../../../../db/rows.ts'
import { time } from '../messages/schema.ts'

export const statusTags = {
  scheduled: 'outbox',
  queued: 'outbox',
  sending: 'outbox',
  retrying: 'retry',
  sent: 'ok',
  delivered: 'ok',
  read: 'ok',
  failed: 'failed',
  canceled: 'failed',
  unknown: 'failed',
} as const satisfies Record<MessageState, string>

export const outboxMessageShape = z
  .object({
    id: z.uuid(),
    number: z.int(),
    conversation_id: z.uuid(),
    thread_id: z.uuid(),
    inbound_or_outbound: z.enum(['inbound', 'outbound', 'system']),
    endpoint_source: z.string().nullable().describe('From whom: an address'),
    endpoint_target: z.string().nullable().describe('To whom: an address'),
    type: z.string().describe('sms, mms, email, or the name of another channel'),
    body: z.string().nullable().describe('Of an email in HTML the HTML'),
    attachments: z.array(z.string()),
    timestamp: z
      .string()
      .describe('When the caller made it, as it was given, or when it was sent to us'),
    status_tag: z.enum(['outbox', 'retry', 'ok', 'failed']),
    status_payload: z.object({
      state: z.string().describe('The status in full: queued, sending, retrying, delivered …'),
      attempts: z.int(),
      next_attempt_at: time.nullable(),
      error_code: z.string().nullable(),
      error_message: z.string().nullable(),
    }),
    provider_id: z.string().nullable().describe('By which provider it goes, or came'),
    provider_message_id: z.string().nullable().describe("The provider's own id of it"),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'OutboxMessage' })
export type OutboxMessage = z.infer<typeof outboxMessageShape>

/** @param own our account's address */
export function toOutboxMessage(row: MessageRow, own: string | null): OutboxMessage {
  const inbound = row.direction === 'inbound'
  const { html, timestamp, provider } = row.metadata
  return {
    id: row.id,
    number: row.number,
    conversation_id: row.conversation_id,
    thread_id: row.thread_id,
    inbound_or_outbound: row.direction,
    endpoint_source: inbound ? row.address : own,
    endpoint_target: inbound ? own : row.address,
    type: typeOf(row),
    body: row.channel === 'email' && row.body !== null ? (text(html) ?? row.body) : row.body,
    attachments: attachmentsOf(row),
    timestamp: text(timestamp) ?? ((inbound && row.sent_at) || row.created_at).toISOString(),
    status_tag: statusTags[row.state],
    status_payload: {
      state: row.state,
      attempts: row.attempts,
      next_attempt_at: row.next_attempt_at?.toISOString() ?? null,
      error_code: row.error_code,
      error_message: row.error_message,
    },
    provider_id: row.provider ?? (inbound ? text(provider) : null),
    provider_message_id: row.external_message_id,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  }
}

function typeOf({ channel, metadata, content_type }: MessageRow): string {
  if (channel !== 'sms') return channel
  const { type } = metadata
  return type === 'sms' || type === 'mms' ? type : content_type === 'text' ? 'sms' : 'mms'
}

const media = z.array(z.looseObject({ url: z.string().optional() }))

function attachmentsOf({ metadata, media_url }: MessageRow): string[] {
  const urls = media.safeParse(metadata['media']).data?.flatMap(({ url }) => url ?? []) ?? []
  return urls.length > 0 ? urls : media_url ? [media_url] : []
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}
