import type { Transaction } from '../connect.ts'
import { NotFound } from '../errors.ts'

/**
 * Who the customers with those uuids or lead ids are now, by what was asked for, locked so that no merge takes them away before this transaction ends. In
 * the order of their ids, as a merge locks them.
 * @throws NotFound `customer_unknown`, field `field`
 */
export async function lockCustomers(
  tx: Transaction,
  tenantId: number,
  ids: string[],
  field: string,
): Promise<Map<string, string>> {
  const given = [...new Set(ids.map((id) => id.toLowerCase()))]
  if (given.length === 0) return new Map()
  for (;;) {
    const rows = await tx<{ asked: string; id: string | null }[]>`
      select g.asked, pigeonpost.current_customer(${tenantId}, coalesce(c.id, n.id)) as id
      from unnest(${given}::text[]) g (asked)
      left join pigeonpost.customers c on c.tenant_id = ${tenantId} and c.id = case when g.asked like '%-%' then g.asked::uuid end
      left join pigeonpost.customers n on n.tenant_id = ${tenantId} and n.lead_id = case when g.asked not like '%-%' then g.asked::bigint end`
    const absent = rows.find(({ id }) => id === null)
    if (absent) {
      throw new NotFound(`There is no customer ${absent.asked}`, {
        code: 'customer_unknown',
        field,
      })
    }
    const living = rows.flatMap(({ asked, id }) => (id ? [[asked, id] as const] : []))
    const locked = await tx<{ merged: boolean }[]>`
      select merged_into is not null as merged from pigeonpost.customers
      where tenant_id = ${tenantId} and id = any (${[...new Set(living.map(([, id]) => id))]}::uuid[])
      order by id for key share`
    // One that was merged while we waited for its lock is another by now.
    if (locked.every(({ merged }) => !merged)) return new Map(living)
  }
}
