import type { SyncChannel } from '../channel.ts'
import { receive } from './receive.ts'
import { verify } from './verify.ts'

export { createFakechatProvider, type FakechatOptions, type FakechatProvider } from './send.ts'

/** Document 000's example channel, built in: everything runs with no credentials (DESIGN.md section 6). */
export const fakechat: SyncChannel = {
  name: 'fakechat',
  channels: ['fakechat'],
  signed: false,
  can: { edit: true, revoke: true, reaction: true, receipt: true, group: true, media: true },
  verify,
  receive,
}
