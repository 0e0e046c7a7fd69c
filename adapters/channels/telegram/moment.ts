import type { WebhookRequest } from '../channel.ts'

/**
 * When a webhook came: by its Date header, where whoever sent it gave one, else by our clock. The one thing here that is
 * not read from the payload, for what Telegram gives no time of (a pressed button, deleted business messages). A replay
 * from the inbox gives another time, and changes nothing where the first one was stored.
 */
export function momentOf(request: WebhookRequest): Date {
  const given = Date.parse(request.headers['date'] ?? '')
  return Number.isNaN(given) ? new Date() : new Date(given)
}
