/**
 * What a channel is: one folder, one object of this shape. Payloads become rows (`receive`), rows become requests
 * (`send`), signatures are checked (`verify`). A channel knows nothing of SQL, HTTP servers or queues.
 */

import type { Readable } from 'node:stream'
import type {
  GroupChange,
  InboundMessage,
  InboundUpdate,
  LinkedAddresses,
  MediaReference,
  OutboundMessage,
  WebhookRequest,
} from '../../db/types.ts'

export type {
  ContentType,
  GroupChange,
  InboundMessage,
  InboundUpdate,
  LinkedAddresses,
  MediaReference,
  OutboundFile,
  OutboundMessage,
  WebhookRequest,
} from '../../db/types.ts'

/** The account of ours that a webhook is for, or that a message goes out from. */
export type ChannelAccount = {
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

/** Where the bytes of a file that came in are: at an address, or here already. */
export type MediaSource =
  | { url: string; headers?: Record<string, string> }
  | { content: Readable | Uint8Array }

export type LocateContext = {
  account: ChannelAccount
  /** Aborts when the time for the whole file is over. */
  signal: AbortSignal
  /** The webhook that brought the file, from the inbox; null where the inbox has it no longer. */
  webhook(): Promise<WebhookRequest | null>
}

/** A file that its provider does not deliver; `retryable` tells whether it may later. */
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

export type Received = {
  messages: InboundMessage[]
  updates: InboundUpdate[]
  identities?: LinkedAddresses[]
  groups?: GroupChange[]
  /** Parts of a batch that could not be read. The rest is stored; the bytes are kept as failed, with the first of these. */
  problems?: UnreadablePayload[]
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

export type SendContext = {
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
export type WebhookAnswer = {
  status: number
  contentType: string
  body: string
}

/** `Read`: what `receive` gives; `Received` of a channel whose payloads are read at once, as most are. */
type ChannelBase<Read> = {
  /** Name of its folder and in its webhooks' path: /api/webhooks/<name>/<account id>. */
  name: string
  /** The channels of the messages that it brings; an account has to be of one of them. The first is the default. */
  channels: readonly [string, ...string[]]
  can: {
    edit: boolean
    revoke: boolean
    reaction: boolean
    receipt: boolean
    group: boolean
    media: boolean
  }
  /** Largest body in bytes. Default 2 MiB. */
  maxBytes?: number
  /** One webhook address serves all accounts of an app: what the payload names goes before the path's account. */
  sharesWebhook?: boolean
  /** On the path without an account, a new address of ours gets an account. */
  opensAccounts?: boolean
  /** The answer to a request that brings nothing (a verification, a ping), after `verify`; null for any other. */
  handshake?(request: WebhookRequest, account: ChannelAccount): WebhookAnswer | null
  /**
   * `account` is the path's; null on the bare path. Pure: no clock, no network, no database.
   * @throws UnreadablePayload
   */
  receive(request: WebhookRequest, account: ChannelAccount | null): Read
  /**
   * Where a file's bytes are, with the account's credentials. Without it, references have a url that is fetched as it is.
   * @throws MediaUnavailable
   */
  locate?(reference: MediaReference, context: LocateContext): Promise<MediaSource>
  /** What the provider expects once it is stored or kept. Default: our JSON. */
  answer?(request: WebhookRequest): WebhookAnswer
}

/** Its webhooks are signed. */
export type SignedChannel<Read = Received | Promise<Received>> = ChannelBase<Read> & {
  signed: true
  /** Whether the signature is the account's, in constant time. */
  verify(request: WebhookRequest, account: ChannelAccount): boolean
}

/** Its webhooks are not signed, and need an API key with scope `webhooks`. */
export type UnsignedChannel<Read = Received | Promise<Received>> = ChannelBase<Read> & {
  signed: false
  verify?: never
}

export type Channel = SignedChannel | UnsignedChannel

/** A provider that can send for one or more channels. */
export type Provider = {
  name: string
  channels: string[]
  /** A second request with the same attempt id is taken once. */
  takesIdempotencyKey: (account: ChannelAccount) => boolean
  send(message: OutboundMessage, context: SendContext): Promise<SendOutcome>
}
