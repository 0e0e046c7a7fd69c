import type { Sql } from '../connect.ts'

/** The tenant of an account, or null where there is none: for webhooks, which carry only the account's id, in their path. */
export async function findTenantOfAccount(sql: Sql, accountId: string): Promise<number | null> {
  const [row] = await sql<{ tenant_id: number | null }[]>`
    select pigeonpost_private.tenant_of_account(${accountId}) as tenant_id`
  return row?.tenant_id ?? null
}
