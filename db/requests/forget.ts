import type { Sql } from '../connect.ts'

/**
 * Forgets the answers that are older than the time to keep, of every tenant that the login sees: from then on their
 * Idempotency-Keys are as good as new. Each statement is of one tenant, and deletes `batch` rows (1000) at most.
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
      // A row that is locked is being answered again, or deleted by another worker.
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
