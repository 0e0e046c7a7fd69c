import type { Sql } from '../connect.ts'
import { type PlacedUpdate, toUpdateRow, type UpdateResult } from '../messages/apply-updates.ts'
import { asTenantOf } from '../tenant.ts'
import { type KeptWebhook, toInboxRow } from './keep.ts'

export interface ReceivedContents {
  /** The webhooks' ids in the inbox, in the order given. */
  inbox: string[]
  /** Of each message its id, and whether it was here already. */
  messages: [id: string, duplicate: boolean][]
  updates: UpdateResult[]
}

/**
 * Keeps webhooks, stores the messages and applies the updates that they brought, by one statement that commits by
 * itself: nothing is stored where it throws.
 * @param contents.messages as toRow makes them
 * @throws the driver's error; `webhooks_are_plain` where a message is refused or fills in a stub
 */
export async function receiveWebhooks(
  sql: Sql,
  tenantId: number,
  contents: {
    webhooks: KeptWebhook[]
    messages: Record<string, unknown>[]
    updates: PlacedUpdate[]
  },
  options: { lockMs?: number | undefined } = {},
): Promise<ReceivedContents> {
  const webhooks = contents.webhooks.map(toInboxRow)
  const updates = contents.updates.map(toUpdateRow)
  const [row] = await sql<{ received: ReceivedContents }[]>`
    with entered as materialized (select ${asTenantOf(sql, tenantId, options)})
    select pigeonpost_private.receive_webhooks(${tenantId}, ${sql.json(webhooks)}, ${sql.json(contents.messages as never)},
      ${sql.json(updates)}) as received
    from entered`
  return row?.received ?? { inbox: [], messages: [], updates: [] }
}
