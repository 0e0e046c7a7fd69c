import type { Received, SignedChannel } from '../channel.ts'
import { locate } from './media.ts'
import { receive } from './receive.ts'
import { handshake, verify } from './verify.ts'

export { whatsappProvider } from './send.ts'

/** WhatsApp by Meta's Cloud API. Edits and revokes come from numbers that the WhatsApp Business app shares. */
export const whatsapp: SignedChannel<Received> = {
  name: 'whatsapp',
  channels: ['whatsapp'],
  signed: true,
  // Meta gives an app one webhook, whatever its numbers.
  sharesWebhook: true,
  can: { edit: true, revoke: true, reaction: true, receipt: true, group: true, media: true },
  // Meta's payloads have 3 MB at most.
  maxBytes: 4 * 1024 * 1024,
  verify,
  handshake,
  receive,
  locate,
}
