import { z } from 'zod'
import { readMailboxes } from '../../../channels/email/headers.ts'
import { sanitizeText, toDate } from '../../../channels/shared/payload.ts'
import { toE164 } from '../../../channels/shared/phone.ts'
import { textField, urlField } from '../messages/new-message.ts'

const attachments = z
  .array(urlField('attachments'))
  .max(100, 'attachments must be 100 at most')
  .nullish()
  .describe('URLs; several make one message with several media')

const timestamp = z
  .union([z.string().max(100), z.number()], 'timestamp must be an ISO 8601 date')
  .refine((value) => toDate(value) !== null, 'timestamp must be an ISO 8601 date')
  .transform(String)
  .nullish()
  .describe('When the caller made the message, such as 2024-11-01T14:00:00Z; it is kept with it')

const text = textField('body').nullish()

const needsBody = (letter: {
  body?: string | null | undefined
  attachments?: string[] | null | undefined
}) => Boolean(letter.body?.trim() || letter.attachments?.length)
const bodyMissing = { path: ['body'], error: 'body is missing: send a body, attachments, or both' }

/** Document 004's words. */
const notE164 = 'Phone number must be in E.164 format'

/** Whom a text goes to. */
const phone = z.string().transform((value, context) => {
  const number = value.trim().startsWith('+') ? toE164(value) : null
  if (number) return number
  context.addIssue(notE164)
  return z.NEVER
})

/** What a text comes from: a number, a short code, or a name as operators show it. */
const sender = z.string().transform((value, context) => {
  const given = value.trim()
  const number = given.startsWith('+') ? toE164(given) : null
  const named = /^(?=.*[a-z])[a-z0-9 &._-]{1,11}$/i.test(given)
  if (number ?? (named || /^[0-9]{3,6}$/.test(given))) return number ?? given
  context.addIssue(notE164)
  return z.NEVER
})

const mailbox = (name: string) =>
  z.string().transform((value, context) => {
    const [one, another] = readMailboxes(value)
    if (one && !another && z.email().safeParse(one.address).success) return one.address
    context.addIssue(`${name} must be an email address`)
    return z.NEVER
  })

/** The body of `POST /api/messages/sms`. */
export const newSms = z
  .strictObject({
    from: sender.describe('An address of ours: its account opens by itself'),
    to: phone,
    type: z.enum(['sms', 'mms']).default('sms'),
    body: text,
    attachments,
    timestamp,
  })
  .refine(needsBody, bodyMissing)

/** The body of `POST /api/messages/email`. */
export const newEmail = z
  .strictObject({
    from: mailbox('from').describe('An address of ours: its account opens by itself'),
    to: mailbox('to'),
    subject: z
      .string()
      .max(998, 'subject must have 998 characters at most')
      .refine(
        (value) => sanitizeText(value) === value && !/[\t\n]/.test(value),
        'subject must not hold control characters',
      )
      .nullish(),
    body: text.describe('Text or HTML'),
    attachments,
    timestamp,
  })
  .refine(needsBody, bodyMissing)

/** Either, once it is read. */
export type Letter = {
  channel: 'sms' | 'email'
  from: string
  to: string
  body?: string | null | undefined
  attachments?: string[] | null | undefined
  timestamp?: string | null | undefined
  metadata: Record<string, unknown>
}
