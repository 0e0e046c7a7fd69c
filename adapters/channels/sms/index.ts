import type { SyncChannel } from '../channel.ts'
import { receive } from './receive.ts'
import { verify } from './verify.ts'

/** The generic sms webhook, for providers without a folder of their own. Receives only. */
export const sms: SyncChannel = {
  name: 'sms',
  channels: ['sms'],
  signed: false,
  opensAccounts: true,
  can: { edit: false, revoke: false, reaction: false, receipt: false, group: false, media: true },
  verify,
  receive,
}
