import type { Peer } from '../../support/peer.ts'
import { fakechatPeer } from './fakechat/peer.ts'
import { peer as baileysPeer } from './baileys/peer.ts'
import { genericPeer, mimePeer } from './email/peer.ts'
import { peer as sendgridPeer } from './sendgrid/peer.ts'
import { peer as genericSmsPeer } from './sms/peer.ts'
import { discordPeer } from './discord/peer.ts'
import { telegramPeer } from './telegram/peer.ts'
import { peer as whatsappPeer } from './whatsapp/peer.ts'
import { smsPeer, whatsappPeer as twilioWhatsappPeer } from './twilio/peer.ts'

/** Every channel's other side: each goes through the conformance suite and the fuzz. */
export const peers: Record<string, Peer> = {
  fakechat: fakechatPeer,
  whatsapp: whatsappPeer,
  telegram: telegramPeer,
  discord: discordPeer,
  baileys: baileysPeer,
  sms: genericSmsPeer,
  'email, JSON': genericPeer,
  'email, MIME': mimePeer,
  sendgrid: sendgridPeer,
  'twilio, sms': smsPeer,
  'twilio, whatsapp': twilioWhatsappPeer,
}
