import type { ChannelAccount } from '../channel.ts'
import { apiUrl, misconfigured, type NotSent } from '../shared/content.ts'
import { readSecrets } from '../../shared/secrets.ts'

/** The bot's token, or what is wrong with it. */
export function readToken(account: ChannelAccount): string | NotSent {
  const token = readSecrets(account.secret, 'bot_token')['bot_token']
  if (!token) return misconfigured('The secret bot_token is missing.')
  // It becomes a header.
  if (!/^[\w.-]+$/.test(token)) return misconfigured('The secret bot_token is no bot token.')
  return token
}

/** Where a request of JSON goes, and how it signs in. */
export function apiRequest(
  path: string,
  account: ChannelAccount,
  token: string,
  publicUrl: string | null = null,
): { url: string; headers: Record<string, string> } {
  return {
    url: `${apiUrl(account, 'https://discord.com/api/v10')}/${path}`,
    headers: {
      authorization: `Bot ${token}`,
      'content-type': 'application/json',
      // Discord blocks clients that do not name themselves so. https://discord.com/developers/docs/reference#user-agent
      'user-agent': `DiscordBot (${publicUrl ?? 'pigeonpost'}, 1)`,
    },
  }
}
