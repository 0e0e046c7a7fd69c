/**
 * What is used of Baileys' socket, in types of our own: the package is an optional peer dependency, and type checking
 * must not need it. Source: Baileys 7.0.0-rc14, lib/Socket.
 */

export type BaileysSocket = {
  ev: {
    /** Calls `handler` with the events of each flush of the buffer, by name. */
    process(handler: (events: Record<string, unknown>) => void | Promise<void>): () => void
  }
  /**
   * Emits every stanza that comes: `CB:ack,class:message` is the server's word on a message of ours. And
   * `unexpected-response`, a handshake that was refused with an HTTP status: Baileys listens to it, so that the socket
   * is neither closed nor opened after it, and says nothing (lib/Socket/Client/websocket.js).
   */
  ws?: { on(event: string, listener: (first: unknown, second?: unknown) => void): unknown }
  user?: { id: string; lid?: string | null } | null | undefined
  sendMessage(jid: string, content: BaileysContent, options: SendOptions): Promise<unknown>
  /** Empty, or with `exists` false, for numbers that are not on WhatsApp; undefined where WhatsApp did not answer. */
  onWhatsApp(...jids: string[]): Promise<{ jid: string; exists: unknown }[] | undefined>
  groupMetadata?(jid: string): Promise<{ subject?: string }>
  end(error: Error | undefined): void | Promise<void>
}

/** The forms of Baileys' AnyMessageContent that are sent. */
export type BaileysContent = Record<string, unknown>

export type SendOptions = {
  messageId: string
  /** The message that this one answers, as far as it is known. */
  quoted?: { key: Record<string, unknown>; message: Record<string, unknown> }
}

/** pino's, as Baileys wants it too. */
export type BaileysLogger = {
  level: string
  child(bindings: Record<string, unknown>): BaileysLogger
  trace(object: unknown, message?: string): void
  debug(object: unknown, message?: string): void
  info(object: unknown, message?: string): void
  warn(object: unknown, message?: string): void
  error(object: unknown, message?: string): void
}

/** The server's word on a message, or that the connection was lost before it came. */
export type Acknowledgement = 'taken' | 'lost' | { refused: string }

/** What the provider sends through: a running bridge. */
export type BaileysConnection = {
  /** `ended`: logged out or banned, nothing can be sent until the number is linked again. */
  readonly state: 'connecting' | 'open' | 'ended' | 'stopped'
  /** @throws NotConnected where nothing has left; what Baileys throws, which says little (see errors.ts). */
  send(jid: string, content: BaileysContent, options: SendOptions): Promise<Acknowledgement>
  /** @throws NotConnected; what Baileys throws. */
  onWhatsApp(jid: string): Promise<{ jid: string; exists: unknown }[] | undefined>
}

export class NotConnected extends Error {
  constructor() {
    super('The connection to WhatsApp is not open.')
    this.name = 'NotConnected'
  }
}
