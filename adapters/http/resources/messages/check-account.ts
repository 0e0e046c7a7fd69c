import { AccountUnusableError } from '../../../../db/errors.ts'
import type { AccountRow } from '../../../../db/rows.ts'
import { channelName } from './schema.ts'

/** @throws AccountUnusableError "WhatsApp account is not connected" */
export function checkConnected(account: AccountRow, field: string): void {
  if (account.status === 'connected') return
  const disabled = account.status === 'disabled'
  throw new AccountUnusableError(
    `${channelName(account.channel)} account is ${disabled ? 'disabled' : 'not connected'}`,
    { code: disabled ? 'account_disabled' : 'account_not_connected', field },
  )
}
