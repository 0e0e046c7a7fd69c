import type { Db } from '../connect.ts'
import { customerColumns, customerRow, type CustomerRow } from '../rows.ts'

/**
 * A customer by its uuid, or by its lead id given in digits; null where the tenant has none. For one that was merged, the
 * one that it was merged into, so that old ids stay valid.
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
  // A query of its own: under row-level security, a row named by a function of another row is not looked up by its key.
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
