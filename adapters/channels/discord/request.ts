import { z } from 'zod'
import type { OutboundFile, OutboundMessage, SendOutcome } from '../channel.ts'
import { cannotSend, mediaOf } from '../shared/content.ts'
import { toNonce } from './identity.ts'

/** Characters of a content: https://discord.com/developers/docs/resources/message#create-message. */
const maxText = 2000
/** Files of a message. */
const maxFiles = 10

/** What of a message's metadata goes along as it is. */
const options = z.object({
  /** Cards beside the text, or in its place. */
  embeds: z.array(z.looseObject({})).max(10).optional().catch(undefined),
  /** Buttons and menus. */
  components: z.array(z.looseObject({})).optional().catch(undefined),
  /** Mentions that the text may trigger. Default: none, whatever a customer's name or text contains (`@everyone`). */
  allowed_mentions: z.looseObject({}).optional().catch(undefined),
  flags: z.number().int().optional().catch(undefined),
})

/**
 * The body of a request that creates a message. Files of ours are uploaded with it (Discord fetches none, and a signed
 * link would soon lead nowhere); others go along as links, a line each, which Discord shows. A location is nothing that
 * it has.
 */
export function toBody(message: OutboundMessage): Record<string, unknown> | SendOutcome {
  if (message.contentType === 'location') {
    return cannotSend('content_unsupported', 'Discord has no locations; send a text with a link.')
  }
  const { allowed_mentions = { parse: [] }, ...rest } = options.parse(message.metadata)
  const media = mediaOf(message)
  const uploads = uploadsOf(message)
  if (uploads.length > maxFiles) {
    return cannotSend(
      'content_unsupported',
      `Discord takes ${maxFiles} files in one message; this one has ${uploads.length}.`,
    )
  }
  const links = media.flatMap(({ url, file }) => (url && !file ? [url] : []))
  const sent = links.length + uploads.length
  if (sent < media.length || (isFile(message) && sent === 0)) {
    return cannotSend('media_missing', 'A file to send needs a url; Discord takes no other id.')
  }
  const content = [...(message.body ? [message.body] : []), ...links].join('\n')
  const { length } = Array.from(content)
  if (length > maxText) {
    return cannotSend(
      'body_too_long',
      `The body and its links have ${length} characters; Discord takes ${maxText} in a message. Send it as several messages.`,
    )
  }
  if (!content && uploads.length === 0 && !rest.embeds?.length && !rest.components?.length) {
    return cannotSend('body_empty', 'A message needs a body, a file, embeds or components.')
  }
  return {
    ...(content ? { content } : {}),
    ...rest,
    ...reply(message),
    ...(uploads.length > 0
      ? { attachments: uploads.map(({ filename }, id) => ({ id, filename })) }
      : {}),
    allowed_mentions,
    nonce: toNonce(message.attemptId),
    enforce_nonce: true,
  }
}

export function uploadsOf(message: OutboundMessage): OutboundFile[] {
  return mediaOf(message).flatMap(({ file }) => file ?? [])
}

function isFile({ contentType }: OutboundMessage): boolean {
  return contentType !== 'text' && contentType !== 'structured'
}

/** Somebody may have deleted what is answered; the answer is worth sending all the same. */
function reply({ replyTo }: OutboundMessage): Record<string, unknown> {
  const id = replyTo?.externalMessageId
  return id && /^\d{1,20}$/.test(id)
    ? { message_reference: { message_id: id, fail_if_not_exists: false } }
    : {}
}
