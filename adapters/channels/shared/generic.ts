/**
 * The generic JSON webhook of the messaging-service API, for any sms or email provider that can be configured to send it:
 *
 *     {"from": "+18045551234", "to": "+12016661234", "type": "mms", "messaging_provider_id": "message-1",
 *      "body": "Hello", "attachments": ["https://…/image.jpg"], "timestamp": "2024-11-01T14:00:00Z"}
 *
 * Who sent it is told by the name of its id: `xillio_id` is xillio's. Other fields stay in `raw`.
 */

import { z } from 'zod'
import { type ContentType, type MediaReference, UnreadablePayload } from '../channel.ts'
import { readPayload, sanitizeText, storable, time } from './payload.ts'

export type GenericMessage = {
  from: string
  to: string
  /** The field's name before `_id`. */
  provider: string
  externalMessageId: string
  type: string | null
  body: string | null
  media: MediaReference[]
  sentAt: Date
  /** Its other fields, read where a channel has a use for them. */
  rest: Record<string, unknown>
  raw: unknown
}

const text = z.string().transform(sanitizeText)

const attachment = z.union([
  text.pipe(z.string().min(1)).transform((url): MediaReference => ({ url })),
  z
    .looseObject({
      url: text.pipe(z.string().min(1)),
      content_type: text.nullish(),
      filename: text.nullish(),
      size: z.number().int().min(0).nullish(),
    })
    .transform(({ url, content_type, filename, size }): MediaReference => ({
      url,
      ...(content_type ? { content_type } : {}),
      ...(filename ? { filename } : {}),
      ...(typeof size === 'number' ? { size } : {}),
    })),
])

const address = z.preprocess(
  (value) => (typeof value === 'number' ? String(value) : value),
  text.transform((value) => value.trim()).pipe(z.string().min(1).max(1000)),
)

const generic = z.looseObject({
  from: address,
  to: address,
  type: text.nullish(),
  body: text.nullish(),
  attachments: z.array(attachment).nullish(),
  timestamp: time,
})

/** Ids that say something else about a message than what it is called where it comes from. */
const notOurs =
  /^(account|campaign|channel|conversation|customer|group|parent|reply_to|tenant|thread|user)_id$/

/**
 * The messages of a payload: one object, or an array of them, of which one that cannot be read leaves the others be.
 * `idField` is the id's usual name, for choosing among several and for the error where there is none.
 * @throws UnreadablePayload naming the field, where the payload is one object.
 */
export function readGeneric(
  payload: unknown,
  idField: string,
): { messages: GenericMessage[]; problems: UnreadablePayload[] } {
  if (!Array.isArray(payload)) return { messages: [readOne(payload, idField)], problems: [] }
  const messages: GenericMessage[] = []
  const problems: UnreadablePayload[] = []
  for (const [index, item] of payload.entries()) {
    try {
      messages.push(readOne(item, idField))
    } catch (error) {
      if (!(error instanceof UnreadablePayload)) throw error
      problems.push(
        new UnreadablePayload(
          `${index}.${error.field}`,
          `${index}: ${error.message}`,
          error.hint,
          error.code,
          { cause: error },
        ),
      )
    }
  }
  return { messages, problems }
}

function readOne(payload: unknown, idField: string): GenericMessage {
  const raw = storable(payload)
  const { from, to, type, body, attachments, timestamp, ...rest } = readPayload(generic, payload)
  const media = attachments ?? []
  if ((body ?? null) === null && media.length === 0) {
    throw new UnreadablePayload('body', 'body is missing', 'Send a body, attachments, or both.')
  }
  return {
    from,
    to,
    ...readId(rest, idField),
    type: type || null,
    body: body ?? null,
    media,
    sentAt: timestamp,
    rest,
    raw,
  }
}

function readId(rest: Record<string, unknown>, idField: string) {
  const ids = Object.entries(rest).filter(
    (entry): entry is [string, string | number] =>
      /._id$/.test(entry[0]) &&
      !notOurs.test(entry[0]) &&
      (typeof entry[1] === 'number' || (typeof entry[1] === 'string' && entry[1] !== '')),
  )
  const found =
    ids.find(([name]) => name === idField) ??
    ids.find(([name]) => name.endsWith('provider_id')) ??
    ids[0]
  if (!found) {
    throw new UnreadablePayload(
      idField,
      `${idField} is missing`,
      'The id may have another name that ends in _id; what stands before that is the provider.',
    )
  }
  const [name, value] = found
  const externalMessageId = String(value)
  if (externalMessageId.length > 255 || sanitizeText(externalMessageId) !== externalMessageId) {
    throw new UnreadablePayload(
      name,
      `${name}: must have 255 characters at most, none of them a control character`,
    )
  }
  return { provider: sanitizeText(name).slice(0, -'_id'.length), externalMessageId }
}

const kinds: [ContentType, RegExp][] = [
  ['image', /^(jpe?g|png|gif|webp|bmp|tiff?|heic|heif|avif|svg)$/],
  ['audio', /^(mp3|m4a|aac|amr|ogg|oga|opus|wav|flac|weba)$/],
  ['video', /^(mp4|m4v|mov|3gpp?|3g2|webm|avi|mkv|mpe?g)$/],
]

/** What a message is that carries this file: by its MIME type, else by the ending of its name or of its URL's path. */
export function contentTypeOf({ content_type, filename, url }: MediaReference): ContentType {
  const type = /^(image|audio|video)\//.exec(content_type?.toLowerCase() ?? '')?.[1]
  if (type) return type as ContentType
  const path = filename ?? url?.replace(/[?#].*$/s, '') ?? ''
  const ending = /\.([a-z0-9]{1,5})$/.exec(path.toLowerCase())?.[1] ?? ''
  return kinds.find(([, endings]) => endings.test(ending))?.[0] ?? 'file'
}
