import type { Channel } from '../channel.ts'
import { answer } from './answer.ts'
import { receive } from './receive.ts'
import { verify } from './verify.ts'

export { telegramProvider } from './send.ts'

/** Bots on Telegram. Reactions come only where setWebhook was called with `message_reaction` in `allowed_updates`. */
export const telegram: Channel = {
  name: 'telegram',
  channels: ['telegram'],
  signed: true,
  can: { edit: true, revoke: true, reaction: true, receipt: false, group: true, media: true },
  verify,
  receive,
  answer,
}
