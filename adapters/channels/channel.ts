/**
 * What a channel is: one folder, one object of this shape. Payloads become rows (`receive`), rows become requests
 * (`send`), signatures are checked (`verify`). A channel knows nothing of SQL, HTTP servers or queues.
 */

/** A webhook as it came. Header names are in lower case; `body` is the exact bytes, which signatures are over. */
export interface WebhookRequest {
  method: string
  path: string
  query: Record<string, string>
  headers: Record<string, string>
  body: Buffer
}

/** The account of ours that a webhook is for, or that a message goes out from. */
export interface ChannelAccount {
  tenantId: number
  accountId: string
  address: string | null
  provider: string | null
  settings: Record<string, unknown>
  /** The value behind `secret_ref`, already looked up; null where the account names none. */
  secret: string | null
}

export type ContentType = 'text' | 'image' | 'audio' | 'video' | 'file' | 'location' | 'structured'

/** A message that came in, ready to be a row of pigeonpost.messages. Document 000, section 2.4. */
export interface InboundMessage {
  /** inbound, or outbound for an echo of what was sent elsewhere (the owner's phone). */
  direction: 'inbound' | 'outbound'
  /** The counterpart: E.164 for phones. */
  address: string
  /** The address of ours that it came to, where the payload says so. */
  accountAddress?: string
  /** The group's own id. */
  conversationExternalId?: string
  externalMessageId: string
  /** Of an echo: the attempt id that we sent along, where the channel hands it back. */
  reference?: string
  contentType: ContentType
  body: string | null
  mediaUrl?: string
  sentAt: Date
  senderName?: string
  metadata?: Record<string, unknown>
  /** The payload, whole. */
  raw: unknown
}

/** A receipt, edit, revoke or reaction; `update` is what pigeonpost.apply_update takes. */
export interface InboundUpdate {
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

export interface Received {
  messages: InboundMessage[]
  updates: InboundUpdate[]
}

/** A message to send, as the worker claimed it. */
export interface OutboundMessage {
  id: string
  /** This try's id, made before the request leaves: the idempotency key or correlation id of providers that take one. */
  attemptId: string
  attempt: number
  address: string
  conversationExternalId: string | null
  contentType: ContentType
  body: string | null
  mediaUrl: string | null
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

export interface Channel {
  name: string
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
  /** Whether the signature is the account's. Channels that do not sign answer true. */
  verify(request: WebhookRequest, account: ChannelAccount): boolean
  /** @throws UnreadablePayload */
  receive(request: WebhookRequest): Received
}

/** A provider that can send for one or more channels. */
export interface Provider {
  name: string
  channels: string[]
  /** A second request with the same attempt id is taken once. */
  takesIdempotencyKey: (account: ChannelAccount) => boolean
  send(message: OutboundMessage, context: SendContext): Promise<SendOutcome>
}
