import { findAccountDetail } from '../../../../db/accounts/list-page.ts'
import type { Transaction } from '../../../../db/connect.ts'
import { NotFoundError } from '../../../../db/errors.ts'
import type { AccountDetailRow } from '../../../../db/rows.ts'

/** @throws NotFoundError `account_unknown` */
export async function accountOf(
  tx: Transaction,
  tenantId: number,
  id: string,
): Promise<AccountDetailRow> {
  const row = await findAccountDetail(tx, tenantId, id)
  if (!row) {
    throw new NotFoundError(`There is no account ${id}`, { code: 'account_unknown', field: 'id' })
  }
  return row
}
