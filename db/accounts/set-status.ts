import type { Transaction } from '../connect.ts'
import type { AccountRow } from '../rows.ts'

/**
 * Sets an account's status where it is in one of `from`, and returns what it was; null where there is no such account.
 * @param change.reason why it is not connected, for people
 */
export async function setAccountStatus(
  tx: Transaction,
  tenantId: number,
  id: string,
  change: { from: AccountRow['status'][]; to: AccountRow['status']; reason?: string | undefined },
): Promise<AccountRow['status'] | null> {
  const [before] = await tx<{ status: AccountRow['status'] }[]>`
    select status from pigeonpost.accounts where tenant_id = ${tenantId} and id = ${id} for no key update`
  if (before && change.from.includes(before.status)) {
    await tx`
      update pigeonpost.accounts set status = ${change.to}, status_reason = ${change.reason ?? null}
      where tenant_id = ${tenantId} and id = ${id}`
  }
  return before?.status ?? null
}
