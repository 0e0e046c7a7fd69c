import type { Db } from '../connect.ts'
import { type Page, type PageRequest, readPage } from '../paging/offset.ts'
import { accountDetailColumns, type AccountDetailRow } from '../rows.ts'

export type AccountFilter = {
  channel?: string | undefined
  status?: AccountDetailRow['status'] | undefined
}

/** A page of the tenant's accounts, the newest first. */
export async function readAccounts(
  db: Db,
  tenantId: number,
  { channel, status }: AccountFilter,
  page: PageRequest,
): Promise<Page<AccountDetailRow & { key: string }>> {
  return readPage(
    db,
    {
      columns: db`${db(accountDetailColumns.map((name) => `a.${name}`))}`,
      from: db`pigeonpost.accounts a`,
      where: db`a.tenant_id = ${tenantId}
        ${channel === undefined ? db`` : db`and a.channel = lower(btrim(${channel}))`}
        ${status === undefined ? db`` : db`and a.status = ${status}`}`,
      key: db`a.id`,
    },
    page,
  )
}

/** The account with that id and every setting of an operator's, or null where the tenant has none. */
export async function findAccountDetail(
  db: Db,
  tenantId: number,
  id: string,
): Promise<AccountDetailRow | null> {
  const [account] = await db<AccountDetailRow[]>`
    select ${db(accountDetailColumns)} from pigeonpost.accounts where tenant_id = ${tenantId} and id = ${id}`
  return account ?? null
}
