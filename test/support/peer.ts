import type { Test } from 'tap'
import type { Channel } from '../../adapters/channels/channel.ts'

/** A webhook in the provider's real shape, before it is signed. */
export type PeerRequest = {
  method?: string
  /** Below the account's webhook URL: `?message=…`. Default none. */
  query?: string
  headers: Record<string, string>
  body: string | Buffer
}

/**
 * The provider's side of a channel, for the conformance suite (test/adapters/channels/conformance.ts). `id`, `person`
 * and `groupId` give values as they stand in our rows; the requests spell them as the provider does.
 */
export type Peer = {
  channel: Channel
  account: {
    channel: string
    address: string
    provider: string | null
    settings: Record<string, unknown>
    /** What its `secret_ref` leads to. */
    secret: string | null
  }
  /** What the channel can in another form of its payloads, which another peer shows. */
  lacks?: readonly (keyof Channel['can'])[]
  /** The nth message's external id. */
  id(n: number): string
  /** The nth person's address. */
  person(n: number): string
  /** The nth group's own id, for channels that have groups. */
  groupId?(n: number): string
  /** Adds what the provider proves itself by. `url` is the whole URL of the webhook, with its query string. */
  sign(request: PeerRequest, url: string): PeerRequest

  text(what: { id: string; from: string; body: string; at: Date; group?: string }): PeerRequest
  /** An image with a caption. `url`: where its file is, on channels whose payloads say so. */
  media?(what: { id: string; from: string; caption: string; at: Date }, url?: string): PeerRequest
  /**
   * Has the file of `media` on a server: at a url, or where an account with these settings finds it. Without, the file
   * is `png` (test/support/files.ts) and in the webhook itself.
   */
  serve?(
    t: Pick<Test, 'teardown'>,
    bytes: Buffer,
  ): Promise<{ url?: string; settings?: Record<string, unknown> }>
  edit?(what: { id: string; from: string; body: string; at: Date; group?: string }): PeerRequest
  revoke?(what: { id: string; from: string; at: Date; group?: string }): PeerRequest
  /** `emoji` null takes it back. The message may be ours or theirs. */
  reaction?(what: {
    id: string
    from: string
    emoji: string | null
    at: Date
    group?: string
  }): PeerRequest
  /** Of a message that we sent to `to`. `reference` is the attempt id that we sent along. */
  receipt?(what: {
    id: string
    to: string
    status: 'delivered' | 'read' | 'failed'
    at: Date
    reference?: string
  }): PeerRequest
  /** Statuses that its receipts can say. */
  receipts?: readonly ('delivered' | 'read' | 'failed')[]
}
