import { createHash, timingSafeEqual } from 'node:crypto'
import type { ChannelAccount, WebhookRequest } from '../channel.ts'
import { readSecrets } from '../secret.ts'

/**
 * Whether the header X-Telegram-Bot-Api-Secret-Token is the secret `webhook_token`: the `secret_token` that was given to
 * setWebhook (https://core.telegram.org/bots/api#setwebhook). An account without one takes nothing.
 */
export function verify(request: WebhookRequest, account: ChannelAccount): boolean {
  const expected = readSecrets(account.secret, 'bot_token')['webhook_token']
  const given = request.headers['x-telegram-bot-api-secret-token']
  return Boolean(expected && given) && timingSafeEqual(digest(given), digest(expected))
}

/** Of equal length, as timingSafeEqual wants it, whatever came. */
function digest(text = ''): Buffer {
  return createHash('sha256').update(text).digest()
}
