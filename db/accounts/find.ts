import type { Db } from '../connect.ts'
import { accountColumns, type AccountRow } from '../rows.ts'

/** The account with that id, or null where the tenant has none. */
export async function findAccount(
  db: Db,
  tenantId: number,
  id: string,
): Promise<AccountRow | null> {
  const [account] = await db<AccountRow[]>`
    select ${db(accountColumns)} from pigeonpost.accounts where tenant_id = ${tenantId} and id = ${id}`
  return account ?? null
}

/** The tenant's only account; `several` where there is more than one to choose from, null where there is none. */
export async function findOnlyAccount(
  db: Db,
  tenantId: number,
): Promise<AccountRow | 'several' | null> {
  const [account, second] = await db<AccountRow[]>`
    select ${db(accountColumns)} from pigeonpost.accounts where tenant_id = ${tenantId} limit 2`
  return second ? 'several' : (account ?? null)
}
