import type { InboundMessage, WebhookAnswer, WebhookRequest } from '../channel.ts'
import { storable } from '../shared/payload.ts'
import { snowflakeTime } from './identity.ts'
import { nameOf } from './display-name.ts'
import type { CommandOption, FormField, Interaction } from './schema.ts'

/**
 * What somebody did with a command, a button, a menu or a form, in plain words: `/order pizza size:large`,
 * `confirm: yes, later`. A ping and the suggestions of an autocomplete are no messages: null.
 * In a guild it belongs to its channel; elsewhere it is the person's.
 */
export function readInteraction(read: Interaction, payload: unknown): InboundMessage | null {
  const person = read.member?.user ?? read.user
  if (read.type === 1 || read.type === 4 || !person) return null
  const channelId = read.channel_id ?? read.channel?.id
  const inGuild = Boolean(read.guild_id && channelId)
  const name = nameOf(person, read.member?.nick)
  return {
    direction: 'inbound',
    address: person.id,
    ...(inGuild && channelId ? { conversationExternalId: channelId } : {}),
    ...(inGuild && read.channel?.name ? { groupName: read.channel.name } : {}),
    externalMessageId: read.id,
    contentType: 'structured',
    body: inWords(read),
    sentAt: snowflakeTime(read.id),
    ...(name ? { senderName: name } : {}),
    ...(read.message ? { replyTo: [read.message.id] } : {}),
    metadata: {
      type: 'interaction',
      interaction_type: read.type,
      ...(channelId ? { channel_id: channelId } : {}),
      ...(read.guild_id ? { guild_id: read.guild_id } : {}),
      ...(person.username ? { username: person.username } : {}),
    },
    raw: storable(payload),
  }
}

function inWords({ type, data }: Interaction): string | null {
  if (!data) return null
  if (type === 2) {
    const target = data.target_id ? [`target:${data.target_id}`] : []
    // Only what is typed begins with a slash.
    const name = (data.type ?? 1) === 1 ? `/${data.name ?? ''}` : (data.name ?? '')
    return [name, ...optionsInWords(data.options), ...target].join(' ')
  }
  const fields = (data.components ?? []).flatMap(({ components, component }) => [
    ...(components ?? []),
    ...(component ? [component] : []),
  ])
  if (fields.length > 0) return fields.map(fieldInWords).join('\n')
  const id = data.custom_id ?? ''
  return data.values?.length ? `${id}: ${data.values.join(', ')}` : id || null
}

function optionsInWords(options: CommandOption[] | null | undefined): string[] {
  return (options ?? []).flatMap(({ name, value, options }) =>
    value === undefined || value === null
      ? [name, ...optionsInWords(options)]
      : [`${name}:${String(value)}`],
  )
}

function fieldInWords({ custom_id: id, value, values }: FormField): string {
  return `${id ?? ''}: ${value ?? values?.join(', ') ?? ''}`
}

/** Visible only to the user who caused it. */
const ephemeral = 64

/**
 * What Discord shows, within three seconds, to who caused an interaction. A deferred answer would show "thinking" for 15
 * minutes and then fail, since what is said in return is a message of the conversation, and not a follow-up. So a command
 * and a form are acknowledged at once, visible to that person alone; a button or menu stops waiting, and its message
 * stays as it is; an autocomplete gets no suggestions.
 * https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-response-object-interaction-callback-type
 */
const callbacks: Record<number, object> = {
  1: { type: 1 },
  3: { type: 6 },
  4: { type: 8, data: { choices: [] } },
}
const acknowledged = { type: 4, data: { content: 'Received, thank you.', flags: ephemeral } }

/** The answer to a request of Discord's own; of a bridge's, nobody waits for one. */
export function answer(request: WebhookRequest): WebhookAnswer {
  const type = typeOf(request)
  return json(type === null ? {} : (callbacks[type] ?? acknowledged))
}

/** Discord pings an endpoint before it takes it, and now and then. */
export function handshake(request: WebhookRequest): WebhookAnswer | null {
  return typeOf(request) === 1 ? json({ type: 1 }) : null
}

function json(value: object): WebhookAnswer {
  return { status: 200, contentType: 'application/json', body: JSON.stringify(value) }
}

/** The type of the interaction that Discord posts; null where it is something else. */
function typeOf({ headers, body }: WebhookRequest): number | null {
  if (headers['x-signature-ed25519'] === undefined) return null
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'))
    if (typeof parsed !== 'object' || parsed === null || !('type' in parsed)) return null
    return typeof parsed.type === 'number' ? parsed.type : null
  } catch {
    return null
  }
}
