import type { z } from 'zod'
import {
  type ChannelAccount,
  type GroupChange,
  type InboundMessage,
  type InboundUpdate,
  type Received,
  UnreadablePayload,
  type WebhookRequest,
} from '../channel.ts'
import { parseJson, readPayload, storable } from '../shared/payload.ts'
import { readContent } from './content.ts'
import { botId, externalId, idOf } from './identity.ts'
import {
  callbackQuery,
  type Chat,
  deletedBusinessMessages,
  message as messageSchema,
  type Message,
  messageReaction,
  type Reaction,
  update as updateSchema,
  type User,
} from './schema.ts'

const messages = ['message', 'channel_post', 'business_message']
const edits = ['edited_message', 'edited_channel_post', 'edited_business_message']

/**
 * The rows behind an Update. A private chat is the person's; groups, supergroups and channels are groups. Counts of
 * reactions, members, polls, inline queries, payments and what else is no message bring nothing, and are kept.
 * `guest_message` too: it is from a chat that the bot is not in, and cannot be answered as a message.
 * @throws UnreadablePayload naming the field.
 */
export function receive(request: WebhookRequest, account: ChannelAccount | null): Received {
  const payload: Record<string, unknown> = readPayload(updateSchema, parseJson(request.body))
  const own = botId(account)
  const nothing = { messages: [], updates: [] }
  const read = (kind: string) => readAt(kind, payload, messageSchema)
  for (const kind of messages) {
    if (payload[kind]) return readMessage(read(kind), payload[kind], kind, own)
  }
  for (const kind of edits) {
    if (payload[kind]) return { ...nothing, updates: readEdit(read(kind)) }
  }
  if (payload['message_reaction']) return { ...nothing, updates: [readReaction(payload)] }
  // Of a pressed button and of deleted business messages Telegram gives no time.
  if (payload['callback_query']) {
    return { ...nothing, messages: [readCallback(payload, request.receivedAt)] }
  }
  if (payload['deleted_business_messages']) {
    return { ...nothing, updates: readDeleted(payload, request.receivedAt) }
  }
  return nothing
}

/** One part of an update. An error names the field from the update on: `message.chat.id`. */
function readAt<S extends z.ZodType>(
  kind: string,
  payload: Record<string, unknown>,
  schema: S,
): z.output<S> {
  try {
    return readPayload(schema, payload[kind])
  } catch (error) {
    if (!(error instanceof UnreadablePayload)) throw error
    const field = error.field === 'body' ? kind : `${kind}.${error.field}`
    throw new UnreadablePayload(field, error.message.replace(error.field, field), error.hint)
  }
}

function readMessage(
  message: Message,
  payload: unknown,
  kind: string,
  own: string | null,
): Received {
  const { chat } = message
  const groups = readGroupChange(message)
  // The service message of a move is no message: under the old id it would bring the group back that just moved.
  if (message.migrate_to_chat_id || message.migrate_from_chat_id) {
    return { messages: [], updates: [], groups }
  }
  const { contentType, body, media, metadata, service } = readContent(message)
  const echo = isOurs(message, own)
  const sender = nameOf(message)
  const replyTo = readReplyTo(message)
  const read: InboundMessage = {
    direction: service ? 'system' : echo ? 'outbound' : 'inbound',
    address: addressOf(message, kind, echo),
    ...placeOf(chat),
    ...(isGroup(chat) && chat.title ? { groupName: chat.title } : {}),
    externalMessageId: externalId(message),
    contentType,
    body,
    ...(media ? { media } : {}),
    sentAt: message.date,
    ...(sender && !echo ? { senderName: sender } : {}),
    ...(replyTo ? { replyTo } : {}),
    metadata: { ...metadata, ...around(message) },
    raw: storable(payload),
  }
  return { messages: [read], updates: [], ...(groups.length > 0 ? { groups } : {}) }
}

/**
 * Sent by our bot, or by the owner of a business account that the bot is connected to (their chats with customers come
 * whole: what the customer did not write, the owner did, or a bot in their name).
 */
function isOurs(message: Message, own: string | null): boolean {
  const { from, chat, business_connection_id: business } = message
  if (business && chat.type === 'private') return from?.id !== chat.id
  return own !== null && from?.id === own
}

/**
 * Anonymous administrators, and channels that write in a group, have a made-up user in `from`; who they are stands in
 * `sender_chat` (https://core.telegram.org/bots/api#message). Nobody is named in a channel.
 */
function addressOf(message: Message, kind: string, echo: boolean): string | null {
  const { chat, from, sender_chat: as } = message
  if (!isGroup(chat)) return chat.id
  if (echo || kind === 'channel_post') return null
  return as?.id ?? from?.id ?? null
}

function nameOf({ from, sender_chat: as, author_signature: signature }: Message): string | null {
  if (as) return signature ?? as.title ?? as.username ?? null
  return from ? personName(from) : null
}

function personName({ first_name: first, last_name: last, username }: User): string | null {
  return [first, last].filter(Boolean).join(' ') || username || null
}

/** The first message of a forum's topic, which all others in it formally answer, is no answer's parent. */
function readReplyTo(message: Message): string[] | null {
  const { chat, reply_to_message: parent, external_reply: outside } = message
  if (parent) {
    const topic = message.is_topic_message && parent.message_id === message.message_thread_id
    const business = message.business_connection_id
    return topic
      ? null
      : [externalId({ business_connection_id: business, ...parent, chat: parent.chat ?? chat })]
  }
  return outside?.chat && outside.message_id ? [idOf(outside.chat.id, outside.message_id)] : null
}

/** What is worth knowing beside the content. */
function around(message: Message): Record<string, unknown> {
  const { from, forward_origin: forward } = message
  return {
    ...(from?.username && !message.sender_chat ? { username: from.username } : {}),
    ...(message.media_group_id ? { media_group_id: message.media_group_id } : {}),
    ...(message.is_topic_message && message.message_thread_id
      ? { message_thread_id: message.message_thread_id }
      : {}),
    ...(message.business_connection_id
      ? { business_connection_id: message.business_connection_id }
      : {}),
    ...(message.quote?.text ? { quote: message.quote.text } : {}),
    ...(forward ? { forward_origin: storable(forward) } : {}),
  }
}

/** A group that becomes a supergroup is told of twice, from the old and from the new one; either will do. */
function readGroupChange(message: Message): GroupChange[] {
  const { chat, migrate_to_chat_id: to, migrate_from_chat_id: from } = message
  if (!isGroup(chat)) return []
  if (to) return [{ externalId: chat.id, newExternalId: to }]
  if (from) return [{ externalId: from, newExternalId: chat.id }]
  if (message.new_chat_title) return [{ externalId: chat.id, name: message.new_chat_title }]
  const photo = message.new_chat_photo?.at(-1)
  return photo ? [{ externalId: chat.id, metadata: { photo_file_id: photo.file_id } }] : []
}

/**
 * An edit of the text or the caption. Telegram does not say what changed: a message that has neither was edited in its
 * file, its place (a live location moves that way) or its buttons, which is no edit of a text.
 */
function readEdit(message: Message): InboundUpdate[] {
  const body = message.text ?? message.caption
  if (typeof body !== 'string') return []
  const at = (message.edit_date ?? message.date).toISOString()
  return [
    {
      externalMessageId: externalId(message),
      ...placeOf(message.chat),
      update: { kind: 'edit', body, at },
    },
  ]
}

/** Somebody may have several reactions on one message; the contract keeps one, so the latest that was added stands. */
function readReaction(payload: Record<string, unknown>): InboundUpdate {
  const read = readAt('message_reaction', payload, messageReaction)
  const before = new Set(read.old_reaction.map(spell))
  const now = read.new_reaction.map(spell)
  return {
    externalMessageId: idOf(read.chat.id, read.message_id),
    ...placeOf(read.chat),
    update: {
      kind: 'reaction',
      emoji: now.findLast((emoji) => !before.has(emoji)) ?? now.at(-1) ?? null,
      sender: read.user?.id ?? read.actor_chat?.id ?? read.chat.id,
      at: read.date.toISOString(),
    },
  }
}

/** A custom emoji has an id for its name: `custom_emoji:5368324170671202286`. A paid reaction is a star. */
function spell({ type, emoji, custom_emoji_id: custom }: Reaction): string {
  if (emoji) return emoji
  if (custom) return `custom_emoji:${custom}`
  return type === 'paid' ? '⭐' : type
}

/** A pressed button is something that the person says: its data. Without the message it is theirs to us alone. */
function readCallback(payload: Record<string, unknown>, sentAt: Date): InboundMessage {
  const query = readAt('callback_query', payload, callbackQuery)
  const { from, message } = query
  const chat = message?.chat
  const name = personName(from)
  return {
    direction: 'inbound',
    address: from.id,
    ...(chat ? placeOf(chat) : {}),
    ...(chat && isGroup(chat) && chat.title ? { groupName: chat.title } : {}),
    externalMessageId: `callback:${query.id}`,
    contentType: 'structured',
    body: query.data ?? query.game_short_name ?? null,
    sentAt,
    ...(name ? { senderName: name } : {}),
    ...(message && chat ? { replyTo: [externalId({ ...message, chat })] } : {}),
    metadata: {
      type: 'callback_query',
      callback_query_id: query.id,
      ...(from.username ? { username: from.username } : {}),
    },
    raw: storable(payload['callback_query']),
  }
}

function readDeleted(payload: Record<string, unknown>, at: Date): InboundUpdate[] {
  const read = readAt('deleted_business_messages', payload, deletedBusinessMessages)
  return read.message_ids.map((id) => ({
    externalMessageId: idOf(read.chat.id, id, read.business_connection_id),
    ...placeOf(read.chat),
    update: { kind: 'revoke', at: at.toISOString() },
  }))
}

function isGroup(chat: Chat): boolean {
  return chat.type !== 'private'
}

function placeOf(chat: Chat): { conversationExternalId?: string } {
  return isGroup(chat) ? { conversationExternalId: chat.id } : {}
}
