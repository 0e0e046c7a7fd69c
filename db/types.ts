/**
 * The domain's types: what comes in, what goes out, and what they refer to. Channels make and take them, the database
 * stores them.
 */

import type { Readable } from 'node:stream'

/** A webhook as it came. Header names are in lower case; `body` is the exact bytes, which signatures are over. */
export type WebhookRequest = {
  method: string
  /** As the provider sees it, with its query string; some signatures cover it. See PIGEONPOST_PUBLIC_URL. */
  url: string
  path: string
  query: Record<string, string>
  headers: Record<string, string>
  body: Buffer
  /** When its last byte arrived; the same in a replay. Used as the time of messages and updates that carry none. */
  receivedAt: Date
}

export type ContentType = 'text' | 'image' | 'audio' | 'video' | 'file' | 'location' | 'structured'

/** A file of a message, inbound or outbound. An element of the array `metadata.media`, from which rows of media are made. */
export type MediaReference = {
  /** The provider's id of it, where files are fetched by id. */
  id?: string
  url?: string
  /** MIME type. */
  content_type?: string
  filename?: string
  /** Bytes. */
  size?: number
  /** Hex. */
  sha256?: string
  /** What else is needed to fetch it (a key, a direct path), as JSON. */
  details?: Record<string, unknown>
}

/** A stored file that is sent with a message. */
export type OutboundFile = {
  /** What the message says about it, without where it came from. */
  reference: MediaReference
  filename: string
  contentType: string
  /** Bytes. */
  size: number
  /** Signed, valid for an hour; null where our storage cannot be reached from the internet. */
  url: string | null
  read(): Promise<Readable>
}

/** A message that came in, ready to be a row of pigeonpost.messages. */
export type InboundMessage = {
  /** inbound; outbound for an echo of what was sent elsewhere (the owner's phone); system for notices that nobody wrote. */
  direction: 'inbound' | 'outbound' | 'system'
  /** The message's channel where the folder serves several (Twilio: sms, whatsapp). Default: the account's. */
  channel?: string
  /** The counterpart: E.164 for phones; in a group the sender, and null where none is named. */
  address: string | null
  /** Another address of the same person (phone beside LID): the two become one customer. */
  alternateAddress?: string
  /** Our address that it came to, where the payload says so. */
  accountAddress?: string
  /** The group's own id; of an email the id of its thread. */
  conversationExternalId?: string
  /** The group's name, for a group that is new. */
  groupName?: string
  externalMessageId: string
  /** For an echo: the attempt id that we sent, where the channel returns it. */
  reference?: string
  contentType: ContentType
  body: string | null
  /** The first one's url is the row's media_url. */
  media?: MediaReference[]
  sentAt: Date
  senderName?: string
  /** External ids of what it answers, nearest first. The first that is stored becomes reply_to_id. */
  replyTo?: string[]
  /**
   * A message whose content could not be decrypted yet and may come again under the same id: stored as a stub, and
   * completed by the copy that has the content.
   */
  stub?: boolean
  metadata?: Record<string, unknown>
  /** The complete payload. */
  raw: unknown
}

/** A receipt, edit, revoke or reaction; `update` is what pigeonpost.apply_update takes. */
export type InboundUpdate = {
  /** Default: the account's. */
  channel?: string
  /** Our address that sent or received the message, where the payload says so. */
  accountAddress?: string
  externalMessageId: string
  conversationExternalId?: string
  /** The attempt id that we sent, where the channel returns it: it settles a message whose outcome was lost. */
  reference?: string
  update:
    | {
        kind: 'receipt'
        status: 'sent' | 'delivered' | 'read' | 'failed'
        at: string
        recipient?: string
        error_code?: string
        error_message?: string
      }
    | { kind: 'edit'; body: string; at: string }
    | { kind: 'revoke'; at: string }
    | { kind: 'reaction'; emoji: string | null; sender: string; at: string }
}

/** Two addresses of one person on one channel, reported outside any message. */
export type LinkedAddresses = {
  channel?: string
  address: string
  alternateAddress: string
  name?: string
}

/** A change of a known group; unknown groups are skipped (their first message creates them). */
export type GroupChange = {
  accountAddress?: string
  externalId: string
  /** Its new id (Telegram: migrate_to_chat_id). */
  newExternalId?: string
  name?: string
  avatar?: string
  /** Merged into group_metadata. */
  metadata?: Record<string, unknown>
}

/** A message to send, as the worker claimed it. */
export type OutboundMessage = {
  id: string
  /** This attempt's id, made before the request leaves: the idempotency key or correlation id, where a provider takes one. */
  attemptId: string
  attempt: number
  address: string
  /** The group's own id; of an email the id of its thread. */
  conversationExternalId: string | null
  contentType: ContentType
  body: string | null
  mediaUrl: string | null
  /** Its files, in order, from our storage; where there are any, media_url and metadata.media only tell their origin. */
  files?: OutboundFile[]
  /** The message that it answers. */
  replyTo: { externalMessageId: string; subject: string | null } | null
  /** See content.ts for its fields: media, location, template, subject … */
  metadata: Record<string, unknown>
}
