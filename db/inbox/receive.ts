import type { Sql } from '../connect.ts'
import { storableJson } from '../storable.ts'
import { asTenantOf } from '../tenant.ts'
import type { toInboxRow } from './store-webhooks.ts'

/** A webhook and what its channel parsed from it, as pigeonpost_private.receive() takes it. */
export type ReceivedItem = {
  inbox: ReturnType<typeof toInboxRow>
  messages: Record<string, unknown>[]
  updates: Record<string, unknown>[]
  identities?: Record<string, unknown>[]
  groups?: Record<string, unknown>[]
}

/** Why something was refused, in the database's words. `code` is the SQLSTATE. */
export type Refusal = {
  outcome: 'refused'
  code: string
  constraint: string | null
  field: string | null
  message: string
  hint: string | null
}

export type ReceivedAnswer = {
  inbox_id: string
  /** In the order given. A second copy has no id where the first was deleted or moved by a merge meanwhile. */
  messages: ({ outcome: 'stored' | 'duplicate'; id: string | null } | Refusal)[]
  updates: ({ outcome: UpdateResult } | Refusal)[]
  /** The first refusal, or why nothing of it could be stored. */
  error?: Refusal
}

/** `ignored`: it brings nothing new. `parked`: its message is not here yet. */
export type UpdateResult = 'applied' | 'ignored' | 'parked'

/**
 * Stores webhooks of one tenant in one auto-committed statement: their bytes, messages, updates, links and groups. An
 * invalid item is refused alone, and its answer says why; NUL and lone surrogates become U+FFFD.
 * @param options.lockMs ms to wait for a lock
 * @throws the driver's error where the webhooks are not its cause (a lock, a deadlock, a lost connection); then nothing
 * is stored
 */
export async function receive(
  sql: Sql,
  tenantId: number,
  items: ReceivedItem[],
  options: { lockMs?: number | undefined } = {},
): Promise<ReceivedAnswer[]> {
  const [row] = await sql<{ answers: ReceivedAnswer[] }[]>`
    with entered as materialized (select ${asTenantOf(sql, tenantId, options)})
    select pigeonpost_private.receive(${tenantId}, ${storableJson(items)}::text::jsonb) as answers from entered`
  return row?.answers ?? []
}
