import type { Transaction } from '../connect.ts'
import { messageColumns, messageRow, type MessageRow } from '../rows.ts'

/** Inbound messages are never in the outbox. */
const ownColumns = messageColumns.filter((name) => name !== 'state' && name !== 'next_attempt_at')

/** Marks an inbound message as read; null where it is not inbound, or is read already. */
export async function markRead(
  tx: Transaction,
  tenantId: number,
  id: string,
): Promise<MessageRow | null> {
  const column = id.includes('-') ? tx`id = ${id}::uuid` : tx`number = ${id}::bigint`
  const [row] = await tx`
    update pigeonpost.messages set status = 'read'
    where tenant_id = ${tenantId} and ${column} and direction = 'inbound' and status = 'delivered'
    returning ${tx(ownColumns)}, status as state, null as next_attempt_at`
  return row ? messageRow.parse(row) : null
}
