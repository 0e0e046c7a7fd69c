import type { Sql } from '../connect.ts'
import type { LeasedAccount } from './lease.ts'

/**
 * Returns to the queue what was claimed under this lease and never sent; the attempt does not count, nor the recipient's
 * interval. Includes claims whose answer never reached us, which is why they are found by the lease, less those that left.
 * @param options.begun the attempt ids of the requests that were made
 * @param options.keyed the providers that take the attempt id as an idempotency key
 */
export async function releaseClaims(
  sql: Sql,
  account: LeasedAccount,
  options: { begun: string[]; keyed: string[] },
): Promise<number> {
  const rows = await sql`
    with clock as materialized (select pigeonpost_private.clock() as now),
    unsent as materialized (
      select o.message_id, o.attempt_id, o.attempt, o.address
      from pigeonpost.outbox o
      where o.tenant_id = ${account.tenantId} and o.account_id = ${account.accountId} and o.state = 'sending'
        and o.due_at = ${account.leasedUntil}::timestamptz and o.attempt_id <> all (${options.begun}::uuid[])
      for update
    ),
    released as (
      update pigeonpost.outbox o
      set state = 'queued', due_at = k.now, attempt = o.attempt - 1,
        attempt_id = case when o.provider = any(${options.keyed}::text[]) then o.attempt_id end
      from unsent u cross join clock k where o.tenant_id = ${account.tenantId} and o.message_id = u.message_id
    ),
    -- The attempt never happened: no request left with this id and number.
    forgotten as (
      delete from pigeonpost.delivery_attempts d using unsent u
      where d.tenant_id = ${account.tenantId} and d.attempt_id = u.attempt_id and d.attempt = u.attempt
    ),
    freed as (
      delete from pigeonpost_private.recipient_limits r using unsent u
      where r.tenant_id = ${account.tenantId} and r.account_id = ${account.accountId} and r.address = u.address
    )
    select u.message_id from unsent u`
  return rows.length
}
