/** The rows collected from an event, and the context in which it is parsed. */

import type {
  ChannelAccount,
  GroupChange,
  InboundMessage,
  InboundUpdate,
  LinkedAddresses,
} from '../../channel.ts'

export type Batch = {
  messages: InboundMessage[]
  updates: InboundUpdate[]
  identities: LinkedAddresses[]
  groups: GroupChange[]
}

export type BatchContext = {
  account: ChannelAccount | null
  /** Our own addresses. */
  own: ReadonlySet<string>
  /**
   * ISO 8601; when the event came, for those without a time of their own: Baileys' revokes and refusals have none, nor had
   * its receipts before 7.0.0-rc10. Where the envelope has no `at`, when the webhook came.
   */
  at: string
  /** Groups' names that the same batch says, by JID. */
  groupNames: ReadonlyMap<string, string>
  /** How the messages came: live, replayed after we were offline, or by the history that a new device gets. */
  origin: 'notify' | 'append' | 'history'
}

export function emptyBatch(): Batch {
  return { messages: [], updates: [], identities: [], groups: [] }
}
