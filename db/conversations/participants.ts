import type { Db, Transaction } from '../connect.ts'
import { type Page, type PageRequest, readPage } from '../paging/offset.ts'
import type { ParticipantRow } from '../rows.ts'
import type { Participant } from './list.ts'

/** The participants of a conversation, newest first; with `left`, also those who have left. */
export async function listParticipants(
  db: Db,
  tenantId: number,
  { conversationId, left }: { conversationId: string; left: boolean },
  page: PageRequest,
): Promise<Page<Participant & { key: string }>> {
  return readPage(
    db,
    {
      columns: named(db),
      from: db`pigeonpost.conversation_participants p ${whoTheyAre(db)}`,
      where: db`p.tenant_id = ${tenantId} and p.conversation_id = ${conversationId}
        ${left ? db`` : db`and p.left_at is null`}`,
      key: db`p.id`,
    },
    page,
  )
}

/** A participant by its own id, or its customer's or account's; null where the conversation has none. */
export async function findParticipant(
  db: Db,
  tenantId: number,
  conversationId: string,
  id: string,
): Promise<Participant | null> {
  const [row] = await db<Participant[]>`
    select ${named(db)} from pigeonpost.conversation_participants p ${whoTheyAre(db)}
    where p.tenant_id = ${tenantId} and p.conversation_id = ${conversationId}
      and ${id}::uuid in (p.id, p.customer_id, p.account_id)`
  return row ?? null
}

export type NewParticipant = {
  customerId: string | null
  accountId: string | null
  role: ParticipantRow['role']
  metadata: Record<string, unknown>
}

/**
 * Adds participants to a conversation, skipping those who are in it; those who had left rejoin now.
 * @returns the ids of the participants added
 * @throws the driver's error: PPC01 `direct_is_full` for a third in a direct conversation
 */
export async function addParticipants(
  tx: Transaction,
  tenantId: number,
  conversationId: string,
  given: NewParticipant[],
): Promise<string[]> {
  const added: string[] = []
  for (const key of ['customer_id', 'account_id'] as const) {
    const some = given.filter((one) => (key === 'customer_id' ? one.customerId : one.accountId))
    if (some.length === 0) continue
    const rows = await tx<{ id: string }[]>`
      insert into pigeonpost.conversation_participants as p (tenant_id, conversation_id, customer_id, account_id, role, metadata)
      select ${tenantId}, ${conversationId}::uuid, g."customerId", g."accountId", g.role, g.metadata
      from jsonb_to_recordset(${tx.json(some as never)}) g ("customerId" uuid, "accountId" uuid, role text, metadata jsonb)
      order by g."customerId", g."accountId"
      on conflict (tenant_id, conversation_id, ${tx(key)})
      do update set left_at = null, joined_at = now(), role = excluded.role, metadata = excluded.metadata
      where p.left_at is not null
      returning p.id`
    added.push(...rows.map(({ id }) => id))
  }
  return added
}

/** Changes a participant's role. */
export async function changeRole(
  tx: Transaction,
  tenantId: number,
  id: string,
  role: ParticipantRow['role'],
): Promise<void> {
  await tx`
    update pigeonpost.conversation_participants set role = ${role}
    where tenant_id = ${tenantId} and id = ${id}`
}

/**
 * Lets a participant leave; the row stays, with the time. False where it had left.
 * @throws the driver's error: PPC01 `direct_keeps_both`, and when the transaction commits `multi_has_two_participants`
 */
export async function removeParticipant(
  tx: Transaction,
  tenantId: number,
  id: string,
): Promise<boolean> {
  const left = await tx`
    update pigeonpost.conversation_participants set left_at = now()
    where tenant_id = ${tenantId} and id = ${id} and left_at is null`
  return left.count > 0
}

function named(db: Db) {
  return db`p.id, p.conversation_id as "conversationId", p.customer_id as "customerId", p.account_id as "accountId", p.role,
    coalesce(u.name, a.name) as name,
    case when p.account_id is not null then a.address
      when c.customer_id = p.customer_id and c.address is not null then c.address
      else (select i.address from pigeonpost.customer_identities i
        where i.tenant_id = c.tenant_id and i.customer_id = p.customer_id and i.channel = c.channel
        order by i.created_at, i.address limit 1) end as address,
    p.joined_at as "joinedAt", p.left_at as "leftAt", p.metadata`
}

function whoTheyAre(db: Db) {
  return db`
    join pigeonpost.conversations c on c.tenant_id = p.tenant_id and c.id = p.conversation_id
    left join pigeonpost.customers u on u.tenant_id = p.tenant_id and u.id = p.customer_id
    left join pigeonpost.accounts a on a.tenant_id = p.tenant_id and a.id = p.account_id`
}
