import type { Transaction } from '../connect.ts'

/** Ends a thread: the next stored message of its conversation opens a new one. False where it had ended. */
export async function archiveThread(
  tx: Transaction,
  tenantId: number,
  id: string,
): Promise<boolean> {
  const [row] = await tx<{ archived: boolean }[]>`
    select pigeonpost.archive_thread(${tenantId}, ${id}) as archived`
  return row?.archived ?? false
}

/** The id of a conversation's active thread; null where no message was stored since the last one was archived. */
export async function findActiveThread(
  tx: Transaction,
  tenantId: number,
  conversationId: string,
): Promise<string | null> {
  const [row] = await tx<{ id: string }[]>`
    select id from pigeonpost.threads
    where tenant_id = ${tenantId} and conversation_id = ${conversationId} and status = 'active'`
  return row?.id ?? null
}
