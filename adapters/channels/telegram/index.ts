import type { Received, SignedChannel } from '../channel.ts'
import { answer } from './webhook-reply.ts'
import { locate } from './media.ts'
import { receive } from './receive.ts'
import { verify } from './verify.ts'

export { telegramProvider } from './send.ts'

/** Bots on Telegram. Reactions come only where setWebhook was called with `message_reaction` in `allowed_updates`. */
export const telegram: SignedChannel<Received> = {
  name: 'telegram',
  channels: ['telegram'],
  signed: true,
  // Of deletions a bot is told in the chats of business accounts alone.
  can: { edit: true, revoke: false, reaction: true, receipt: false, group: true, media: true },
  verify,
  receive,
  locate,
  answer,
}
