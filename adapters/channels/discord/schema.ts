/**
 * Discord's payloads, as far as they are parsed; the rest stays in `raw`.
 *
 * Events of the gateway (https://discord.com/developers/docs/events/gateway-events), as a bridge posts them, one or an
 * array of them. `at` (when the bridge heard it) and `channel` (what it knows of the event's channel) are the bridge's
 * to add, and may be missing:
 *
 *     {"t": "MESSAGE_CREATE", "d": {"id": "1315…", "channel_id": "1098…", "author": {…}, "content": "Hello", …},
 *      "at": "2024-12-09T18:20:00.123Z", "channel": {"id": "1098…", "type": 0, "guild_id": "197…", "name": "general"}}
 *
 * Interactions (https://discord.com/developers/docs/interactions/receiving-and-responding), as Discord posts them:
 *
 *     {"type": 2, "id": "1315…", "data": {"name": "order", "options": […]}, "member": {"user": {…}}, …}
 */

import { z } from 'zod'
import { sanitizeText, toDate } from '../shared/payload.ts'

/** A snowflake: up to 64 bits, so always a string. (A number that still holds all of its digits is one that was small.) */
export const id = z.preprocess(
  (value) => (typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value),
  z.string().regex(/^\d{1,20}$/, 'must be a snowflake'),
)
const optionalId = id.nullish()

const text = z.string().transform(sanitizeText)
const optionalText = text.nullish()
const number = z.number().nullish()

/** ISO 8601; null where it is none. */
const optionalTime = z
  .string()
  .nullish()
  .transform((value) => (value ? toDate(value) : null))

export const user = z.looseObject({
  id,
  username: optionalText,
  global_name: optionalText,
  bot: z.boolean().nullish(),
})
export type User = z.output<typeof user>

const member = z.looseObject({ nick: optionalText, user: user.nullish() })

/** 1 is a direct chat of two. https://discord.com/developers/docs/resources/channel#channel-object-channel-types */
export const channel = z.looseObject({
  id: optionalId,
  type: number,
  guild_id: optionalId,
  name: optionalText,
  topic: optionalText,
  recipients: z.array(user).nullish(),
})
export type KnownChannel = z.output<typeof channel>

export const event = z.looseObject({
  t: z.string(),
  d: z.unknown().optional(),
  at: optionalTime,
  channel: channel.nullish(),
})
export type GatewayEvent = z.output<typeof event>

const attachment = z.looseObject({
  id,
  url: text,
  filename: optionalText,
  content_type: optionalText,
  size: number,
  width: number,
  height: number,
  duration_secs: number,
})
export type Attachment = z.output<typeof attachment>

const sticker = z.looseObject({ id, name: optionalText, format_type: number })

const content = {
  content: optionalText,
  attachments: z.array(attachment).nullish(),
  embeds: z.array(z.unknown()).nullish(),
  components: z.array(z.unknown()).nullish(),
  sticker_items: z.array(sticker).nullish(),
  poll: z.looseObject({ question: z.looseObject({ text: optionalText }).nullish() }).nullish(),
}
const snapshot = z.looseObject(content)
export type MessageContent = z.output<typeof snapshot>

export const message = z.looseObject({
  ...content,
  id,
  channel_id: id,
  guild_id: optionalId,
  channel_type: number,
  type: number,
  author: user,
  member: member.nullish(),
  timestamp: optionalTime,
  edited_timestamp: optionalTime,
  nonce: z.union([z.string(), z.number()]).nullish(),
  /** type 1 is a forwarded message, which is in the snapshots. */
  message_reference: z
    .looseObject({ type: number, message_id: optionalId, channel_id: optionalId })
    .nullish(),
  message_snapshots: z.array(z.looseObject({ message: snapshot })).nullish(),
})
export type Message = z.output<typeof message>

/** Parts of a message may be missing. */
export const messageUpdate = z.looseObject({
  id,
  guild_id: optionalId,
  channel_id: optionalId,
  content: optionalText,
  attachments: z.array(z.unknown()).nullish(),
  edited_timestamp: optionalTime,
})

const place = { channel_id: optionalId, guild_id: optionalId }
export const messageDelete = z.looseObject({ ...place, id })
export const messageDeleteBulk = z.looseObject({ ...place, ids: z.array(id) })

export const reaction = z.looseObject({
  ...place,
  message_id: id,
  user_id: id,
  emoji: z
    .looseObject({ id: optionalId, name: optionalText })
    .refine(({ id, name }) => id || name, 'must have an id or a name'),
})

export const channelUpdate = z.looseObject({ id, name: optionalText, topic: optionalText })

/** Options of a command; those of a group hold subcommands, and those hold values. No deeper than that. */
const value = z.union([z.string().transform(sanitizeText), z.number(), z.boolean()]).nullish()
const option = z.looseObject({ name: text, value })
const subcommand = option.extend({ options: z.array(option).nullish() })
const commandOption = option.extend({ options: z.array(subcommand).nullish() })
export type CommandOption = {
  name: string
  value?: string | number | boolean | null | undefined
  options?: CommandOption[] | null | undefined
}

/** A field of a form lies in an action row (`components`) or, newer, in a label (`component`). */
const field = z.looseObject({
  custom_id: optionalText,
  value: optionalText,
  values: z.array(text).nullish(),
})
export type FormField = z.output<typeof field>

export const interaction = z.looseObject({
  id,
  /** 1 ping, 2 command, 3 component, 4 autocomplete, 5 form. */
  type: z.number(),
  channel_id: optionalId,
  channel: channel.nullish(),
  guild_id: optionalId,
  member: member.nullish(),
  user: user.nullish(),
  message: z.looseObject({ id }).nullish(),
  data: z
    .looseObject({
      name: optionalText,
      /** Of a command: 1 typed, 2 on a user, 3 on a message. */
      type: number,
      target_id: optionalId,
      options: z.array(commandOption).nullish(),
      custom_id: optionalText,
      values: z.array(text).nullish(),
      components: z
        .array(z.looseObject({ components: z.array(field).nullish(), component: field.nullish() }))
        .nullish(),
    })
    .nullish(),
})
export type Interaction = z.output<typeof interaction>
