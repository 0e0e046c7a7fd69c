import type { ChannelAccount } from '../channel.ts'
import { misconfigured, type NotSent } from '../shared/content.ts'
import { readSecrets } from '../../shared/secrets.ts'

/** The bot's token, or what is wrong with it. */
export function readToken(account: ChannelAccount): string | NotSent {
  const token = readSecrets(account.secret, 'bot_token')['bot_token']
  if (!token) return misconfigured('The secret bot_token is missing.')
  // It becomes part of a path.
  if (!/^\d+:[\w-]+$/.test(token)) return misconfigured('The secret bot_token is no bot token.')
  return token
}
