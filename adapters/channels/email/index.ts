import type { UnsignedChannel } from '../channel.ts'
import { locate } from './media.ts'
import { receive } from './receive.ts'

/**
 * Mail from anywhere: the generic JSON webhook, or a whole mail in MIME, posted by a mail server's pipe. Receives only;
 * ../smtp and ../sendgrid send.
 */
export const email: UnsignedChannel = {
  name: 'email',
  channels: ['email'],
  signed: false,
  opensAccounts: true,
  can: { edit: false, revoke: false, reaction: false, receipt: true, group: false, media: true },
  maxBytes: 31_457_280,
  receive,
  locate,
}
