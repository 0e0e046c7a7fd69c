import type { Transaction } from '../../../../db/connect.ts'
import { findCustomer } from '../../../../db/customers/find.ts'
import { NotFound } from '../../../../db/errors.ts'
import type { CustomerRow } from '../../../../db/rows.ts'

/** @throws NotFound `customer_unknown` */
export async function customerOf(
  tx: Transaction,
  tenantId: number,
  id: string,
): Promise<CustomerRow> {
  const row = await findCustomer(tx, tenantId, id)
  if (!row) throw unknownCustomer(id)
  return row
}

export function unknownCustomer(id: string, field = 'id'): NotFound {
  return new NotFound(`There is no customer ${id}`, { code: 'customer_unknown', field })
}
