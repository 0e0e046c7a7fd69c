import type { Db } from '../connect.ts'

/** The state of an account's outbound side. */
export type AccountHealth = {
  /** Seconds since the oldest waiting message became due; null where none waits. */
  oldestWaitingSeconds: number | null
  /** Circuit breaker of its provider; null where it has not failed lately. */
  breaker: {
    failures: number
    openUntil: Date | null
    isOpen: boolean
    lastError: string | null
  } | null
}

/** Cost: one end of an index, and one row. */
export async function readAccountHealth(
  db: Db,
  tenantId: number,
  { id, provider }: { id: string; provider: string | null },
): Promise<AccountHealth> {
  const [waiting] = await db<{ seconds: number | null }[]>`
    select greatest(0, extract(epoch from pigeonpost_private.clock() - w.oldest))::double precision as seconds
    from (
      select min(due_at) as oldest from pigeonpost.outbox
      where tenant_id = ${tenantId} and account_id = ${id} and state = 'queued') w
    where w.oldest is not null`
  const [breaker] = await db<NonNullable<AccountHealth['breaker']>[]>`
    select failures, open_until as "openUntil", open_until is not null as "isOpen", last_error as "lastError"
    from pigeonpost_private.provider_breakers where tenant_id = ${tenantId} and provider = ${provider}`
  return { oldestWaitingSeconds: waiting?.seconds ?? null, breaker: breaker ?? null }
}
