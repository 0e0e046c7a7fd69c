/** A WhatsApp number in this process: a Baileys socket that is kept connected, and its events on their way to `receive`. */

import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ChannelAccount } from '../../channel.ts'
import { bodiesOf } from './payloads.ts'
import { type End, endOf } from '../send/errors.ts'
import { nameGroups } from './group-names.ts'
import { loadBaileys, type MakeSocket } from './library.ts'
import {
  type Acknowledgement,
  type BaileysConnection,
  type BaileysLogger,
  type BaileysSocket,
  NotConnected,
} from './socket.ts'
import { openSpool } from './spool.ts'
import { backoffMs } from '../../../shared/backoff.ts'
import { asObject } from '../values.ts'

export type BridgeOptions = {
  account: Pick<ChannelAccount, 'accountId'>
  /** Where the login is kept (Baileys' useMultiFileAuthState), and below it, in `spool`, events not yet stored. */
  authFolder: string
  /**
   * Runs the pipeline with a body for channel `baileys`. Resolves once it is stored or kept; a rejection means that
   * nothing was, and the body is offered again, before any later one.
   */
  receive: (body: Buffer) => Promise<unknown>
  logger: BaileysLogger
  /** The text of the QR code to link a phone with; a new one comes about every 20 s until it is done. */
  onQr?: (code: string) => void
  onOpen?: (user: { id: string; lid?: string | null }) => void
  /**
   * The bridge has ended by itself. `end.next` is `account` where the account has to be disconnected (logged out,
   * banned) and `stop` where another process has taken over the login.
   */
  onEnd?: (end: End) => void
  /** ms until it connects again, doubled each time up to 60 times as much. Default 1000. */
  reconnectAfter?: number
  /** ms without a word from WhatsApp until an attempt to connect is given up. Default 60,000. */
  connectTimeout?: number
  /** ms until a body that was not taken is offered again, likewise. Default 1000. */
  retryAfter?: number
  /** More of Baileys' SocketConfig: `agent`, `browser`, `version`, `getMessage` … */
  socketConfig?: Record<string, unknown>
  /** Makes the socket. Default: the package's makeWASocket. */
  makeSocket?: MakeSocket
}

export type Bridge = BaileysConnection & {
  readonly accountId: string
  /** Resolves once everything that came so far is stored. */
  idle(): Promise<void>
  /** Closes the connection; what is not stored yet is at the next start. */
  stop(): Promise<void>
}

/**
 * Connects, and stays connected until it is stopped, logged out or replaced. The login is one file per key in
 * `authFolder`: no two processes may use it at a time.
 * @throws where the package `baileys` is not installed or a folder cannot be written.
 */
export async function startBaileysBridge(options: BridgeOptions): Promise<Bridge> {
  const { account, authFolder, logger, reconnectAfter = 1000, retryAfter = 1000 } = options
  const { connectTimeout = 60_000 } = options
  const library = await loadBaileys()
  const makeSocket = options.makeSocket ?? library.makeSocket
  const spool = openSpool({
    folder: join(authFolder, 'spool'),
    deliver: options.receive,
    warn: (error, message) => logger.warn({ err: error }, message),
    retryAfter,
  })
  const stopping = new AbortController()
  const waiting = new Map<string, (word: Acknowledgement) => void>()
  let socket: BaileysSocket | null = null
  let state: BaileysConnection['state'] = 'connecting'
  let failures = 0

  const keep = (events: Record<string, unknown>) => {
    try {
      for (const body of bodiesOf(events, Date.now())) spool.put(body)
    } catch (error) {
      logger.error({ err: error }, 'Events could not be written as JSON, and are lost.')
    }
  }

  const named = nameGroups(keep, logger)

  const lose = () => {
    for (const tell of waiting.values()) tell('lost')
    waiting.clear()
  }

  const end = (how: End, as: BaileysConnection['state']) => {
    state = as
    logger.warn({ code: how.code }, `WhatsApp closed the connection for good: ${how.meaning}.`)
    options.onEnd?.(how)
  }

  const onClose = (lastDisconnect: unknown) => {
    socket = null
    lose()
    if (stopping.signal.aborted || state === 'ended' || state === 'stopped') return
    state = 'connecting'
    const how = endOf(lastDisconnect)
    if (how.next === 'account') return end(how, 'ended')
    if (how.next === 'stop') return end(how, 'stopped')
    const wait =
      how.next === 'at_once'
        ? 0
        : backoffMs(failures++, { minMs: reconnectAfter, maxMs: reconnectAfter * 60 })
    logger.info(
      { code: how.code, wait },
      'The connection to WhatsApp was closed; connecting again.',
    )
    connectAfter(wait)
  }

  const connectAfter = (wait: number) => {
    delay(wait, undefined, { signal: stopping.signal })
      .then(connect)
      .catch((error: unknown) => {
        if (!stopping.signal.aborted) onClose({ error })
      })
  }

  /** Gives a connection up that does not close by itself. */
  const giveUp = (made: BaileysSocket, error: Error) => {
    if (made !== socket) return
    onClose({ error })
    void endSocket(made, error)
  }

  const endSocket = async (made: BaileysSocket | null, error?: Error) => {
    try {
      await made?.end(error)
    } catch (cause) {
      logger.debug({ err: cause }, 'The socket did not close well.')
    }
  }

  const connect = async () => {
    const { state: auth, saveCreds } = await library.loadLogin(authFolder)
    if (stopping.signal.aborted) return
    const made = await makeSocket({
      // Our own sends are here already; the phone keeps its notifications.
      emitOwnEvents: false,
      markOnlineOnConnect: false,
      ...options.socketConfig,
      auth,
      logger,
    })
    socket = made
    made.ws?.on('CB:ack,class:message', (node) => {
      const { id, error } = asObject(asObject(node)?.['attrs']) ?? {}
      if (typeof id !== 'string') return
      waiting.get(id)?.(typeof error === 'string' ? { refused: error } : 'taken')
      waiting.delete(id)
    })
    made.ws?.on('unexpected-response', (_request, response) => {
      const status = Number(asObject(response)?.['statusCode'])
      giveUp(made, new Error(`WhatsApp refused the connection with HTTP ${status}`))
    })
    let patience = setTimeout(() => {}, 0)
    const waitForWord = () => {
      clearTimeout(patience)
      if (made !== socket || state === 'open') return
      const error = new Error(`WhatsApp did not answer for ${connectTimeout} ms`)
      patience = setTimeout(() => giveUp(made, error), connectTimeout)
      patience.unref()
    }
    waitForWord()
    made.ev.process((events) => {
      // Before anything that waits: what comes next must not overtake it.
      keep(events)
      named(made, events)
      if (events['creds.update'] !== undefined) {
        saveCreds().catch((error: unknown) => {
          logger.error({ err: error }, 'The login could not be saved.')
        })
      }
      onConnection(made, asObject(events['connection.update']))
      waitForWord()
    })
  }

  const onConnection = (from: BaileysSocket, update: Record<string, unknown> | null) => {
    if (typeof update?.['qr'] === 'string') options.onQr?.(update['qr'])
    if (from !== socket) return
    if (update?.['connection'] === 'open') {
      state = 'open'
      failures = 0
      if (from.user) options.onOpen?.(from.user)
    } else if (update?.['connection'] === 'close') {
      onClose(update['lastDisconnect'])
    }
  }

  const opened = () => {
    if (state !== 'open' || !socket) throw new NotConnected()
    return socket
  }

  try {
    await connect()
  } catch (error) {
    await spool.stop()
    throw error
  }
  return {
    accountId: account.accountId,
    get state() {
      return state
    },
    async send(jid, content, sendOptions) {
      const through = opened()
      const { messageId } = sendOptions
      const word = through.ws
        ? new Promise<Acknowledgement>((resolve) => waiting.set(messageId, resolve))
        : ('taken' as const)
      try {
        await through.sendMessage(jid, content, sendOptions)
      } catch (error) {
        waiting.delete(messageId)
        throw error
      }
      return word
    },
    async onWhatsApp(jid) {
      return opened().onWhatsApp(jid)
    },
    idle: spool.idle,
    async stop() {
      stopping.abort()
      if (state !== 'ended') state = 'stopped'
      lose()
      const last = socket
      socket = null
      await endSocket(last)
      await spool.stop()
    },
  }
}
