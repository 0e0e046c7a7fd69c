import type { Sql } from '../connect.ts'

/** The tables that have a retention; `tenants.settings.retention` gives a tenant's own, in days. */
export type PrunedKind =
  | 'webhook_inbox'
  | 'delivery_attempts'
  | 'message_statuses'
  | 'parked_updates'
  | 'idempotent_requests'

export type Pruned = {
  tenantId: number
  kind: PrunedKind
  /** Days that they are kept for; null for ever. */
  days: number | null
  /** Rows deleted, or with `dryRun` that would be. */
  pruned: number
}

export type PruneOptions = {
  /** This tenant's only; by default those of every tenant that the login sees. */
  tenantId?: number | undefined
  /** Rows of a kind that one statement deletes. Default 1000. */
  batch?: number
  /** Deletes nothing, and counts. */
  dryRun?: boolean | undefined
}

/**
 * Deletes what is past its retention (pigeonpost_private.prune), tenant by tenant, one statement for each value that is
 * taken: its caller decides when the next batch goes. What is locked is skipped and goes the next time.
 * @yields what one statement has deleted of each kind
 */
export async function* prune(sql: Sql, options: PruneOptions = {}): AsyncGenerator<Pruned[], void> {
  const { tenantId, batch = 1000, dryRun = false } = options
  const tenants = await sql<{ id: number }[]>`
    select tenant_id as id from pigeonpost.tenants
    ${tenantId === undefined ? sql`` : sql`where tenant_id = ${tenantId}`} order by tenant_id`
  for (const { id } of tenants) {
    let isFull = true
    while (isFull) {
      const rows = await sql<Pruned[]>`
        select ${id}::integer as "tenantId", kind, days::float8 as days, pruned
        from pigeonpost_private.prune(${id}, ${batch}, ${dryRun})`
      yield [...rows]
      isFull = !dryRun && rows.some(({ pruned }) => pruned >= batch)
    }
  }
}

/** Adds up, by tenant and kind. */
export function sumPruned(all: Iterable<Pruned>): Pruned[] {
  const sums = new Map<string, Pruned>()
  for (const one of all) {
    const key = `${one.tenantId} ${one.kind}`
    const sum = sums.get(key)
    if (sum) sum.pruned += one.pruned
    else sums.set(key, { ...one })
  }
  return [...sums.values()]
}
