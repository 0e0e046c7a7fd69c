/**
 * What SendGrid posts: events as a JSON array, and mails (Inbound Parse) as multipart/form-data.
 * https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
 * https://www.twilio.com/docs/sendgrid/for-developers/parsing-email/setting-up-the-inbound-parse-webhook
 */

import { z } from 'zod'
import { sanitizeText, toDate } from '../shared/payload.ts'

const text = z.string().transform(sanitizeText)
/** Fields that only say more may be of any type: an event is not lost for them. */
const note = text.nullish().catch(null)

export const event = z.looseObject({
  event: text,
  /** Seconds since 1970. */
  timestamp: z.union([z.number(), z.string()]).transform((value, context) => {
    const date = toDate(value)
    if (date === null) {
      context.addIssue('must be seconds since 1970')
      return z.NEVER
    }
    return date
  }),
  email: note,
  /** The answer's X-Message-Id, then a dot and what served it. */
  sg_message_id: note,
  /** The Message-ID, with brackets. */
  'smtp-id': note,
  /** Of a bounce: `bounce`, or `blocked` where the server refused for now. */
  type: note,
  reason: note,
  /** Of a bounce: 5.1.1. */
  status: note,
  response: note,
  /** An opening by a mail service that fetches every picture. */
  sg_machine_open: z.boolean().nullish().catch(null),
  /** Our custom argument. */
  pigeonpost_attempt: note,
})
export type SendgridEvent = z.output<typeof event>

/** Inbound Parse's fields that are JSON themselves. */
export const envelope = z.looseObject({ to: z.array(text), from: text.nullish() })
export const charsets = z.record(z.string(), z.string())
export const attachmentInfo = z.record(
  z.string(),
  z.looseObject({ filename: note, name: note, type: note, 'content-id': note }),
)
