import type { Sql } from '../connect.ts'
import type { LeasedAccount } from './lease.ts'

/**
 * Queues again what was claimed under this lease and never sent; the try does not count, and its recipients may be
 * written to at once. A claim whose answer was lost on the way is among it, which is why it is told by the lease and by
 * what did leave.
 * @param options.begun the attempt ids of the requests that were made
 * @param options.keyed the providers that take a second request with the same attempt id once only
 */
export async function giveBack(
  sql: Sql,
  account: LeasedAccount,
  options: { begun: string[]; keyed: string[] },
): Promise<number> {
  const rows = await sql`
    with returned as (
      update pigeonpost.messages m
      set status = 'queued', attempts = m.attempts - 1,
        attempt_id = case when m.provider = any(${options.keyed}::text[]) then m.attempt_id end
      where m.tenant_id = ${account.tenantId} and m.account_id = ${account.accountId} and m.status = 'sending'
        and m.leased_until = ${account.leasedUntil}::timestamptz
        and m.attempt_id <> all (${options.begun}::uuid[])
      returning m.id, coalesce(m.address, '') as recipient
    ),
    freed as (
      delete from pigeonpost_private.recipient_limits r using returned b
      where r.tenant_id = ${account.tenantId} and r.account_id = ${account.accountId} and r.address = b.recipient
    )
    select id from returned`
  return rows.length
}
