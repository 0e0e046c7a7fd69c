import type { Db } from '../connect.ts'
import { threadColumns, threadRow, type ThreadRow } from '../rows.ts'

/** A thread, with the times of its first and latest message, which are read from the ends of its index. */
export type FoundThread = ThreadRow & {
  first_message_at: Date | null
  last_message_at: Date | null
}

/** A thread by its uuid, or by its number given in digits; null where the tenant has none. */
export async function findThread(
  db: Db,
  tenantId: number,
  id: string,
): Promise<FoundThread | null> {
  const column = id.includes('-') ? db`t.id = ${id}::uuid` : db`t.number = ${id}::bigint`
  const [row] = await db<(FoundThread & Record<string, unknown>)[]>`
    select ${db(threadColumns.map((name) => `t.${name}`))},
      (select min(m.occurred_at) from pigeonpost.messages m where m.tenant_id = t.tenant_id and m.thread_id = t.id) as first_message_at,
      (select max(m.occurred_at) from pigeonpost.messages m where m.tenant_id = t.tenant_id and m.thread_id = t.id) as last_message_at
    from pigeonpost.threads t where t.tenant_id = ${tenantId} and ${column}`
  if (!row) return null
  const { first_message_at, last_message_at } = row
  return { ...threadRow.parse(row), first_message_at, last_message_at }
}
