import type { Transaction } from '../connect.ts'

/**
 * Takes the locks under which inserts and early updates meet (see 100_updates.sql), all at once and in one order, for a
 * transaction that brings both, or several updates. One by one they would come in another order in each: inserts hold
 * theirs shared until the commit, updates that are about to park need theirs alone, and two such transactions wait for
 * each other.
 */
export async function lockExternalIds(
  tx: Transaction,
  tenantId: number,
  ids: { messages: string[]; updates: string[] },
): Promise<void> {
  const updates = [...new Set(ids.updates)]
  if (updates.length === 0 || (updates.length === 1 && ids.messages.length === 0)) return
  await tx`
    with wanted as (
      select i.id, false as alone from unnest(${[...new Set(ids.messages)]}::text[]) i (id)
      union all
      select i.id, not exists (
        select from pigeonpost.messages m where m.tenant_id = ${tenantId} and m.external_message_id = i.id)
      from unnest(${updates}::text[]) i (id)
    ), buckets as materialized (
      select hashtext(${String(tenantId)} || w.id) & 63 as bucket, bool_or(w.alone) as alone from wanted w group by 1 order by 1
    )
    select case when b.alone then pg_advisory_xact_lock(1886416752, b.bucket)
      else pg_advisory_xact_lock_shared(1886416752, b.bucket) end
    from buckets b`
}
