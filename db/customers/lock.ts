import type { Transaction } from '../connect.ts'
import { NotFoundError } from '../errors.ts'

/**
 * The current customers for those uuids or lead ids (after merges), keyed as asked for, and locked so that no merge moves
 * them before this transaction ends. Locked in the order of their ids, as a merge does.
 * @throws NotFoundError `customer_unknown`, field `field`
 */
export async function lockCustomers(
  tx: Transaction,
  tenantId: number,
  ids: string[],
  field: string,
): Promise<Map<string, string>> {
  const given = [...new Set(ids.map(spelling))]
  if (given.length === 0) return new Map()
  for (;;) {
    const found = await tx<{ asked: string; number: string; id: string }[]>`
      select id::text as asked, lead_id::text as number, pigeonpost.current_customer(${tenantId}, id) as id
      from pigeonpost.customers
      where tenant_id = ${tenantId} and (id = any (${given.filter((id) => id.includes('-'))}::uuid[])
        or lead_id = any (${given.filter((id) => !id.includes('-'))}::bigint[]))`
    const rows = given.map((asked) => ({
      asked,
      id: found.find((one) => asked === one.asked || asked === one.number)?.id ?? null,
    }))
    const absent = rows.find(({ id }) => id === null)
    if (absent) {
      throw new NotFoundError(`There is no customer ${absent.asked}`, {
        code: 'customer_unknown',
        field,
      })
    }
    const living = rows.flatMap(({ asked, id }) => (id ? [[asked, id] as const] : []))
    const locked = await tx<{ merged: boolean }[]>`
      select merged_into is not null as merged from pigeonpost.customers
      where tenant_id = ${tenantId} and id = any (${[...new Set(living.map(([, id]) => id))]}::uuid[])
      order by id for key share`
    // One that was merged while we waited for its lock is to be looked up again.
    if (locked.every(({ merged }) => !merged)) {
      const byName = new Map(living)
      return new Map(
        ids.flatMap((id) => {
          const living = byName.get(spelling(id))
          return living ? [[id, living]] : []
        }),
      )
    }
  }
}

/** Of a uuid, in lower case; of a number, without leading zeros. */
function spelling(id: string): string {
  return id.includes('-') ? id.toLowerCase() : String(BigInt(id))
}
