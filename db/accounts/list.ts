import type { Db } from '../connect.ts'
import { accountColumns, type AccountRow } from '../rows.ts'

/** The tenant's accounts; within a channel, the one used by messages that name no account comes first. */
export async function listAccounts(db: Db, tenantId: number): Promise<AccountRow[]> {
  return db<AccountRow[]>`
    select ${db(accountColumns)} from pigeonpost.accounts
    where tenant_id = ${tenantId}
    order by channel, is_default desc, created_at, id`
}
