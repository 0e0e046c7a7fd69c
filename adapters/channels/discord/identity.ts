import type { ChannelAccount } from '../channel.ts'
import { readSecrets } from '../../shared/secrets.ts'

/** The first second of 2015, from which snowflakes count. */
const epoch = 1_420_070_400_000n

/** When the thing with this id was made. https://discord.com/developers/docs/reference#snowflakes */
export function snowflakeTime(id: string): Date {
  return new Date(Number((BigInt(id) >> 22n) + epoch))
}

/**
 * An attempt id as a nonce. A nonce has 25 characters at most, and a UUID has 36: its 16 bytes in base64url are 22.
 * https://discord.com/developers/docs/resources/message#create-message
 */
export function toNonce(attemptId: string): string {
  return Buffer.from(attemptId.replaceAll('-', ''), 'hex').toString('base64url')
}

/** The attempt id in a nonce of ours; null of others' (Discord's own clients put a snowflake there). */
export function fromNonce(nonce: unknown): string | null {
  if (typeof nonce !== 'string' || !/^[\w-]{22}$/.test(nonce)) return null
  const bytes = Buffer.from(nonce, 'base64url')
  // The last character has four bits to spare, which are zero in ours.
  if (bytes.toString('base64url') !== nonce) return null
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** The bot's user id: `settings.bot_id`, else the one in the first part of its token. Null where neither is there. */
export function botId(account: ChannelAccount | null): string | null {
  if (account === null) return null
  const given = account.settings['bot_id']
  if (typeof given === 'string' && given) return given
  const token = readSecrets(account.secret, 'bot_token')['bot_token'] ?? ''
  const first = Buffer.from(token.split('.')[0] ?? '', 'base64url').toString('latin1')
  return /^\d{15,20}$/.test(first) ? first : null
}
