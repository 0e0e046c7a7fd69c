import { BufferJSON } from 'baileys'
import { baileys } from '../../../../adapters/channels/baileys/index.ts'
import type {
  ChannelAccount,
  InboundMessage,
  Received,
} from '../../../../adapters/channels/channel.ts'

export const account: ChannelAccount = {
  tenantId: 1,
  accountId: '0193a5b0-7c00-7000-8000-000000000001',
  channel: 'whatsapp',
  address: '+27820000000',
  provider: 'baileys',
  settings: { lid: '99887766554433@lid' },
  secret: null,
}

/** When a webhook came. */
export const receivedAt = new Date('2024-12-09T18:20:05.678Z')

export function receiveBody(body: string | Buffer): Received {
  return baileys.receive(
    {
      method: 'POST',
      url: '',
      path: '/',
      query: {},
      receivedAt,
      headers: {},
      body: Buffer.from(body),
    },
    account,
  )
}

export function receive(payload: unknown): Received {
  return receiveBody(JSON.stringify(payload, BufferJSON.replacer))
}

/** In whole seconds, as Baileys has it. */
export const sentAt = 1_733_768_400

export const direct = {
  remoteJid: '40141234567890@lid',
  remoteJidAlt: '27831234567@s.whatsapp.net',
  fromMe: false,
  id: 'AC0123456789ABCDEF0123456789ABCD',
  participant: '',
  addressingMode: 'lid',
}

export const inGroup = {
  remoteJid: '120363012345678901@g.us',
  fromMe: false,
  id: 'AC1123456789ABCDEF0123456789ABCD',
  participant: '40141234567890:7@lid',
  participantAlt: '27831234567@s.whatsapp.net',
  addressingMode: 'lid',
}

export function upsert(...infos: object[]) {
  return { event: 'messages.upsert', data: { type: 'notify', messages: infos.map(withTime) } }
}

function withTime(info: object) {
  return { messageTimestamp: sentAt, pushName: 'Thandi', ...info }
}

/** The one message of an upsert in the direct chat. */
export function read(message: unknown, beside: object = {}): InboundMessage {
  const received = receive(upsert({ key: direct, message, ...beside }))
  const [first] = received.messages
  if (!first || received.problems) {
    throw new Error(`no message: ${received.problems?.[0]?.message ?? JSON.stringify(received)}`)
  }
  return first
}
