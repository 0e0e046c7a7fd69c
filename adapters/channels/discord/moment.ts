import type { WebhookRequest } from '../channel.ts'
import type { GatewayEvent } from './schema.ts'

/**
 * When an event happened that Discord gives no time of (deletions, reactions): when the bridge heard it, else the Date
 * header, else our clock. The clock is the one thing here that is not read from the payload, and the last resort: the id
 * of the message would say when that was sent, and then adding a reaction and taking it back would be at the same time.
 * A replay from the inbox, by the clock, is later than the first reading was.
 */
export function momentOf(event: GatewayEvent, request: WebhookRequest): Date {
  if (event.at) return event.at
  const given = Date.parse(request.headers['date'] ?? '')
  return Number.isNaN(given) ? new Date() : new Date(given)
}
