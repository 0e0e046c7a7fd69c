import type { ChannelAccount } from '../channel.ts'
import { readSecrets } from '../../shared/secrets.ts'
import type { Chat, Reference } from './schema.ts'

/**
 * The external id of a message: `<chat id>:<message id>`. Telegram counts message ids in each chat anew, while receipts,
 * reactions and answers look a message up by its id alone: `1365` would find that of somebody else.
 * A business account's chat with a customer counts apart from the bot's own chat with the same customer, so there the
 * connection stands behind it: `<chat id>:<message id>@<connection id>`. Ephemeral messages, whose message id is 0,
 * have numbers of their own: `<chat id>:e<number>`.
 * A group that becomes a supergroup gets another chat id and starts counting anew; its old messages keep their ids.
 */
export function externalId(message: Reference & { chat: Chat }): string {
  const ephemeral = message.message_id === '0' && message.ephemeral_message_id
  const number = ephemeral ? `e${ephemeral}` : message.message_id
  return idOf(message.chat.id, number, message.business_connection_id)
}

export function idOf(chat: string, message: string, connection?: string | null): string {
  return connection ? `${chat}:${message}@${connection}` : `${chat}:${message}`
}

/** Telegram's own names for a message of ours; null where the id is none that Telegram knows. */
export function parseExternalId(id: string): { chat: string; message: number } | null {
  const found = /^(-?\d+):([1-9]\d{0,14})(?:@.+)?$/.exec(id)
  return found?.[1] && found[2] ? { chat: found[1], message: Number(found[2]) } : null
}

/** The bot's user id: `settings.bot_id`, else the number that its token begins with. Null where neither is there. */
export function botId(account: ChannelAccount | null): string | null {
  if (account === null) return null
  const given = account.settings['bot_id']
  if (typeof given === 'string' || typeof given === 'number') return String(given)
  const token = readSecrets(account.secret, 'bot_token')['bot_token']
  return /^(\d+):/.exec(token ?? '')?.[1] ?? null
}
