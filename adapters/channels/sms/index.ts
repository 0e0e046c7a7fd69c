import type { Received, UnsignedChannel } from '../channel.ts'
import { receive } from './receive.ts'

/** The generic sms webhook, for providers without a folder of their own. Receives only. */
export const sms: UnsignedChannel<Received> = {
  name: 'sms',
  channels: ['sms'],
  signed: false,
  opensAccounts: true,
  can: { edit: false, revoke: false, reaction: false, receipt: false, group: false, media: true },
  receive,
}
