import type { Received, SignedChannel } from '../channel.ts'
import { locate } from './media.ts'
import { receive } from './receive.ts'
import { verify } from './verify.ts'

export { twilioProvider } from './send.ts'

/** SMS, MMS and WhatsApp over Twilio. An account is of channel sms or whatsapp, and its webhooks come to one path. */
export const twilio: SignedChannel<Received> = {
  name: 'twilio',
  channels: ['sms', 'whatsapp'],
  signed: true,
  can: { edit: false, revoke: false, reaction: false, receipt: true, group: false, media: true },
  verify,
  receive,
  locate,
  // TwiML that says nothing more: any other body would be sent to the customer as a reply.
  answer: () => ({ status: 200, contentType: 'text/xml', body: '<Response/>' }),
}
