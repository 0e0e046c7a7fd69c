import type { Transaction } from '../connect.ts'

/**
 * Takes the locks under which inserts and early updates meet (see 100_updates.sql), for a transaction that brings both,
 * or several updates.
 */
export async function lockExternalIds(
  tx: Transaction,
  tenantId: number,
  { messages, updates }: { messages: string[]; updates: string[] },
): Promise<void> {
  if (updates.length === 0 || (updates.length === 1 && messages.length === 0)) return
  await tx`select pigeonpost_private.lock_external_ids(${tenantId}, ${messages}::text[], ${updates}::text[])`
}
