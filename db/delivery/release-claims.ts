import type { Sql } from '../connect.ts'
import type { LeasedAccount } from './lease.ts'

/**
 * Queues again what was claimed under this lease and never sent; the try does not count, and its recipients may be
 * written to at once. A claim whose answer was lost on the way is among it, which is why it is told by the lease and by
 * what did leave.
 * @param options.begun the attempt ids of the requests that were made
 * @param options.keyed the providers that take a second request with the same attempt id once only
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
    -- It was no try: nothing left under this id and this number.
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
