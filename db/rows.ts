/** The shape of rows as they are read, in zod so that a test can compare each with its table. */

import { z } from 'zod'

const json = z.record(z.string(), z.unknown())

export const contentType = z.enum([
  'text',
  'image',
  'audio',
  'video',
  'file',
  'location',
  'structured',
])
export const direction = z.enum(['inbound', 'outbound', 'system'])
/** What happened to a message: messages.status. */
export const messageStatus = z.enum([
  'queued',
  'sent',
  'delivered',
  'read',
  'failed',
  'canceled',
  'unknown',
])
export type MessageStatus = z.infer<typeof messageStatus>
/** The same with the states of messages under way told apart: messages_with_state.state. */
export const messageState = z.enum([
  'scheduled',
  'queued',
  'sending',
  'sent',
  'delivered',
  'read',
  'retrying',
  'failed',
  'canceled',
  'unknown',
])
export type MessageState = z.infer<typeof messageState>
export type Direction = z.infer<typeof direction>

/** pigeonpost.messages_with_state, without the columns that only its triggers need. */
export const messageRow = z.object({
  tenant_id: z.number(),
  id: z.string(),
  number: z.number(),
  account_id: z.string(),
  conversation_id: z.string(),
  thread_id: z.string(),
  customer_id: z.string().nullable(),
  sender_customer_id: z.string().nullable(),
  address: z.string().nullable(),
  direction,
  channel: z.string(),
  external_message_id: z.string().nullable(),
  content_type: contentType,
  body: z.string().nullable(),
  media_id: z.string().nullable(),
  media_url: z.string().nullable(),
  metadata: json,
  reply_to_id: z.string().nullable(),
  status: messageStatus,
  state: messageState,
  priority: z.number(),
  scheduled_for: z.date().nullable(),
  valid_until: z.date().nullable(),
  attempts: z.number(),
  next_attempt_at: z.date().nullable(),
  provider: z.string().nullable(),
  error_code: z.string().nullable(),
  error_message: z.string().nullable(),
  is_processed: z.boolean(),
  is_from_bot: z.boolean(),
  created_by: z.string().nullable(),
  campaign_id: z.string().nullable(),
  sent_at: z.date().nullable(),
  delivered_at: z.date().nullable(),
  read_at: z.date().nullable(),
  failed_at: z.date().nullable(),
  revoked_at: z.date().nullable(),
  created_at: z.date(),
  updated_at: z.date(),
})
export type MessageRow = z.infer<typeof messageRow>
export const messageColumns = Object.keys(messageRow.shape)

export const accountRow = z.object({
  tenant_id: z.number(),
  id: z.string(),
  channel: z.string(),
  address: z.string().nullable(),
  name: z.string().nullable(),
  provider: z.string().nullable(),
  status: z.enum(['connected', 'disconnected', 'disabled']),
  settings: json,
  secret_ref: z.string().nullable(),
  is_default: z.boolean(),
  daily_limit: z.number().nullable(),
})
export type AccountRow = z.infer<typeof accountRow>
export const accountColumns = Object.keys(accountRow.shape)

/** pigeonpost.conversations. Its counters are folded from the log: a moment behind. */
export const conversationRow = z.object({
  tenant_id: z.number(),
  id: z.string(),
  number: z.number(),
  type: z.enum(['direct', 'multi', 'group']),
  status: z.enum(['open', 'closed', 'pending']),
  account_id: z.string(),
  channel: z.string(),
  customer_id: z.string().nullable(),
  address: z.string().nullable(),
  external_id: z.string().nullable(),
  group_name: z.string().nullable(),
  group_avatar: z.string().nullable(),
  group_metadata: json,
  thread_id: z.string(),
  last_message_at: z.date().nullable(),
  unread_count: z.number(),
  total_messages: z.number(),
  created_at: z.date(),
  updated_at: z.date(),
})
export type ConversationRow = z.infer<typeof conversationRow>
export const conversationColumns = Object.keys(conversationRow.shape)

/** An account with all that an operator sets. */
export const accountDetailRow = accountRow.extend({
  status_reason: z.string().nullable(),
  rate_per_minute: z.number().nullable(),
  burst: z.number(),
  time_zone: z.string(),
  created_at: z.date(),
  updated_at: z.date(),
})
export type AccountDetailRow = z.infer<typeof accountDetailRow>
export const accountDetailColumns = Object.keys(accountDetailRow.shape)

/** pigeonpost.customers; the counters are the folded ones. */
export const customerRow = z.object({
  tenant_id: z.number(),
  id: z.string(),
  lead_id: z.number(),
  name: z.string().nullable(),
  metadata: json,
  external_type: z.string().nullable(),
  external_id: z.string().nullable(),
  last_message_at: z.date().nullable(),
  unread_count: z.number(),
  total_messages: z.number(),
  created_at: z.date(),
  updated_at: z.date(),
})
export type CustomerRow = z.infer<typeof customerRow>
export const customerColumns = Object.keys(customerRow.shape)

export const identityRow = z.object({
  channel: z.string(),
  address: z.string(),
  customer_id: z.string(),
  created_at: z.date(),
})
export type IdentityRow = z.infer<typeof identityRow>
export const identityColumns = Object.keys(identityRow.shape)

export const participantRole = z.enum(['owner', 'admin', 'member'])

export const participantRow = z.object({
  id: z.string(),
  conversation_id: z.string(),
  customer_id: z.string().nullable(),
  account_id: z.string().nullable(),
  role: participantRole,
  joined_at: z.date(),
  left_at: z.date().nullable(),
  metadata: json,
})
export type ParticipantRow = z.infer<typeof participantRow>

export const threadRow = z.object({
  id: z.string(),
  number: z.number(),
  conversation_id: z.string(),
  customer_id: z.string().nullable(),
  channel: z.string(),
  status: z.enum(['active', 'archived']),
  created_at: z.date(),
  archived_at: z.date().nullable(),
})
export type ThreadRow = z.infer<typeof threadRow>
export const threadColumns = Object.keys(threadRow.shape)

export const mediaStatus = z.enum([
  'pending',
  'scanning',
  'clean',
  'infected',
  'unscanned',
  'failed',
])
export type MediaStatus = z.infer<typeof mediaStatus>

/** pigeonpost.media. */
export const mediaRow = z.object({
  id: z.string(),
  owner_service: z.string(),
  file_id: z.string().nullable(),
  message_id: z.string().nullable(),
  position: z.number().nullable(),
  filename: z.string().nullable(),
  content_type: z.string().nullable(),
  size: z.number().nullable(),
  storage_key: z.string().nullable(),
  preview_url: z.string().nullable(),
  metadata: json,
  status: mediaStatus,
  error_code: z.string().nullable(),
  error_message: z.string().nullable(),
  created_by: z.string().nullable(),
  created_at: z.date(),
  updated_at: z.date(),
})
export type MediaRow = z.infer<typeof mediaRow>
export const mediaColumns = Object.keys(mediaRow.shape)

/** pigeonpost.media_files. */
export const mediaFileRow = z.object({
  tenant_id: z.number(),
  id: z.string(),
  sha256: z.instanceof(Uint8Array),
  size: z.number(),
  content_type: z.string(),
  status: mediaStatus,
  storage: z.string().nullable(),
  storage_key: z.string().nullable(),
  preview_key: z.string().nullable(),
  metadata: json,
  signature: z.string().nullable(),
  error_message: z.string().nullable(),
})
export type MediaFileRow = z.infer<typeof mediaFileRow>
export const mediaFileColumns = Object.keys(mediaFileRow.shape)

export const apiKeyRow = z.object({
  tenant_id: z.number(),
  id: z.string(),
  name: z.string(),
  prefix: z.string(),
  scopes: z.array(z.string()),
  rate_per_minute: z.number().nullable(),
  created_at: z.date(),
  expires_at: z.date().nullable(),
  revoked_at: z.date().nullable(),
  last_used_at: z.date().nullable(),
})
export type ApiKeyRow = z.infer<typeof apiKeyRow>
export const apiKeyColumns = Object.keys(apiKeyRow.shape)
