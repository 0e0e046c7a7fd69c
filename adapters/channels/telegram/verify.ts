import type { ChannelAccount, WebhookRequest } from '../channel.ts'
import { isSameSecret, readSecrets } from '../../shared/secrets.ts'

/**
 * Whether the header X-Telegram-Bot-Api-Secret-Token is the secret `webhook_token`: the `secret_token` that was given to
 * setWebhook (https://core.telegram.org/bots/api#setwebhook). An account without one takes nothing.
 */
export function verify(request: WebhookRequest, account: ChannelAccount): boolean {
  const expected = readSecrets(account.secret, 'bot_token')['webhook_token']
  const given = request.headers['x-telegram-bot-api-secret-token']
  return isSameSecret(given, expected)
}
