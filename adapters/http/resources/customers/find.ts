import type { Transaction } from '../../../../db/connect.ts'
import { findCustomer } from '../../../../db/customers/find.ts'
import { NotFoundError } from '../../../../db/errors.ts'
import type { CustomerRow } from '../../../../db/rows.ts'

/** @throws NotFoundError `customer_unknown` */
export async function customerOf(
  tx: Transaction,
  tenantId: number,
  id: string,
): Promise<CustomerRow> {
  const row = await findCustomer(tx, tenantId, id)
  if (!row) throw unknownCustomer(id)
  return row
}

export function unknownCustomer(id: string, field = 'id'): NotFoundError {
  return new NotFoundError(`There is no customer ${id}`, { code: 'customer_unknown', field })
}
