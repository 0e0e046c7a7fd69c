import type { Db, Transaction } from '../connect.ts'
import { type Page, type PageRequest, readPage } from '../page.ts'
import { participantColumns, type ParticipantRow } from '../rows.ts'

/** With who it is: the customer's name and lead id, or the account's name and address. */
export type NamedParticipant = ParticipantRow & {
  name: string | null
  lead_id: number | null
  address: string | null
}

/** Who is in a conversation, the newest first; with `left`, also who was. */
export async function listParticipants(
  db: Db,
  tenantId: number,
  { conversationId, left }: { conversationId: string; left: boolean },
  page: PageRequest,
): Promise<Page<NamedParticipant & { key: string }>> {
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
): Promise<NamedParticipant | null> {
  const [row] = await db<NamedParticipant[]>`
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
 * Adds to a conversation those who are not in it; who had left is in it again, from now on.
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
    // oxlint-disable-next-line eslint/no-await-in-loop -- one connection
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
  return db`${db(participantColumns.map((column) => `p.${column}`))},
    coalesce(c.name, a.name) as name, c.lead_id, coalesce(c.external_id, a.address) as address`
}

function whoTheyAre(db: Db) {
  return db`
    left join pigeonpost.customers c on c.tenant_id = p.tenant_id and c.id = p.customer_id
    left join pigeonpost.accounts a on a.tenant_id = p.tenant_id and a.id = p.account_id`
}
