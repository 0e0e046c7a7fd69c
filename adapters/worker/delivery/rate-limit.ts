import type { Sql } from '../../../db/connect.ts'
import type { LeasedAccount } from '../../../db/delivery/lease.ts'
import { returnRate, takeRate } from '../../../db/delivery/rate.ts'

/** How many messages an account may send now, and in how many ms to ask again. */
export type SendGrant = { count: number; againInMs: number }

/** WhatsApp accepts one message per 6 s to one number. */
const recipientIntervals: Record<string, number> = { whatsapp: 6_000 }

/** The one place that applies an account's rate limit. What is granted and not sent is returned to it. */
export async function takeSends(
  sql: Sql,
  account: LeasedAccount,
  wanted: number,
): Promise<SendGrant> {
  if (account.ratePerMinute === null || wanted < 1) return { count: wanted, againInMs: 0 }
  return takeRate(sql, account, wanted)
}

export async function returnSends(sql: Sql, account: LeasedAccount, count: number): Promise<void> {
  if (account.ratePerMinute !== null && count > 0) await returnRate(sql, account, count)
}

/**
 * ms between two messages to one recipient, 0 for none: `recipient_interval_ms` of the account's settings, else the
 * channel's default. An account without a rate limit has no interval either, unless its settings set one.
 */
export function recipientInterval(account: LeasedAccount): number {
  const given = account.settings['recipient_interval_ms']
  if (typeof given === 'number') return given
  return account.ratePerMinute === null ? 0 : (recipientIntervals[account.channel] ?? 0)
}
