import { z } from 'zod'
import { readMailboxes } from '../../../channels/email/headers.ts'
import { sanitizeText, toDate } from '../../../channels/shared/payload.ts'
import { notE164, phoneOf, senderOf } from '../../shared/address.ts'
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

const needsBody = (message: {
  body?: string | null | undefined
  attachments?: string[] | null | undefined
}) => Boolean(message.body?.trim() || message.attachments?.length)
const bodyMissing = { path: ['body'], error: 'body is missing: send a body, attachments, or both' }

/** Whom a text goes to. */
const phone = z.string().transform((value, context) => {
  const number = phoneOf(value)
  if (number) return number
  context.addIssue(notE164)
  return z.NEVER
})

const sender = z.string().transform((value, context) => {
  const address = senderOf(value)
  if (address) return address
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

/** Either, parsed. */
export type SmsOrEmail = {
  channel: 'sms' | 'email'
  from: string
  to: string
  body?: string | null | undefined
  attachments?: string[] | null | undefined
  timestamp?: string | null | undefined
  metadata: Record<string, unknown>
}
