import type { Db } from '../connect.ts'
import { type Page, type PageRequest, readPage } from '../paging/offset.ts'
import { apiKeyColumns, type ApiKeyRow } from '../rows.ts'

/** The keys of a tenant, newest first; `all` includes those that are revoked or have expired. */
export async function listKeys(
  db: Db,
  tenantId: number,
  options: { all?: boolean } = {},
): Promise<ApiKeyRow[]> {
  return db<ApiKeyRow[]>`
    select ${db(apiKeyColumns)} from pigeonpost.api_keys
    where tenant_id = ${tenantId}
      ${options.all ? db`` : db`and revoked_at is null and (expires_at is null or expires_at > now())`}
    order by created_at desc, id desc`
}

/** A page of them. */
export async function readKeys(
  db: Db,
  tenantId: number,
  options: { all: boolean },
  page: PageRequest,
): Promise<Page<ApiKeyRow & { key: string }>> {
  return readPage(
    db,
    {
      columns: db`${db(apiKeyColumns)}`,
      from: db`pigeonpost.api_keys k`,
      where: db`k.tenant_id = ${tenantId}
        ${options.all ? db`` : db`and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())`}`,
      key: db`k.id`,
    },
    page,
  )
}
