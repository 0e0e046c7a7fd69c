import type { Db } from '../connect.ts'
import { apiKeyColumns, type ApiKeyRow } from '../rows.ts'

/** The keys of a tenant, newest first; `all` with those that are revoked or have expired. */
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
