import type { Sql } from '../connect.ts'

/**
 * Deletes the stored answers that are older than `keepHours`, of every tenant that the login sees: their Idempotency-Keys
 * can then be used again. Each statement handles one tenant, and deletes `batch` rows (1000) at most.
 * @param options.keepHours default 24
 * @returns how many
 */
export async function forgetRequests(
  sql: Sql,
  options: { keepHours?: number; batch?: number } = {},
): Promise<number> {
  const { keepHours = 24, batch = 1000 } = options
  const tenants = await sql<{ tenant_id: number }[]>`
    select t.tenant_id from pigeonpost.tenants t where exists (
      select from pigeonpost.idempotent_requests r
      where r.tenant_id = t.tenant_id and r.created_at < now() - ${keepHours} * interval '1 hour')`
  let forgotten = 0
  for (const { tenant_id: tenantId } of tenants) {
    let count = batch
    while (count === batch) {
      // A locked row is in use by a repeated request, or being deleted by another worker.
      const deleted = await sql`
        delete from pigeonpost.idempotent_requests r using (
          select o.key from pigeonpost.idempotent_requests o
          where o.tenant_id = ${tenantId} and o.created_at < now() - ${keepHours} * interval '1 hour'
          order by o.created_at limit ${batch} for update skip locked) old
        where r.tenant_id = ${tenantId} and r.key = old.key`
      count = deleted.count
      forgotten += count
    }
  }
  return forgotten
}
