import type { Db } from '../connect.ts'

/**
 * The first due row of each account and state, as the body of a recursive query. Cost: one index probe for each account and
 * state, however many messages wait.
 * @param tenantId only this tenant's; null for all that the role may see
 */
export function outboxHeads(db: Db, tenantId: number | null) {
  const mine = db`(${tenantId}::integer is null or o.tenant_id = ${tenantId}::integer)`
  return db`
    (select o.tenant_id, o.account_id, o.state, o.due_at from pigeonpost.outbox o where ${mine}
    order by o.tenant_id, o.account_id, o.state, o.due_at limit 1)
    union all
    select n.tenant_id, n.account_id, n.state, n.due_at from heads h cross join lateral (
      select o.tenant_id, o.account_id, o.state, o.due_at from pigeonpost.outbox o
      where (o.tenant_id, o.account_id, o.state) > (h.tenant_id, h.account_id, h.state) and ${mine}
      order by o.tenant_id, o.account_id, o.state, o.due_at limit 1) n`
}
