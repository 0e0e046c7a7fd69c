import type { Transaction } from '../../../../db/connect.ts'
import { findConversation } from '../../../../db/conversations/find.ts'
import { NotFoundError } from '../../../../db/errors.ts'
import type { ConversationRow } from '../../../../db/rows.ts'

/** @throws NotFoundError `conversation_unknown` */
export async function conversationOf(
  tx: Transaction,
  tenantId: number,
  id: string,
): Promise<ConversationRow> {
  const row = await findConversation(tx, tenantId, id)
  if (!row) {
    throw new NotFoundError(`There is no conversation ${id}`, {
      code: 'conversation_unknown',
      field: 'id',
    })
  }
  return row
}
