import { z } from 'zod'
import type { MessageRequest } from '../../../../db/messages/create.ts'
import { sanitizeText } from '../../../channels/shared/payload.ts'
import { dateTime, object } from '../../shared/fields.ts'
import { contentTypeOf, typeWord } from './schema.ts'

/** Bytes of a body, as in the table (messages_body_at_most_1_mib). */
const maxContentBytes = 1_048_576

const needsMedia: ReadonlySet<string> = new Set(['Image', 'Video', 'Audio', 'Document'])

/** What a message says, in a field of that name. */
export function textField(name: string) {
  return z
    .string()
    .transform((text) => text.replaceAll('\r\n', '\n'))
    .refine((text) => sanitizeText(text) === text, {
      error: `${name} must not hold control characters, but tab and newline, nor lone surrogates`,
      abort: true,
    })
    .refine(
      (text) => Buffer.byteLength(text) <= maxContentBytes,
      `${name} must have 1048576 bytes at most`,
    )
}

/** Where a file is, in a field of that name. */
export function urlField(name: string) {
  return z
    .url({ protocol: /^https?$/, error: `${name} must be an http or https URL` })
    .refine(
      (text) => text.length <= 2048 && sanitizeText(text) === text,
      `${name} must have 2048 characters at most`,
    )
}

/** The body of `POST /messages`: the fields of the WhatsApp message API, `accountId` for `whatsappAccountId`, and `metadata`. */
export const newMessage = z
  .strictObject({
    whatsappAccountId: z.uuid('whatsappAccountId must be a UUID').nullish(),
    accountId: z.uuid('accountId must be a UUID').nullish(),
    to: z.string().min(1, 'to must not be empty').max(255, 'to must have 255 characters at most'),
    type: typeWord.default('Text'),
    content: textField('content').nullish(),
    mediaUrl: urlField('mediaUrl').nullish(),
    mediaId: z
      .uuid('mediaId must be a UUID')
      .nullish()
      .describe('Of an upload, in place of mediaUrl'),
    scheduledFor: dateTime('scheduledFor').nullish(),
    metadata: object('metadata').nullish(),
  })
  .superRefine((message, context) => {
    const { accountId, whatsappAccountId, type, mediaUrl, mediaId } = message
    if (accountId && whatsappAccountId && accountId !== whatsappAccountId) {
      context.addIssue({
        code: 'custom',
        path: ['accountId'],
        message: 'accountId and whatsappAccountId differ: give one',
      })
    }
    if (sanitizeText(message.to) !== message.to) {
      context.addIssue({
        code: 'custom',
        path: ['to'],
        message: 'to must not hold control characters',
      })
    }
    if (mediaUrl && mediaId) {
      context.addIssue({
        code: 'custom',
        path: ['mediaId'],
        message: 'mediaId and mediaUrl are two files: give one',
      })
    }
    if (needsMedia.has(type) ? !mediaUrl && !mediaId : !message.content?.trim()) {
      const field = needsMedia.has(type) ? 'mediaUrl' : 'content'
      context.addIssue({
        code: 'custom',
        path: [field],
        message: `${field} is missing: a message of type ${type} has one`,
      })
    }
  })
export type NewMessageBody = z.infer<typeof newMessage>

/** The request in the database's words, before an account is chosen for it. */
export function toMessageRequest(body: NewMessageBody): MessageRequest {
  return {
    contentType: contentTypeOf(body.type),
    body: body.content ?? null,
    mediaUrl: body.mediaUrl ?? null,
    mediaId: body.mediaId ?? null,
    metadata: body.metadata ?? {},
    scheduledFor: body.scheduledFor ?? null,
  }
}
