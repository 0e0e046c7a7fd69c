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
  const column = id.includes('-') ? db`id = ${id}::uuid` : db`lead_id = ${id}::bigint`
  const [found] = await db<{ merged_into: string | null }[]>`
    select ${db(customerColumns)}, merged_into from pigeonpost.customers where tenant_id = ${tenantId} and ${column}`
  if (!found) return null
  if (found.merged_into === null) return customerRow.parse(found)
  // Apart from the above: a row that a function of another row names is not looked up by the key under row-level security.
  const [living] = await db<{ id: string | null }[]>`
    select pigeonpost.current_customer(${tenantId}, ${found.merged_into}) as id`
  return living?.id ? findCustomer(db, tenantId, living.id) : null
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
    select last_message_at, unread_count, total_messages from pigeonpost_private.exact_counters(${tenantId}, null, ${id})`
  return counters ?? { last_message_at: null, unread_count: 0, total_messages: 0 }
}
