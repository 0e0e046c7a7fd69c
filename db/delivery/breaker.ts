import type { Sql } from '../connect.ts'

/** What some tries of one provider said about it. */
export type ProviderNote = {
  provider: string
  /** At least one was answered as a provider answers that is well. */
  succeeded: boolean
  /** Failures after the last of those. */
  failures: number
  error: string | null
}

/** Counts for the circuit breaker. @returns whether it is open */
export async function noteProvider(
  sql: Sql,
  tenantId: number,
  note: ProviderNote,
): Promise<boolean> {
  const [row] = await sql<{ open: boolean }[]>`
    select pigeonpost_private.note_provider(${tenantId}, ${note.provider}, ${note.succeeded}, ${note.failures},
      ${note.error}) as open`
  return row?.open ?? false
}

/** Whether we are the one that may try the provider with a message, now that its pause is over. */
export async function takeProbe(
  sql: Sql,
  tenantId: number,
  provider: string,
  leaseMs: number,
): Promise<boolean> {
  const [row] = await sql<{ mine: boolean }[]>`
    select pigeonpost_private.take_probe(${tenantId}, ${provider}, ${leaseMs}) as mine`
  return row?.mine ?? false
}

/** Leaves the probe to another: we found no message for it. */
export async function releaseProbe(sql: Sql, tenantId: number, provider: string): Promise<void> {
  await sql`
    update pigeonpost_private.provider_breakers set probe_until = null
    where tenant_id = ${tenantId} and provider = ${provider}`
}
