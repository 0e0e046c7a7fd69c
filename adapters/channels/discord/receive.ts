import {
  type ChannelAccount,
  type InboundMessage,
  type InboundUpdate,
  type Received,
  UnreadablePayload,
  type WebhookRequest,
} from '../channel.ts'
import { parseJson, readPayload, storable } from '../shared/payload.ts'
import { isSystem, readContent } from './content.ts'
import { botId, fromNonce, snowflakeTime } from './identity.ts'
import { readInteraction } from './interaction.ts'
import { nameOf } from './display-name.ts'
import {
  channelUpdate,
  event as eventSchema,
  type GatewayEvent,
  interaction,
  message as messageSchema,
  type Message,
  messageDelete,
  messageDeleteBulk,
  messageUpdate,
  reaction,
} from './schema.ts'

/**
 * The rows behind an interaction that Discord posts, or behind events of the gateway that a bridge posts (one, or an
 * array of them). Events that are no messages bring nothing, and are kept. Removing all reactions of a message at once
 * (MESSAGE_REACTION_REMOVE_ALL, …_EMOJI) names no senders, so it cannot be said by the contract, and is kept too.
 * @throws UnreadablePayload naming the field, of what is no array; of an array's events it becomes a problem.
 */
export function receive(request: WebhookRequest, account: ChannelAccount | null): Received {
  const payload = parseJson(request.body)
  const own = botId(account)
  if (!Array.isArray(payload)) return readOne(payload, request, own)
  const all: Received = { messages: [], updates: [], groups: [], problems: [] }
  for (const [i, one] of payload.entries()) {
    try {
      const { messages, updates, groups = [] } = readOne(one, request, own)
      all.messages.push(...messages)
      all.updates.push(...updates)
      all.groups?.push(...groups)
    } catch (error) {
      if (!(error instanceof UnreadablePayload)) throw error
      all.problems?.push(inside(error, String(i)))
    }
  }
  return all
}

/** The same error, of a part. */
function inside(error: UnreadablePayload, part: string): UnreadablePayload {
  const field = error.field === 'body' ? part : `${part}.${error.field}`
  const message = error.message.replace(error.field, field)
  return new UnreadablePayload(field, message, error.hint, error.code, { cause: error })
}

function readOne(payload: unknown, request: WebhookRequest, own: string | null): Received {
  if (typeof payload === 'object' && payload !== null && !('t' in payload) && 'type' in payload) {
    const message = readInteraction(readPayload(interaction, payload), payload)
    return { messages: message ? [message] : [], updates: [] }
  }
  const event = readPayload(eventSchema, payload)
  try {
    // Of deletions and reactions Discord gives no time. The message's id has one, but adding a reaction and taking it back
    // would then be at the same time; so it is when the bridge heard of it, else when the webhook came.
    return readEvent(event, event.at ?? request.receivedAt, own)
  } catch (error) {
    throw error instanceof UnreadablePayload ? inside(error, 'd') : error
  }
}

function readEvent(event: GatewayEvent, at: Date, own: string | null): Received {
  const { t: type, d } = event
  switch (type) {
    case 'MESSAGE_CREATE': {
      const read = withChannel(readPayload(messageSchema, d), event)
      // A message that comes by backfill may have been edited since, which no event told us.
      const updates = read.edited_timestamp ? readEdit(d) : []
      return { messages: [readMessage(read, event, own)], updates }
    }
    case 'MESSAGE_UPDATE':
      return { messages: [], updates: readEdit(d) }
    case 'MESSAGE_DELETE': {
      const { id, ...place } = readPayload(messageDelete, d)
      return { messages: [], updates: [revoke(id, place, at)] }
    }
    case 'MESSAGE_DELETE_BULK': {
      const { ids, ...place } = readPayload(messageDeleteBulk, d)
      return { messages: [], updates: ids.map((id) => revoke(id, place, at)) }
    }
    case 'MESSAGE_REACTION_ADD':
    case 'MESSAGE_REACTION_REMOVE':
      return { messages: [], updates: [readReaction(d, type === 'MESSAGE_REACTION_ADD', at)] }
    case 'CHANNEL_UPDATE':
    case 'THREAD_UPDATE': {
      const { id, name } = readPayload(channelUpdate, d)
      return { messages: [], updates: [], groups: name ? [{ externalId: id, name }] : [] }
    }
    case 'INTERACTION_CREATE': {
      const message = readInteraction(readPayload(interaction, d), d)
      return { messages: message ? [message] : [], updates: [] }
    }
    default:
      return { messages: [], updates: [] }
  }
}

/** Messages of the REST API say neither guild nor kind of channel; the bridge does. */
function withChannel(message: Message, { channel }: GatewayEvent): Message {
  return {
    ...message,
    guild_id: message.guild_id ?? channel?.guild_id,
    channel_type: message.channel_type ?? channel?.type,
  }
}

/**
 * A direct chat is the person's: its address is their user id. A channel of a guild, or a thread, is a group. Of a
 * direct message that our bot sent, the payload does not say to whom; where the bridge does not either, the
 * conversation is the channel's, and `reference` finds what we sent from here.
 */
function readMessage(message: Message, event: GatewayEvent, own: string | null): InboundMessage {
  const { author, channel_id: channelId } = message
  const echo = own !== null && author.id === own
  const direct = isDirect(message)
  const other = event.channel?.recipients?.find(({ id }) => id !== own)?.id ?? null
  const address = echo ? (direct ? other : null) : author.id
  const inChannel = !direct || address === null
  const name = nameOf(author, message.member?.nick)
  const reference = echo ? fromNonce(message.nonce) : null
  const parent = message.type === 19 ? message.message_reference?.message_id : null
  const { metadata, ...content } = readContent(message)
  return {
    direction: isSystem(message) ? 'system' : echo ? 'outbound' : 'inbound',
    address,
    ...(inChannel ? { conversationExternalId: channelId } : {}),
    ...(inChannel && event.channel?.name ? { groupName: event.channel.name } : {}),
    externalMessageId: message.id,
    ...(reference ? { reference } : {}),
    ...content,
    sentAt: message.timestamp ?? snowflakeTime(message.id),
    ...(name && !echo ? { senderName: name } : {}),
    ...(parent ? { replyTo: [parent] } : {}),
    metadata: {
      ...metadata,
      channel_id: channelId,
      ...(message.guild_id ? { guild_id: message.guild_id } : {}),
      ...(author.username && !echo ? { username: author.username } : {}),
    },
    raw: storable(event.d),
  }
}

function isDirect({ guild_id: guild, channel_type: type }: Message): boolean {
  return typeof type === 'number' ? type === 1 : !guild
}

/**
 * Previews of links and pins change a message too; only with a time of editing and a content is it an edit. An empty
 * content with no attachment is what comes without the intent MESSAGE_CONTENT, and must not empty ours.
 */
function readEdit(payload: unknown): InboundUpdate[] {
  const read = readPayload(messageUpdate, payload)
  const { id, content, edited_timestamp: at, attachments, ...place } = read
  if (typeof content !== 'string' || !at) return []
  if (content === '' && !attachments?.length) return []
  const update = { kind: 'edit' as const, body: content, at: at.toISOString() }
  return [{ externalMessageId: id, ...placeOf(place), update }]
}

function revoke(id: string, place: Place, at: Date): InboundUpdate {
  const update = { kind: 'revoke' as const, at: at.toISOString() }
  return { externalMessageId: id, ...placeOf(place), update }
}

/**
 * A custom emoji is `name:id`, as Discord's own API names it. Somebody may have several on one message, and the contract
 * keeps one: the latest, until any of them is removed.
 */
function readReaction(payload: unknown, added: boolean, at: Date): InboundUpdate {
  const { message_id, user_id, emoji, ...place } = readPayload(reaction, payload)
  const spelled = emoji.id ? `${emoji.name ?? ''}:${emoji.id}` : (emoji.name ?? '')
  return {
    externalMessageId: message_id,
    ...placeOf(place),
    update: {
      kind: 'reaction',
      emoji: added ? spelled : null,
      sender: user_id,
      at: at.toISOString(),
    },
  }
}

type Place = {
  guild_id?: string | null | undefined
  channel_id?: string | null | undefined
}

/** A direct chat is not known by its channel's id here; message ids are unique in all of Discord anyway. */
function placeOf({ guild_id, channel_id }: Place): { conversationExternalId?: string } {
  return guild_id && channel_id ? { conversationExternalId: channel_id } : {}
}
