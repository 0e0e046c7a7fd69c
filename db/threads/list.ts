import type { Db } from '../connect.ts'
import { type Page, type PageRequest, readPage } from '../paging/offset.ts'
import { threadColumns, type ThreadRow } from '../rows.ts'

/** The threads of a conversation, the newest first. */
export async function listThreads(
  db: Db,
  tenantId: number,
  { conversationId, status }: { conversationId: string; status?: ThreadRow['status'] | undefined },
  page: PageRequest,
): Promise<Page<ThreadRow & { key: string }>> {
  return readPage(
    db,
    {
      columns: db`${db(threadColumns.map((name) => `t.${name}`))}`,
      from: db`pigeonpost.threads t`,
      where: db`t.tenant_id = ${tenantId} and t.conversation_id = ${conversationId}
        ${status === undefined ? db`` : db`and t.status = ${status}`}`,
      key: db`t.id`,
    },
    page,
  )
}
