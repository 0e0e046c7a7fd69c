import type { SignedChannel } from '../channel.ts'
import { locate } from './media.ts'
import { receive } from './receive.ts'
import { verify } from './verify.ts'

export { sendgridProvider } from './send.ts'

/** Mail by SendGrid: Inbound Parse, both modes, and the event webhook, at one path. */
export const sendgrid: SignedChannel = {
  name: 'sendgrid',
  channels: ['email'],
  signed: true,
  can: { edit: false, revoke: false, reaction: false, receipt: true, group: false, media: true },
  maxBytes: 31_457_280,
  verify,
  receive,
  locate,
}
