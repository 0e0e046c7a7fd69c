import type { LeasedAccount } from '../../db/delivery/lease.ts'

/** How many messages an account may send now, and when (ms) it is worth asking again. */
export type Allowance = { count: number; againInMs: number }

/** The one place where rates and daily limits hold an account back. Today: as many as wanted. */
export async function allowance(_account: LeasedAccount, wanted: number): Promise<Allowance> {
  return { count: wanted, againInMs: 0 }
}
