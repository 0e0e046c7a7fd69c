import type { Received, UnsignedChannel } from '../channel.ts'
import { receive } from './receive.ts'

export { createFakechatProvider, type FakechatOptions, type FakechatProvider } from './send.ts'

/** Document 000's example channel, built in: everything runs with no credentials (DESIGN.md section 6). */
export const fakechat: UnsignedChannel<Received> = {
  name: 'fakechat',
  channels: ['fakechat'],
  signed: false,
  can: { edit: true, revoke: true, reaction: true, receipt: true, group: true, media: true },
  receive,
}
