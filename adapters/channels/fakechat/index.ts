import type { Received, UnsignedChannel } from '../channel.ts'
import { receive } from './receive.ts'

export { createFakechatProvider, type FakechatOptions, type FakechatProvider } from './send.ts'

/** A simulated channel, built in, so that everything runs without credentials. */
export const fakechat: UnsignedChannel<Received> = {
  name: 'fakechat',
  channels: ['fakechat'],
  signed: false,
  can: { edit: true, revoke: true, reaction: true, receipt: true, group: true, media: true },
  receive,
}
