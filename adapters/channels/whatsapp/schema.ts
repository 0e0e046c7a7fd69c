/**
 * What Meta sends for a WhatsApp Business account. Everything hangs below `entry[].changes[].value`; one delivery may
 * bring many of each:
 *
 *     {"object": "whatsapp_business_account", "entry": [{"id": "…", "changes": [{"field": "messages", "value": {
 *       "metadata": {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"},
 *       "contacts": [{"profile": {"name": "Sheena"}, "wa_id": "16505551234", "user_id": "US.1349"}],
 *       "messages": [{"id": "wamid.…", "from": "16505551234", "timestamp": "1739321024", "type": "text", …}],
 *       "statuses": [{"id": "wamid.…", "status": "read", "timestamp": "1739321025", "recipient_id": "16505551234"}]}}]}]}
 *
 * Who, which message and when must be readable; what was said need not be: content that does not have the documented
 * shape counts as absent, and the message is kept with its raw.
 * Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference
 */

import { z } from 'zod'
import { sanitizeText, time } from '../shared/payload.ts'
import { readAddress } from './address.ts'

const numberAsText = (value: unknown) => (typeof value === 'number' ? String(value) : value)

/** Ids are kept to the letter: what is changed in an id makes two messages of one. */
const id = z.preprocess(
  numberAsText,
  z
    .string()
    .min(1, 'must not be empty')
    .max(1024, 'must have 1024 characters at most')
    .refine((value) => sanitizeText(value) === value, 'must not hold control characters'),
)

/** Null where it is empty. */
const address = z.preprocess(
  numberAsText,
  z.string().max(255, 'must have 255 characters at most').transform(readAddress),
)

const text = z.preprocess(numberAsText, z.string().transform(sanitizeText)).optional()
const lenientText = text.catch(undefined)
const flag = z.boolean().optional().catch(undefined)
const lenientAddress = address.nullish().catch(undefined)
const part = <S extends z.ZodRawShape>(shape: S) => z.looseObject(shape).optional().catch(undefined)

const media = part({
  id: lenientText,
  url: lenientText,
  mime_type: lenientText,
  sha256: lenientText,
  filename: lenientText,
  caption: lenientText,
  voice: flag,
  animated: flag,
})
export type Media = NonNullable<z.output<typeof media>>

const error = z.looseObject({
  code: lenientText,
  title: lenientText,
  message: lenientText,
  error_data: part({ details: lenientText }),
})
const errors = z.array(error).optional().catch(undefined)
export type WebhookError = z.output<typeof error>

/** What a message holds, by its type; an edit holds the same once more. */
const content = {
  type: lenientText,
  text: part({ body: lenientText }),
  image: media,
  sticker: media,
  audio: media,
  video: media,
  document: media,
  interactive: part({
    type: lenientText,
    button_reply: part({ title: lenientText }),
    list_reply: part({ title: lenientText }),
    nfm_reply: part({ body: lenientText }),
  }),
  button: part({ text: lenientText }),
  order: part({ text: lenientText }),
}

export const message = z.looseObject({
  ...content,
  id,
  timestamp: time,
  from: address.nullish(),
  from_user_id: address.nullish(),
  from_parent_user_id: lenientText,
  /** Of an echo: who it went to. */
  to: address.nullish(),
  to_user_id: address.nullish(),
  to_parent_user_id: lenientText,
  group_id: id.nullish(),
  context: part({ id: lenientText, forwarded: flag, frequently_forwarded: flag }),
  system: part({
    body: lenientText,
    type: lenientText,
    wa_id: lenientAddress,
    /** Instead of wa_id, up to v11. */
    new_wa_id: lenientAddress,
    /** Who it was before the change, where `from` does not say it. */
    customer: lenientAddress,
    user_id: lenientAddress,
    previous_user_id: lenientAddress,
  }),
  errors,
})
export type Message = z.output<typeof message>

export const reaction = z.looseObject({
  reaction: z.looseObject({ message_id: id, emoji: z.string().transform(sanitizeText).nullish() }),
})
export const edit = z.looseObject({
  edit: z.looseObject({ original_message_id: id, message: z.looseObject(content) }),
})
export const revoke = z.looseObject({ revoke: z.looseObject({ original_message_id: id }) })

export const status = z.looseObject({
  id,
  status: z.string(),
  timestamp: time,
  /** A phone number, or the group's id. */
  recipient_id: id.nullish(),
  recipient_user_id: address.nullish(),
  recipient_type: lenientText,
  group_id: id.nullish(),
  recipient_participant_id: address.nullish(),
  recipient_participant_user_id: address.nullish(),
  biz_opaque_callback_data: lenientText,
  errors,
})
export type Status = z.output<typeof status>

export const userIdUpdate = z.looseObject({
  wa_id: address.nullish(),
  user_id: z.looseObject({ previous: address, current: address }),
})

const setting = part({ text: lenientText, update_successful: flag })
export const group = z.looseObject({
  /** None where it could not be made. */
  group_id: id.nullish(),
  type: lenientText,
  subject: lenientText,
  description: lenientText,
  group_subject: setting,
  group_description: setting,
  errors,
})

export const historyThread = z.looseObject({
  id: lenientAddress,
  context: part({ wa_id: lenientAddress, user_id: lenientAddress, username: lenientText }),
  messages: z.unknown(),
})

const contact = z
  .looseObject({
    wa_id: lenientAddress,
    user_id: lenientAddress,
    profile: part({ name: lenientText, username: lenientText }),
  })
  .catch({})
export type Contact = z.output<typeof contact>

/** The lists are read item by item, so that one that is unreadable does not sink the others. */
export const value = z.looseObject({
  metadata: part({ display_phone_number: lenientAddress }),
  contacts: z.array(contact).nullish().catch([]),
  errors,
})

export const change = z.looseObject({ field: lenientText, value })
export const entry = z.looseObject({ changes: z.array(z.unknown()) })
export const envelope = z.looseObject({
  object: z.literal('whatsapp_business_account').optional(),
  entry: z.array(z.unknown()),
})
