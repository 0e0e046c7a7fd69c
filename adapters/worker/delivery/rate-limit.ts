import type { Sql } from '../../../db/connect.ts'
import type { LeasedAccount } from '../../../db/delivery/lease.ts'
import { returnRate, takeRate } from '../../../db/delivery/rate.ts'

/** How many messages an account may send now, and when (ms) it is worth asking again. */
export type SendGrant = { count: number; againInMs: number }

/** WhatsApp takes one message per 6 s to one number. */
const recipientIntervals: Record<string, number> = { whatsapp: 6_000 }

/** The one place where the rate holds an account back. What is granted and not sent is given back. */
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
 * ms between two messages to one recipient, 0 for none: `recipient_interval_ms` of the account's settings, else what the
 * channel asks for. An account without a rate has none of these either, unless its settings say so.
 */
export function recipientInterval(account: LeasedAccount): number {
  const given = account.settings['recipient_interval_ms']
  if (typeof given === 'number') return given
  return account.ratePerMinute === null ? 0 : (recipientIntervals[account.channel] ?? 0)
}
