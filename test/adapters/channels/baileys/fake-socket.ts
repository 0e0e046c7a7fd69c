/** A socket that reaches no WhatsApp: Baileys' own event buffer and message generation, and an acknowledgement by hand. */

import { EventEmitter } from 'node:events'
import {
  type AnyMessageContent,
  type BaileysEventMap,
  generateWAMessage,
  makeEventBuffer,
  type WAMessage,
} from 'baileys'
import { pino } from 'pino'
import type { SocketConfig } from '../../../../adapters/channels/baileys/bridge/library.ts'
import type { BaileysSocket } from '../../../../adapters/channels/baileys/bridge/socket.ts'

export const logger = pino({ level: 'silent' })

export type FakeSocket = BaileysSocket & {
  config: SocketConfig
  sent: { jid: string; info: WAMessage }[]
  /** What the server answers to a message: nothing, or `<ack>` with or without an error. Default: it takes all. */
  answer: (id: string) => { error?: string } | null
  /** Instead of sending. */
  instead: (() => Promise<never>) | null
  onWhatsAppAnswer: { jid: string; exists: unknown }[] | undefined
  asked: string[]
  emit<E extends keyof BaileysEventMap>(event: E, data: BaileysEventMap[E]): void
  buffered(work: () => void): void
  close(statusCode: number): void
  ended: boolean
}

/** As Boom makes them. */
export function boom(message: string, statusCode: number, data?: unknown): Error {
  return Object.assign(new Error(message), { isBoom: true, data, output: { statusCode } })
}

export function makeFakeSocket(config: SocketConfig): FakeSocket {
  const ev = makeEventBuffer(logger)
  const ws = new EventEmitter()
  const upload = async () => ({
    mediaUrl: 'https://mmg.whatsapp.net/up.enc',
    directPath: '/up.enc',
  })
  const socket: FakeSocket = {
    ev: { process: (handler) => ev.process(handler) },
    ws,
    user: { id: '27820000000:5@s.whatsapp.net', lid: '99887766554433:5@lid' },
    config,
    sent: [],
    asked: [],
    ended: false,
    onWhatsAppAnswer: [],
    instead: null,
    answer: () => ({}),
    emit: (event, data) => void ev.emit(event, data),
    buffered(work) {
      ev.buffer()
      work()
      ev.flush()
    },
    async sendMessage(jid, content, options) {
      if (socket.instead) await socket.instead()
      const how = { ...options, userJid: '27820000000@s.whatsapp.net', upload, logger }
      const info = await generateWAMessage(jid, content as AnyMessageContent, how)
      socket.sent.push({ jid, info })
      const answer = socket.answer(options.messageId)
      if (answer) {
        const attrs = { class: 'message', id: options.messageId, ...answer }
        ws.emit('CB:ack,class:message', { tag: 'ack', attrs })
      }
      return info
    },
    async onWhatsApp(...jids) {
      socket.asked.push(...jids)
      return socket.onWhatsAppAnswer
    },
    async groupMetadata(jid) {
      socket.asked.push(jid)
      return { subject: `Name of ${jid}` }
    },
    close(statusCode) {
      const error = boom('Connection Closed', statusCode)
      ev.emit('connection.update', {
        connection: 'close',
        lastDisconnect: { error, date: new Date() },
      } as never)
      ev.destroy()
    },
    end() {
      socket.ended = true
      ev.destroy()
    },
  }
  return socket
}
