import type { Sql } from '../connect.ts'

/** What some attempts at one provider showed about its health. */
export type ProviderNote = {
  provider: string
  /** At least one got an answer that shows a working provider. */
  succeeded: boolean
  /** Failures since the last such answer. */
  failures: number
  error: string | null
}

/** Records them for the circuit breaker. @returns whether it is open */
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

/** Claims the probe: whether we may send the one message that tests the provider after its pause. */
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

/** Releases the probe, because we found no message for it. */
export async function releaseProbe(sql: Sql, tenantId: number, provider: string): Promise<void> {
  await sql`
    update pigeonpost_private.provider_breakers set probe_until = null
    where tenant_id = ${tenantId} and provider = ${provider}`
}
