/**
 * An Update of the Telegram Bot API (https://core.telegram.org/bots/api#update), as far as it is read here:
 *
 *     {"update_id": 10000, "message": {"message_id": 1365, "date": 1733768400, "chat": {"id": 1111, "type": "private"},
 *      "from": {"id": 1111, "is_bot": false, "first_name": "Ann"}, "text": "Hello"}}
 *
 * Everything else stays in `raw`.
 */

import { z } from 'zod'
import { sanitizeText, toDate } from '../shared/payload.ts'

/** Ids have up to 52 bits, and chats of groups are negative. Kept as their digits. */
export const id = z.preprocess(
  (value) => (typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value),
  z.string().regex(/^-?\d{1,20}$/, 'must be an integer'),
)

const text = z.string().transform(sanitizeText)
const optionalText = text.nullish()

/** Seconds since 1970. */
export const time = z.number().transform((value, context) => {
  const date = toDate(value)
  if (date === null) {
    context.addIssue('must be seconds since 1970')
    return z.NEVER
  }
  return date
})

export const user = z.looseObject({
  id,
  is_bot: z.boolean().nullish(),
  first_name: optionalText,
  last_name: optionalText,
  username: optionalText,
})
export type User = z.output<typeof user>

export const chat = z.looseObject({
  id,
  /** private, group, supergroup or channel. */
  type: z.string(),
  title: optionalText,
  username: optionalText,
})
export type Chat = z.output<typeof chat>

const number = z.number().nullish()

/** PhotoSize, Animation, Audio, Document, Sticker, Video, VideoNote and Voice have these in common. */
export const file = z.looseObject({
  file_id: text,
  file_unique_id: optionalText,
  file_name: optionalText,
  mime_type: optionalText,
  file_size: number,
  width: number,
  height: number,
  duration: number,
  is_animated: z.boolean().nullish(),
  is_video: z.boolean().nullish(),
})
export type File = z.output<typeof file>

const location = z.looseObject({
  latitude: z.number(),
  longitude: z.number(),
  live_period: number,
})

/** What an answer, a pinned message or the message under a button says of itself. */
const reference = z.looseObject({
  message_id: id,
  chat: chat.nullish(),
  ephemeral_message_id: id.nullish(),
  business_connection_id: optionalText,
})
export type Reference = z.output<typeof reference>

export const message = z.looseObject({
  message_id: id,
  date: time,
  edit_date: time.nullish(),
  chat,
  from: user.nullish(),
  sender_chat: chat.nullish(),
  sender_business_bot: user.nullish(),
  author_signature: optionalText,
  business_connection_id: optionalText,
  ephemeral_message_id: id.nullish(),
  message_thread_id: id.nullish(),
  is_topic_message: z.boolean().nullish(),
  media_group_id: optionalText,
  reply_to_message: reference.nullish(),
  external_reply: z.looseObject({ chat: chat.nullish(), message_id: id.nullish() }).nullish(),
  quote: z.looseObject({ text: optionalText }).nullish(),
  forward_origin: z.unknown().optional(),
  text: optionalText,
  caption: optionalText,
  animation: file.nullish(),
  audio: file.nullish(),
  document: file.nullish(),
  live_photo: file.nullish(),
  photo: z.array(file).nullish(),
  sticker: file.extend({ emoji: optionalText }).nullish(),
  video: file.nullish(),
  video_note: file.nullish(),
  voice: file.nullish(),
  location: location.nullish(),
  venue: z.looseObject({ location, title: optionalText, address: optionalText }).nullish(),
  contact: z.looseObject({ phone_number: optionalText, first_name: optionalText }).nullish(),
  poll: z.looseObject({ question: optionalText }).nullish(),
  dice: z.looseObject({ emoji: optionalText, value: number }).nullish(),
  web_app_data: z.looseObject({ data: optionalText }).nullish(),
  new_chat_title: optionalText,
  new_chat_photo: z.array(file).nullish(),
  migrate_to_chat_id: id.nullish(),
  migrate_from_chat_id: id.nullish(),
})
export type Message = z.output<typeof message>

const reaction = z.looseObject({
  /** emoji, custom_emoji or paid. */
  type: z.string(),
  emoji: optionalText,
  custom_emoji_id: optionalText,
})
export type Reaction = z.output<typeof reaction>

export const messageReaction = z.looseObject({
  chat,
  message_id: id,
  user: user.nullish(),
  /** Who reacted in the name of a chat, anonymously. */
  actor_chat: chat.nullish(),
  date: time,
  old_reaction: z.array(reaction),
  new_reaction: z.array(reaction),
})

export const callbackQuery = z.looseObject({
  id: text.pipe(z.string().min(1).max(200)),
  from: user,
  /** The message under the button; absent where it was sent through inline mode. Its date is 0 where it is too old. */
  message: reference.nullish(),
  data: optionalText,
  game_short_name: optionalText,
})

export const deletedBusinessMessages = z.looseObject({
  business_connection_id: text,
  chat,
  message_ids: z.array(id),
})

export const update = z.looseObject({ update_id: id })
