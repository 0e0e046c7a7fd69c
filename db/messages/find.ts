import type { Db } from '../connect.ts'
import { messageColumns, messageRow, type MessageRow } from '../rows.ts'

/** A message by its uuid, or by its number given in digits; null where the tenant has none. */
export async function findMessage(
  db: Db,
  tenantId: number,
  id: string,
): Promise<MessageRow | null> {
  const column = id.includes('-') ? db`id = ${id}::uuid` : db`number = ${id}::bigint`
  const [row] = await db`
    select ${db(messageColumns)} from pigeonpost.messages_with_state where tenant_id = ${tenantId} and ${column}`
  return row ? messageRow.parse(row) : null
}
