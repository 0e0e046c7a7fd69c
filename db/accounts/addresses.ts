import type { Db } from '../connect.ts'

/** The addresses of those accounts, by id. */
export async function readAccountAddresses(
  db: Db,
  tenantId: number,
  ids: string[],
): Promise<Map<string, string | null>> {
  if (ids.length === 0) return new Map()
  const rows = await db<{ id: string; address: string | null }[]>`
    select id, address from pigeonpost.accounts
    where tenant_id = ${tenantId} and id = any (${[...new Set(ids)]}::uuid[])`
  return new Map(rows.map(({ id, address }) => [id, address]))
}
