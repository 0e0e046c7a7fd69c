import type { Received, SignedChannel } from '../channel.ts'
import { answer, handshake } from './interaction.ts'
import { locate } from './media.ts'
import { receive } from './receive.ts'
import { verify } from './verify.ts'

export {
  type Bridge,
  type BridgeEvent,
  type BridgeOptions,
  postEvents,
  standardIntents,
  startBridge,
} from './bridge.ts'
export { createDiscordProvider, discordProvider } from './send.ts'

/**
 * Bots on Discord. Discord itself posts interactions (commands, buttons, forms) alone; messages come over its gateway,
 * from which a bridge posts them.
 */
export const discord: SignedChannel<Received> = {
  name: 'discord',
  channels: ['discord'],
  signed: true,
  can: { edit: true, revoke: true, reaction: true, receipt: false, group: true, media: true },
  verify,
  handshake,
  receive,
  locate,
  answer,
}
