import type { Db } from '../connect.ts'
import { customerColumns, customerRow, type CustomerRow } from '../rows.ts'

/**
 * A customer by its uuid, or by its lead id given in digits; null where the tenant has none. One that was merged is the
 * one that it was merged into: whoever holds an old id still arrives.
 */
export async function findCustomer(
  db: Db,
  tenantId: number,
  id: string,
): Promise<CustomerRow | null> {
  const column = id.includes('-') ? db`g.id = ${id}::uuid` : db`g.lead_id = ${id}::bigint`
  const [row] = await db`
    select ${db(customerColumns.map((name) => `c.${name}`))} from pigeonpost.customers g
    join pigeonpost.customers c on c.tenant_id = g.tenant_id
      and c.id = case when g.merged_into is null then g.id else pigeonpost.current_customer(g.tenant_id, g.id) end
    where g.tenant_id = ${tenantId} and ${column}`
  return row ? customerRow.parse(row) : null
}

/** The counters of one customer, exact now: derived from its direct conversations' messages. */
export async function countCustomer(
  db: Db,
  tenantId: number,
  id: string,
): Promise<Pick<CustomerRow, 'last_message_at' | 'unread_count' | 'total_messages'>> {
  const [counters] = await db<
    Pick<CustomerRow, 'last_message_at' | 'unread_count' | 'total_messages'>[]
  >`
    select last_message_at, unread_count, total_messages from pigeonpost.customer_counters(${tenantId}, ${id})`
  return counters ?? { last_message_at: null, unread_count: 0, total_messages: 0 }
}
