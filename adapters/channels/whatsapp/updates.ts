/** Reactions, edits and revokes, which come as messages of their own, and statuses. */

import { type InboundUpdate, type LinkedAddresses, UnreadablePayload } from '../channel.ts'
import { readPayload } from '../shared/payload.ts'
import { readAddress } from './address.ts'
import { linkAll } from './people.ts'
import {
  edit as editSchema,
  type Message,
  reaction as reactionSchema,
  revoke as revokeSchema,
  status as statusSchema,
  type WebhookError,
} from './schema.ts'

type Target = Pick<InboundUpdate, 'externalMessageId' | 'update'>

/** `sender`: who reacted. @throws UnreadablePayload naming the field. */
export function readUpdate(
  kind: 'reaction' | 'edit' | 'revoke',
  item: unknown,
  { timestamp }: Message,
  sender: string | null,
): Target {
  const at = timestamp.toISOString()
  switch (kind) {
    case 'reaction': {
      const { reaction } = readPayload(reactionSchema, item)
      if (sender === null) throw new UnreadablePayload('from', 'from is missing')
      // One that was taken back has an empty emoji, or none.
      const emoji = reaction.emoji || null
      return { externalMessageId: reaction.message_id, update: { kind, emoji, sender, at } }
    }
    case 'edit': {
      const { edit } = readPayload(editSchema, item)
      return {
        externalMessageId: edit.original_message_id,
        update: { kind, body: editedBody(edit.message), at },
      }
    }
    case 'revoke': {
      const { revoke } = readPayload(revokeSchema, item)
      return { externalMessageId: revoke.original_message_id, update: { kind, at } }
    }
  }
}

/** The text, or the caption, which is none where it was taken away. */
function editedBody(message: Pick<Message, 'type' | 'text' | 'image' | 'video' | 'document'>) {
  const { type = 'unknown', text } = message
  if (type === 'image' || type === 'video' || type === 'document') {
    return message[type]?.caption ?? ''
  }
  if (text?.body === undefined) {
    throw new UnreadablePayload('edit.message', `edit.message of type ${type} has no text`)
  }
  return text.body
}

const statuses: ReadonlyMap<string, 'sent' | 'delivered' | 'read' | 'failed'> = new Map([
  ['sent', 'sent'],
  ['delivered', 'delivered'],
  ['read', 'read'],
  // Somebody listened to a voice message.
  ['played', 'read'],
  ['failed', 'failed'],
])

/**
 * A receipt; null for a status that is none (`deleted`, `warning`). In a group it is of one recipient, or of the group
 * as a whole. A number and a BSUID in one status are one person's.
 * Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/status
 */
export function readStatus(
  item: unknown,
): { update: InboundUpdate; identities: LinkedAddresses[] } | null {
  const read = readPayload(statusSchema, item)
  const status = statuses.get(read.status)
  if (!status) return null
  const participant = [read.recipient_participant_id, read.recipient_participant_user_id]
  const inGroup = Boolean(
    read.recipient_type === 'group' || read.group_id || participant.some(Boolean),
  )
  const group = inGroup ? (read.group_id ?? read.recipient_id) : null
  const people = inGroup
    ? participant
    : [read.recipient_id ? readAddress(read.recipient_id) : null, read.recipient_user_id]
  const recipient = participant.find(Boolean)
  const reference = read.biz_opaque_callback_data
  const [error] = read.errors ?? []
  return {
    update: {
      externalMessageId: read.id,
      ...(group ? { conversationExternalId: group } : {}),
      ...(reference ? { reference } : {}),
      update: {
        kind: 'receipt',
        status,
        at: read.timestamp.toISOString(),
        ...(recipient ? { recipient } : {}),
        ...(status === 'failed' && error ? describe(error) : {}),
      },
    },
    identities: linkAll(people),
  }
}

function describe({ code, title, message, error_data }: WebhookError) {
  const said = [title ?? message, error_data?.details].filter(Boolean)
  return {
    ...(code === undefined ? {} : { error_code: code }),
    ...(said.length > 0 ? { error_message: [...new Set(said)].join(': ') } : {}),
  }
}
