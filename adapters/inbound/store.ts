import type { Sql } from '../../db/connect.ts'
import { classOf, InvalidInputError, PigeonpostError, UnavailableError } from '../../db/errors.ts'
import { toInboxRow } from '../../db/inbox/store-webhooks.ts'
import {
  receive,
  type ReceivedAnswer,
  type ReceivedItem,
  type Refusal,
  type UpdateResult,
} from '../../db/inbox/receive.ts'
import {
  type GroupChange,
  type InboundMessage,
  type InboundUpdate,
  type Received,
  UnreadablePayload,
} from '../channels/channel.ts'
import { type OpenWebhook, pathOf } from './open.ts'
import { placeOf } from './resolve-account.ts'

/** Why a webhook could not be stored. `name` is that of the error class (db/errors.ts); the base class: the fault is ours. */
export type WebhookError = {
  name: string
  code: string
  message: string
  field?: string | undefined
  hint?: string | undefined
}

export type StoredMessage = {
  id: string
  externalMessageId: string
  /** It was here already, and nothing changed. */
  duplicate: boolean
}

export type ReceivedWebhook = {
  inboxId: string
  /** `failed`: something in it could not be read or stored; its bytes are kept, and what could be stored is. */
  status: 'processed' | 'failed'
  /** Of its messages, those that were here already included. */
  messageIds: string[]
  messages: StoredMessage[]
  updates: { externalMessageId: string; result: UpdateResult }[]
  duplicates: number
  error?: WebhookError
}

/**
 * Stores webhooks of one tenant, no delivery twice, by one statement: their bytes in the inbox, their messages, updates,
 * links and groups.
 * @throws what says nothing of the webhooks: a lock that is held, a deadlock, a lost connection. Then nothing is stored.
 */
export async function storeWebhooks(
  sql: Sql,
  webhooks: OpenWebhook[],
  options: { lockMs?: number | undefined } = {},
): Promise<ReceivedWebhook[]> {
  const tenantId = webhooks[0]?.tenantId ?? 0
  const answers = await receive(sql, tenantId, webhooks.map(toItem), options)
  return webhooks.map((webhook, i) => toReceived(webhook, answers[i]))
}

function contentOf({ content }: OpenWebhook): Received {
  return content instanceof UnreadablePayload ? { messages: [], updates: [] } : content
}

/** What could not be read, known before anything is stored. */
function readError({ content }: OpenWebhook): WebhookError | null {
  const problem = content instanceof UnreadablePayload ? content : content.problems?.[0]
  if (!problem) return null
  const { code, message, field, hint } = problem
  const { name } = code === 'internal_error' ? PigeonpostError : InvalidInputError
  return { name, code, message, field, hint }
}

function toItem(webhook: OpenWebhook): ReceivedItem {
  const { channel, account, request, digest } = webhook
  const { messages, updates, identities, groups } = contentOf(webhook)
  return {
    inbox: toInboxRow({
      channel: channel.name,
      accountId: account?.accountId ?? null,
      method: request.method,
      path: pathOf(request),
      headers: request.headers,
      body: request.body,
      receivedAt: request.receivedAt,
      digest,
      error: readError(webhook),
    }),
    messages: messages.map((message) => toMessage(webhook, message)),
    updates: updates.map((update) => toUpdate(webhook, update)),
    ...(identities?.length && {
      identities: identities.map(({ address, alternateAddress, ...link }) => ({
        channel: placeOf(webhook, link).channel,
        address,
        alternate_address: alternateAddress,
      })),
    }),
    ...(groups?.length && { groups: groups.map((change) => toGroup(webhook, change)) }),
  }
}

/** A message as ingest() takes it. */
function toMessage(webhook: OpenWebhook, message: InboundMessage): Record<string, unknown> {
  const { media, replyTo, reference, direction } = message
  return {
    tenant_id: webhook.tenantId,
    ...placeOf(webhook, message),
    direction,
    ...(message.address === null ? {} : { address: message.address }),
    ...(message.alternateAddress ? { alternate_address: message.alternateAddress } : {}),
    ...(message.conversationExternalId
      ? { conversation_external_id: message.conversationExternalId }
      : {}),
    ...(replyTo?.length ? { reply_to_external_id: replyTo } : {}),
    ...(reference && direction === 'outbound' ? { reference } : {}),
    external_message_id: message.externalMessageId,
    content_type: message.contentType,
    body: message.body,
    ...(media?.[0]?.url ? { media_url: media[0].url } : {}),
    sent_at: message.sentAt.toISOString(),
    metadata: {
      ...message.metadata,
      ...(media?.length ? { media } : {}),
      ...(message.senderName ? { sender_name: message.senderName } : {}),
      ...(message.groupName ? { group_name: message.groupName } : {}),
      ...(replyTo?.[0] ? { reply_to: replyTo[0] } : {}),
      ...(message.stub ? { stub: true } : {}),
    },
    raw: message.raw,
  }
}

function toUpdate(webhook: OpenWebhook, update: InboundUpdate): Record<string, unknown> {
  const { externalMessageId, conversationExternalId, reference } = update
  return {
    ...placeOf(webhook, update),
    id: externalMessageId,
    ...(conversationExternalId ? { chat: conversationExternalId } : {}),
    said: { ...update.update, ...(reference ? { reference } : {}) },
  }
}

function toGroup(webhook: OpenWebhook, change: GroupChange): Record<string, unknown> {
  const { externalId, newExternalId, name, avatar, metadata } = change
  return {
    ...placeOf(webhook, change),
    external_id: externalId,
    new_external_id: newExternalId,
    name,
    avatar,
    metadata,
  }
}

function toReceived(webhook: OpenWebhook, answer?: ReceivedAnswer): ReceivedWebhook {
  const content = contentOf(webhook)
  const messages = (answer?.messages ?? []).flatMap((one, i): StoredMessage[] =>
    one.outcome === 'refused' || one.id === null
      ? []
      : [
          {
            id: one.id,
            externalMessageId: content.messages[i]?.externalMessageId ?? '',
            duplicate: one.outcome === 'duplicate',
          },
        ],
  )
  const updates = (answer?.updates ?? []).flatMap((one, i) => {
    const { externalMessageId = '' } = content.updates[i] ?? {}
    return one.outcome === 'refused' ? [] : [{ externalMessageId, result: one.outcome }]
  })
  const error = readError(webhook) ?? (answer?.error ? describe(answer.error) : null)
  return {
    inboxId: answer?.inbox_id ?? '',
    status: error ? 'failed' : 'processed',
    messageIds: messages.map(({ id }) => id),
    messages,
    updates,
    duplicates: messages.filter(({ duplicate }) => duplicate).length,
    ...(error ? { error } : {}),
  }
}

/** What is wrong with the payload; of what is wrong with us it says no more than that. */
function describe({ code: sqlState, constraint, field, message, hint }: Refusal): WebhookError {
  const { name } = classOf(sqlState)
  if (name === PigeonpostError.name || name === UnavailableError.name) {
    return { name: PigeonpostError.name, code: 'internal_error', message }
  }
  const code = constraint ?? sqlState
  return { name, code, message, field: field ?? undefined, hint: hint ?? undefined }
}
