/** Conversations, their participants, threads and messages, from rows. */

import { z } from 'zod'
import type { ListedConversation, Participant } from '../../../../db/conversations/list.ts'
import type { FoundThread } from '../../../../db/threads/find.ts'
import type { MessageRow, ThreadRow } from '../../../../db/rows.ts'
import { outboxMessageShape, toOutboxMessage } from '../transactional/schema.ts'
import { messageShape, time, toMessageShape } from '../messages/schema.ts'

export const typeName = z.enum(['direct', 'multi', 'group'])
export const statusName = z.enum(['open', 'closed', 'pending'])
export const roleName = z.enum(['owner', 'admin', 'member'])

export const participantShape = z
  .object({
    id: z.uuid(),
    conversationId: z.uuid(),
    customerId: z.uuid().nullable(),
    accountId: z.uuid().nullable().describe('Of an account of ours; then customerId is null'),
    role: roleName,
    name: z.string().nullable(),
    address: z.string().nullable().describe("By which the conversation's channel knows them"),
    joinedAt: time,
    leftAt: time.nullable(),
    metadata: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'Participant' })

export function toParticipantShape(row: Participant): z.infer<typeof participantShape> {
  return {
    id: row.id,
    conversationId: row.conversationId,
    customerId: row.customerId,
    accountId: row.accountId,
    role: row.role,
    name: row.name,
    address: row.address,
    joinedAt: row.joinedAt.toISOString(),
    leftAt: row.leftAt?.toISOString() ?? null,
    metadata: row.metadata,
  }
}

/**
 * A message with the fields of the WhatsApp message API and those of the messaging-service API, whose names differ, so
 * that one answer serves clients of both. The one name that both have, `type`, has the values of the former.
 */
export const conversationMessageShape = outboxMessageShape
  .omit({ type: true })
  .extend(messageShape.shape)
  .meta({ id: 'ConversationMessage' })

/** @param own our account's address */
export function toConversationMessage(
  row: MessageRow,
  own: string | null,
): z.infer<typeof conversationMessageShape> {
  return { ...toOutboxMessage(row, own), ...toMessageShape(row) }
}

export const conversationShape = z
  .object({
    id: z.uuid(),
    number: z.int(),
    type: typeName,
    status: statusName,
    accountId: z.uuid(),
    channel: z.string(),
    customerId: z.uuid().nullable().describe('Of a direct conversation'),
    address: z.string().nullable(),
    externalId: z
      .string()
      .nullable()
      .describe("The channel's own id: of a group, of a mail thread"),
    groupName: z.string().nullable(),
    groupAvatar: z.string().nullable(),
    groupMetadata: z.record(z.string(), z.unknown()),
    lastMessageAt: time.nullable(),
    unreadCount: z.int(),
    totalMessages: z.int(),
    createdAt: time,
    updatedAt: time,
    participants: z.array(participantShape).describe('The first 100 who are in it'),
    messages: z.array(messageShape).describe('The 20 latest, newest first'),
  })
  .meta({ id: 'Conversation' })

export function toConversationShape(
  row: Omit<ListedConversation, 'place'>,
): z.infer<typeof conversationShape> {
  return {
    id: row.id,
    number: row.number,
    type: row.type,
    status: row.status,
    accountId: row.account_id,
    channel: row.channel,
    customerId: row.customer_id,
    address: row.address,
    externalId: row.external_id,
    groupName: row.group_name,
    groupAvatar: row.group_avatar,
    groupMetadata: row.group_metadata,
    lastMessageAt: row.last_message_at?.toISOString() ?? null,
    unreadCount: row.unread_count,
    totalMessages: row.total_messages,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    participants: row.participants.map(toParticipantShape),
    messages: row.messages.map(toMessageShape),
  }
}

export const threadShape = z
  .object({
    id: z.uuid(),
    number: z.int(),
    conversationId: z.uuid(),
    customerId: z.uuid().nullable(),
    channel: z.string(),
    status: z.enum(['active', 'archived']),
    createdAt: time,
    archivedAt: time.nullable(),
  })
  .meta({ id: 'Thread' })
export const foundThreadShape = threadShape
  .extend({
    firstMessageAt: time.nullable(),
    lastMessageAt: time.nullable(),
  })
  .meta({ id: 'ThreadWithTimes' })

export function toThreadShape(row: ThreadRow): z.infer<typeof threadShape> {
  return {
    id: row.id,
    number: row.number,
    conversationId: row.conversation_id,
    customerId: row.customer_id,
    channel: row.channel,
    status: row.status,
    createdAt: row.created_at.toISOString(),
    archivedAt: row.archived_at?.toISOString() ?? null,
  }
}

export function toFoundThreadShape(row: FoundThread): z.infer<typeof foundThreadShape> {
  return {
    ...toThreadShape(row),
    firstMessageAt: row.first_message_at?.toISOString() ?? null,
    lastMessageAt: row.last_message_at?.toISOString() ?? null,
  }
}
