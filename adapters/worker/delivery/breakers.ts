import type { Logger } from 'pino'
import type { Sql } from '../../../db/connect.ts'
import { noteProvider } from '../../../db/delivery/breaker.ts'
import type { Breaker } from '../../../db/delivery/lease.ts'

/** What one attempt shows about its provider's health; null where it shows nothing. */
export type ProviderVerdict = { provider: string; well: boolean; error: string | null }

/**
 * This process's view of the circuit breakers. Their state is in the database, shared by all workers; it is read with each
 * lease, and written only after a failure, or after the first success that follows one.
 */
export type Breakers = {
  learn(tenantId: number, breakers: Breaker[]): void
  isOpen(tenantId: number, provider: string): boolean
  note(tenantId: number, verdicts: ProviderVerdict[]): Promise<void>
}

export function createBreakers(sql: Sql, logger: Logger): Breakers {
  /** By tenant: the providers that failed lately, and whether the breaker is open. */
  const failing = new Map<number, Map<string, boolean>>()

  function learn(tenantId: number, breakers: Breaker[]): void {
    if (breakers.length === 0) failing.delete(tenantId)
    else failing.set(tenantId, new Map(breakers.map((b) => [b.provider, b.openForMs !== null])))
  }

  function learnOne(tenantId: number, provider: string, open: boolean | null): void {
    const known = failing.get(tenantId) ?? new Map<string, boolean>()
    if (open === null) known.delete(provider)
    else known.set(provider, open)
    failing.set(tenantId, known)
  }

  return {
    learn,
    isOpen: (tenantId, provider) => failing.get(tenantId)?.get(provider) === true,
    async note(tenantId, verdicts) {
      for (const [provider, said] of Map.groupBy(verdicts, (verdict) => verdict.provider)) {
        const lastWell = said.findLastIndex((verdict) => verdict.well)
        const failures = said.length - 1 - lastWell
        const succeeded = lastWell >= 0
        if (failures === 0 && !failing.get(tenantId)?.has(provider)) continue
        try {
          const error = said.at(-1)?.error ?? null
          const open = await noteProvider(sql, tenantId, { provider, succeeded, failures, error })
          if (open && !failing.get(tenantId)?.get(provider)) {
            logger.warn(
              { tenantId, provider, error },
              'circuit breaker opened: a provider failed too often',
            )
          }
          learnOne(tenantId, provider, failures === 0 ? null : open)
        } catch (error) {
          logger.warn({ err: error, tenantId, provider }, 'could not update the circuit breaker')
        }
      }
    },
  }
}
