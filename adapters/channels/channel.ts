/**
 * What a channel is: one folder, one object of this shape. Payloads become rows (`receive`), rows become requests
 * (`send`), signatures are checked (`verify`). A channel knows nothing of SQL, HTTP servers or queues.
 */

import type { Readable } from 'node:stream'

/** A webhook as it came. Header names are in lower case; `body` is the exact bytes, which signatures are over. */
export interface WebhookRequest {
  method: string
  /** As the provider sees it, with its query string; signatures are over it. See PIGEONPOST_PUBLIC_URL. */
  url: string
  path: string
  query: Record<string, string>
  headers: Record<string, string>
  body: Buffer
}

/** The account of ours that a webhook is for, or that a message goes out from. */
export interface ChannelAccount {
  tenantId: number
  accountId: string
  /** Of the messages: whatsapp, sms, email … */
  channel: string
  address: string | null
  provider: string | null
  settings: Record<string, unknown>
  /** The value behind `secret_ref`, already looked up; null where the account names none. */
  secret: string | null
}

export type ContentType = 'text' | 'image' | 'audio' | 'video' | 'file' | 'location' | 'structured'

/** A file that a message brings or takes along. It is kept in `metadata.media`, an array; rows of media are made of it. */
export interface MediaReference {
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
  /** What else it takes to fetch it (a key, a direct path), as JSON. */
  details?: Record<string, unknown>
}

/** Where the bytes of a file that came in are: at an address, or here already. */
export type MediaSource =
  | { url: string; headers?: Record<string, string> }
  | { content: Readable | Uint8Array }

export interface LocateContext {
  account: ChannelAccount
  /** Aborts when the time for the whole file is over. */
  signal: AbortSignal
  /** The webhook that brought the file, from the inbox; null where the inbox has it no longer. */
  webhook(): Promise<WebhookRequest | null>
}

/** A file that its provider does not give; `retryable` says whether it may later. */
export class MediaUnavailable extends Error {
  readonly code: string
  readonly retryable: boolean
  constructor(code: string, message: string, retryable: boolean, options?: ErrorOptions) {
    super(message, options)
    this.name = 'MediaUnavailable'
    this.code = code
    this.retryable = retryable
  }
}

/** A file of ours that a message takes along. */
export interface OutboundFile {
  /** What the message says of it, less where it came from. */
  reference: MediaReference
  filename: string
  contentType: string
  /** Bytes. */
  size: number
  /** Signed, for an hour; null where the internet does not reach our storage. */
  url: string | null
  read(): Promise<Readable>
}

/** A message that came in, ready to be a row of pigeonpost.messages. Document 000, section 2.4. */
export interface InboundMessage {
  /** inbound, or outbound for an echo of what was sent elsewhere (the owner's phone); system for what nobody said. */
  direction: 'inbound' | 'outbound' | 'system'
  /** The message's channel where the folder serves several (Twilio: sms, whatsapp). Default: the account's. */
  channel?: string
  /** The counterpart: E.164 for phones; in a group who wrote it, and null where nobody is named. */
  address: string | null
  /** Another address of the same person (phone beside LID): the two become one customer. */
  alternateAddress?: string
  /** The address of ours that it came to, where the payload says so. */
  accountAddress?: string
  /** The group's own id; of an email the id of its thread. */
  conversationExternalId?: string
  /** The group's name, for a group that is new. */
  groupName?: string
  externalMessageId: string
  /** Of an echo: the attempt id that we sent along, where the channel hands it back. */
  reference?: string
  contentType: ContentType
  body: string | null
  /** The first one's url is the row's media_url. */
  media?: MediaReference[]
  sentAt: Date
  senderName?: string
  /** External ids of what it answers, the nearest first. The first that is here becomes reply_to_id. */
  replyTo?: string[]
  /**
   * A message whose content could not be read yet (undecryptable) and may come again under the same id: stored as a
   * stub, and filled in by the copy that brings the content.
   */
  stub?: boolean
  metadata?: Record<string, unknown>
  /** The payload, whole. */
  raw: unknown
}

/** A receipt, edit, revoke or reaction; `update` is what pigeonpost.apply_update takes. */
export interface InboundUpdate {
  /** Default: the account's. */
  channel?: string
  /** The address of ours that the message went out from or came to, where the payload says so. */
  accountAddress?: string
  externalMessageId: string
  conversationExternalId?: string
  /** The attempt id that we sent along, where the channel hands it back: it settles a message whose outcome was lost. */
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

/** Two addresses of one person on one channel, said apart from any message. */
export interface LinkedAddresses {
  channel?: string
  address: string
  alternateAddress: string
  name?: string
}

/** News of a group that is here; unknown groups are passed over (they are made by their first message). */
export interface GroupChange {
  accountAddress?: string
  externalId: string
  /** Its new id (Telegram: migrate_to_chat_id). */
  newExternalId?: string
  name?: string
  avatar?: string
  /** Merged into group_metadata. */
  metadata?: Record<string, unknown>
}

export interface Received {
  messages: InboundMessage[]
  updates: InboundUpdate[]
  identities?: LinkedAddresses[]
  groups?: GroupChange[]
  /** Parts of a batch that could not be read. The rest is stored; the bytes are kept as failed, with the first of these. */
  problems?: UnreadablePayload[]
}

/** A message to send, as the worker claimed it. */
export interface OutboundMessage {
  id: string
  /** This try's id, made before the request leaves: the idempotency key or correlation id of providers that take one. */
  attemptId: string
  attempt: number
  address: string
  /** The group's own id; of an email the id of its thread. */
  conversationExternalId: string | null
  contentType: ContentType
  body: string | null
  mediaUrl: string | null
  /** Its files, in order, as they lie in our storage; where there are any, media_url and metadata.media only say what they were. */
  files?: OutboundFile[]
  /** The message that it answers. */
  replyTo: { externalMessageId: string; subject: string | null } | null
  /** See content.ts for what it may say: media, location, template, subject … */
  metadata: Record<string, unknown>
}

/**
 * What became of a try. `not_sent`: the provider certainly did not take it. `ambiguous`: it may have, and nobody can
 * know; it is never sent again unless the provider takes an idempotency key.
 */
export type SendOutcome =
  | { outcome: 'sent'; externalMessageId: string }
  | {
      outcome: 'not_sent'
      retryable: boolean
      errorCode: string
      errorMessage: string
      /** ms; not tried again before. */
      retryAfterMs?: number
      /**
       * `disconnect`: it is the account that cannot send, not the message (bad credentials, banned). The account becomes
       * `disconnected`, and all of its messages wait, this one too; the try does not count.
       */
      account?: 'disconnect'
    }
  | { outcome: 'ambiguous'; errorCode: string; errorMessage: string }

export interface SendContext {
  account: ChannelAccount
  /** Aborts when the request's time is over, before the message's lease is. */
  signal: AbortSignal
  /** Where the internet reaches our HTTP server (PIGEONPOST_PUBLIC_URL), without a trailing slash; null where unset. */
  publicUrl: string | null
}

/** A payload that cannot be understood. It is kept in the inbox with this error and can be replayed. */
export class UnreadablePayload extends Error {
  readonly field: string
  readonly hint: string | undefined
  readonly code: string
  constructor(
    field: string,
    message: string,
    hint?: string,
    code = 'payload_unreadable',
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.name = 'UnreadablePayload'
    this.field = field
    this.hint = hint
    this.code = code
  }
}

/** What goes back to the provider. */
export interface WebhookAnswer {
  status: number
  contentType: string
  body: string
}

export interface Channel {
  /** The folder's, and its webhooks' path: /api/webhooks/<name>/<account id>. */
  name: string
  /** The channels of the messages that it brings; an account has to be of one of them. The first is the default. */
  channels: readonly [string, ...string[]]
  /** Webhooks carry a signature of their own; the others need an API key with scope `webhooks`. */
  signed: boolean
  can: {
    edit: boolean
    revoke: boolean
    reaction: boolean
    receipt: boolean
    group: boolean
    media: boolean
  }
  /** Bytes of a body at most. Default 2 MiB. */
  mostBytes?: number
  /** One webhook address serves all accounts of an app: what the payload names goes before the path's account. */
  sharesWebhook?: boolean
  /** On the bare path an account is made for an address of ours that is new. */
  opensAccounts?: boolean
  /** Whether the signature is the account's, in constant time. Channels that do not sign answer true. */
  verify(request: WebhookRequest, account: ChannelAccount): boolean
  /** The answer to a request that brings nothing (a verification, a ping), after `verify`; null for any other. */
  handshake?(request: WebhookRequest, account: ChannelAccount): WebhookAnswer | null
  /**
   * `account` is the path's; null on the bare path. Pure: no clock, no network, no database.
   * @throws UnreadablePayload
   */
  receive(request: WebhookRequest, account: ChannelAccount | null): Received | Promise<Received>
  /**
   * Where a file's bytes are, with the account's credentials. Without it, references have a url that is fetched as it is.
   * @throws MediaUnavailable
   */
  locate?(reference: MediaReference, context: LocateContext): Promise<MediaSource>
  /** What the provider expects once it is stored or kept. Default: our JSON. */
  answer?(request: WebhookRequest): WebhookAnswer
}

/** A channel whose payloads are read at once; most are. */
export interface SyncChannel extends Channel {
  receive(request: WebhookRequest, account: ChannelAccount | null): Received
}

/** A provider that can send for one or more channels. */
export interface Provider {
  name: string
  channels: string[]
  /** A second request with the same attempt id is taken once. */
  takesIdempotencyKey: (account: ChannelAccount) => boolean
  send(message: OutboundMessage, context: SendContext): Promise<SendOutcome>
}
