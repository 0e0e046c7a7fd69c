/** The content inside its envelopes, and the field that tells its kind. */

import { asObject, type Properties, toBase64 } from '../values.ts'

/**
 * Messages that only hold another one (FutureProofMessage in WAProto 7.0, and deviceSentMessage). The first nine are
 * those that Baileys' own normalizeMessageContent opens, in its order.
 */
const wrappers = [
  'ephemeralMessage',
  'viewOnceMessage',
  'documentWithCaptionMessage',
  'viewOnceMessageV2',
  'viewOnceMessageV2Extension',
  'editedMessage',
  'associatedChildMessage',
  'groupStatusMessage',
  'groupStatusMessageV2',
  'deviceSentMessage',
  'lottieStickerMessage',
  'groupMentionedMessage',
  'botInvokeMessage',
  'botForwardedMessage',
  'botTaskMessage',
  'eventCoverImage',
  'limitSharingMessage',
  'pollCreationMessageV4',
  'pollCreationOptionImageMessage',
  'questionMessage',
  'questionReplyMessage',
  'statusAddYours',
  'statusMentionMessage',
  'groupStatusMentionMessage',
]

/** As many as Baileys unwraps; deeper nesting does not occur in real messages. */
const maxLayers = 5

export type Content = {
  /** The field that tells its kind: conversation, imageMessage … */
  kind: string
  /** That field's value. */
  part: unknown
  /** Base64. Edits, votes and answers to events that are encrypted need the original's. */
  secret?: string
  viewOnce: boolean
  /** Of a file of an album: the album's id. */
  albumId?: string
}

/** Null where there is nothing in it but keys for later messages. */
export function unwrap(message: unknown): Content | null {
  let content = asObject(message)
  let secret: string | undefined
  let albumId: string | undefined
  let viewOnce = false
  for (let layer = 0; content; layer++) {
    const context = asObject(content['messageContextInfo'])
    secret ??= toBase64(context?.['messageSecret'])
    const parent = asObject(asObject(context?.['messageAssociation'])?.['parentMessageKey'])
    if (typeof parent?.['id'] === 'string') albumId ??= parent['id']
    const inner: Properties | null = layer < maxLayers ? innerOf(content) : null
    if (!inner) break
    viewOnce ||= isViewOnce(content)
    content = inner
  }
  const kind = content && kindOf(content)
  if (!content || !kind) return null
  return {
    kind,
    part: content[kind],
    ...(secret ? { secret } : {}),
    viewOnce: viewOnce || asObject(content[kind])?.['viewOnce'] === true,
    ...(albumId ? { albumId } : {}),
  }
}

function innerOf(content: Properties): Properties | null {
  const wrapper = wrappers.find((name) => asObject(content[name]))
  return wrapper ? asObject(asObject(content[wrapper])?.['message']) : null
}

function isViewOnce(content: Properties): boolean {
  return Object.keys(content).some(
    (name) => name.startsWith('viewOnceMessage') && asObject(content[name]),
  )
}

/** Fields that say something about a message and are none. */
const beside = new Set([
  'messageContextInfo',
  'senderKeyDistributionMessage',
  'fastRatchetKeySenderKeyDistributionMessage',
])

/** Like Baileys' getContentType, and the few fields besides whose names do not end in Message. */
function kindOf(content: Properties): string | null {
  const names = Object.keys(content).filter(
    (name) => !beside.has(name) && content[name] !== null && content[name] !== undefined,
  )
  return (
    names.find((name) => name === 'conversation' || name.includes('Message')) ?? names[0] ?? null
  )
}
