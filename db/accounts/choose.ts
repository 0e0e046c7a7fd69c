import type { Db } from '../connect.ts'
import { accountColumns, type AccountRow } from '../rows.ts'

/** The account that a message of that channel takes when it names none; null where the channel has none. */
export async function findDefaultAccount(
  db: Db,
  tenantId: number,
  channel: string,
): Promise<AccountRow | null> {
  const [account] = await db<AccountRow[]>`
    select ${db(accountColumns)} from pigeonpost.accounts
    where tenant_id = ${tenantId} and channel = lower(btrim(${channel}))
    order by is_default desc, created_at, id limit 1`
  return account ?? null
}
