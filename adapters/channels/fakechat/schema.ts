/**
 * The payloads of fakechat's webhooks:
 *
 *     {"platform": "fakechat", "user": {"id": "+27831234567"}, "message": {"id": "abc123", "type": "text", …}}
 *     {"platform": "fakechat", "receipts": [{"message_id": "fc_…", "status": "delivered", "timestamp": 1733768400}]}
 *     {"platform": "fakechat", "edit": {"message_id": "abc123", "content": "Hello!", "timestamp": 1733768460}}
 *     {"platform": "fakechat", "revoke": {"message_id": "abc123", "timestamp": 1733768470}}
 *     {"platform": "fakechat", "user": {"id": "+27831234567"}, "reaction": {"message_id": "fc_…", "emoji": "👍", …}}
 *
 * `to` (our number) and `group` may stand beside any of them. Fields that are not named here stay in `raw`.
 */

import { z } from 'zod'
import { toE164 } from '../shared/phone.ts'
import { sanitizeText, time } from '../shared/payload.ts'

/** Ids may come as numbers, and are kept to the letter: what is changed in an id makes two messages of one. */
const id = z.preprocess(
  (value) => (typeof value === 'number' ? String(value) : value),
  z
    .string()
    .min(1, 'must not be empty')
    .max(255, 'must have 255 characters at most')
    .refine((value) => sanitizeText(value) === value, 'must not hold control characters'),
)

const phone = z.preprocess(
  (value) => (typeof value === 'number' ? String(value) : value),
  z.string().transform((value, context) => {
    const number = toE164(value)
    if (number === null) {
      context.addIssue('Phone number must be in E.164 format')
      return z.NEVER
    }
    return number
  }),
)

const text = z.string().transform(sanitizeText)
const optionalText = text.nullish()
const user = z.looseObject({ id: phone, name: optionalText })

export const media = z.looseObject({
  url: optionalText,
  content_type: optionalText,
  filename: optionalText,
})

export const message = z.looseObject({
  id,
  type: text.nullish(),
  /** Text, the caption of a media, or an object (a location, a contact, what is to come). */
  content: z.unknown(),
  timestamp: time,
  media_url: optionalText,
  media: media.nullish(),
  /** The id of the message that this one answers. */
  reply_to: id.nullish(),
  /** Sent from our number, by its owner's phone or by us: `user` is who it went to. */
  from_me: z.boolean().nullish(),
  /** Of one that we sent: the request's `attempt_id`. */
  reference: optionalText,
})

export const receipt = z.looseObject({
  message_id: id,
  /** The `attempt_id` of the request that sent it. */
  reference: optionalText,
  status: z.enum(['sent', 'delivered', 'read', 'failed']),
  timestamp: time,
  /** Who of a group. */
  recipient: phone.nullish(),
  error: z.looseObject({ code: text, message: optionalText }).nullish(),
})

const base = {
  platform: z.literal('fakechat'),
  to: phone.nullish(),
  group: z.looseObject({ id, name: optionalText }).nullish(),
}

/** By the field that tells the kind apart. */
export const payloads = {
  message: z.looseObject({ ...base, user, message }),
  receipt: z.looseObject({ ...base, receipt }),
  receipts: z.looseObject({ ...base, receipts: z.array(receipt) }),
  edit: z.looseObject({
    ...base,
    edit: z.looseObject({ message_id: id, content: text, timestamp: time }),
  }),
  revoke: z.looseObject({ ...base, revoke: z.looseObject({ message_id: id, timestamp: time }) }),
  reaction: z.looseObject({
    ...base,
    user,
    reaction: z.looseObject({ message_id: id, emoji: text.nullable(), timestamp: time }),
  }),
}
