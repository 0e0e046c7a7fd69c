import type { Sql } from '../connect.ts'

/** An account under lease: what a delivery turn works on. */
export type Target = { tenantId: number; accountId: string }

/** A rule of pigeonpost.provider_routes that may match the account's messages. */
export type ProviderRoute = {
  position: number
  provider: string
  countryPrefix: string | null
  contentType: string | null
}

/** State of the tenant's circuit breaker for a provider that failed lately; times in ms from now. */
export type Breaker = {
  provider: string
  failures: number
  /** Null: closed. 0 or less: its pause is over, and one message may probe it. */
  openForMs: number | null
  /** Until when a probe that has left is waited for. */
  probeForMs: number | null
}

export type LeasedAccount = Target & {
  leaseId: string
  /** The end of the lease as the clock of delivery has it; sends of this turn are leased until then too. */
  leasedUntil: string
  channel: string
  address: string | null
  provider: string | null
  status: 'connected' | 'disconnected' | 'disabled'
  settings: Record<string, unknown>
  secretRef: string | null
  ratePerMinute: number | null
  dailyLimit: number | null
  /** By position; null where the tenant has none for this account. */
  routes: ProviderRoute[] | null
  /** Null where no provider of the tenant has failed lately. */
  breakers: Breaker[] | null
}

/**
 * Leases an account for one turn; null when another worker has it, or it is not due. During the turn `due_at` is the
 * lease's end: if the worker dies, another takes over then; and a wake-up in between is visible as an earlier `due_at`.
 * @param leaseMs ms
 */
export async function leaseAccount(
  sql: Sql,
  target: Target,
  leaseMs: number,
): Promise<LeasedAccount | null> {
  const [account] = await sql<LeasedAccount[]>`
    with clock as materialized (select pigeonpost_private.clock() as now),
    taken as (
      update pigeonpost_private.account_wakeups w
      set lease_id = pigeonpost.uuid_v7(),
        leased_until = k.now + ${leaseMs} * interval '1 ms',
        due_at = k.now + ${leaseMs} * interval '1 ms'
      from clock k
      where w.tenant_id = ${target.tenantId} and w.account_id = ${target.accountId}
        and w.due_at <= k.now and (w.leased_until is null or w.leased_until <= k.now)
      returning w.tenant_id, w.account_id, w.lease_id, w.leased_until, k.now
    )
    select a.tenant_id as "tenantId", a.id as "accountId", t.lease_id as "leaseId",
      t.leased_until::text as "leasedUntil", a.channel, a.address, a.provider, a.status, a.settings,
      a.secret_ref as "secretRef", a.rate_per_minute as "ratePerMinute", a.daily_limit as "dailyLimit",
      (select json_agg(json_build_object('position', r.position, 'provider', r.provider, 'countryPrefix', r.country_prefix,
          'contentType', r.content_type) order by r.position)
        from pigeonpost.provider_routes r
        where r.tenant_id = a.tenant_id and (r.channel is null or r.channel = a.channel)
          and (r.account_id is null or r.account_id = a.id)) as routes,
      (select json_agg(json_build_object('provider', b.provider, 'failures', b.failures,
          'openForMs', ceil(1000 * extract(epoch from b.open_until - t.now)),
          'probeForMs', ceil(1000 * extract(epoch from b.probe_until - t.now))))
        from pigeonpost_private.provider_breakers b where b.tenant_id = a.tenant_id) as breakers
    from taken t join pigeonpost.accounts a on a.tenant_id = t.tenant_id and a.id = t.account_id`
  return account ?? null
}
