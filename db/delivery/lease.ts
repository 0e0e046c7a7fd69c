import type { Sql } from '../connect.ts'

/** What a turn works on. */
export type Target = { tenantId: number; accountId: string }

export type LeasedAccount = Target & {
  leaseId: string
  /** The end of the lease as the database's clock has it; sends of this turn are leased until then too. */
  leasedUntil: string
  channel: string
  address: string | null
  provider: string | null
  status: 'connected' | 'disconnected' | 'disabled'
  settings: Record<string, unknown>
  secretRef: string | null
}

/**
 * Takes an account for one turn; null when another worker has it, or it is not due. Until the turn ends, `due_at` stands
 * at the lease's end: a worker that dies is followed then, and a wake-up meanwhile shows by moving it forward.
 * @param leaseMs ms
 */
export async function leaseAccount(
  sql: Sql,
  target: Target,
  leaseMs: number,
): Promise<LeasedAccount | null> {
  const [account] = await sql<LeasedAccount[]>`
    with taken as (
      update pigeonpost_private.account_wakeups w
      set lease_id = pigeonpost.uuid_v7(),
        leased_until = now() + ${leaseMs} * interval '1 ms',
        due_at = now() + ${leaseMs} * interval '1 ms'
      where w.tenant_id = ${target.tenantId} and w.account_id = ${target.accountId}
        and w.due_at <= now() and (w.leased_until is null or w.leased_until <= now())
      returning w.tenant_id, w.account_id, w.lease_id, w.leased_until
    )
    select a.tenant_id as "tenantId", a.id as "accountId", t.lease_id as "leaseId",
      t.leased_until::text as "leasedUntil", a.channel, a.address, a.provider, a.status, a.settings,
      a.secret_ref as "secretRef"
    from taken t join pigeonpost.accounts a on a.tenant_id = t.tenant_id and a.id = t.account_id`
  return account ?? null
}
