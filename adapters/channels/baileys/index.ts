import type { Received, UnsignedChannel } from '../channel.ts'
import { locate } from './media.ts'
import { receive } from './receive/receive.ts'

export { type Bridge, type BridgeOptions, startBaileysBridge } from './bridge/bridge.ts'
export { baileysProvider, type BaileysProviderOptions } from './send/send.ts'
export type { BaileysConnection, BaileysLogger, BaileysSocket } from './bridge/socket.ts'

/** WhatsApp through a linked device of one's own phone, by the library Baileys (an optional peer dependency). */
export const baileys: UnsignedChannel<Received> = {
  name: 'baileys',
  channels: ['whatsapp'],
  signed: false,
  can: { edit: true, revoke: true, reaction: true, receipt: true, group: true, media: true },
  // A history sync brings thousands of messages with thumbnails; the bridge cuts it up, other processes may not.
  maxBytes: 16 * 1024 * 1024,
  receive,
  locate,
}
