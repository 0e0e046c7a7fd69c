import type { Transaction } from '../connect.ts'
import type { AccountDetailRow } from '../rows.ts'

/** Omitted fields keep their value, or get the table's default. */
export type AccountChange = Partial<
  Pick<
    AccountDetailRow,
    | 'address'
    | 'name'
    | 'provider'
    | 'settings'
    | 'secret_ref'
    | 'rate_per_minute'
    | 'burst'
    | 'daily_limit'
    | 'time_zone'
    | 'is_default'
  >
>

/**
 * Makes an account and returns its id.
 * @throws the driver's error: 23505 where the channel has one with that address, 23514 for an invalid limit
 */
export async function createAccount(
  tx: Transaction,
  tenantId: number,
  { channel, ...rest }: AccountChange & { channel: string },
): Promise<string> {
  if (rest.is_default) await leaveDefault(tx, tenantId, channel)
  const row = { tenant_id: tenantId, channel, ...columns(tx, rest) }
  const [account] = await tx<{ id: string }[]>`
    insert into pigeonpost.accounts ${tx(row as never)} returning id`
  if (!account) {
    throw new Error('the account was not stored')
  }
  return account.id
}

/** Changes an account. @throws as createAccount */
export async function updateAccount(
  tx: Transaction,
  tenantId: number,
  { id, channel }: { id: string; channel: string },
  change: AccountChange,
): Promise<void> {
  if (Object.keys(change).length === 0) return
  if (change.is_default) await leaveDefault(tx, tenantId, channel)
  await tx`
    update pigeonpost.accounts set ${tx(columns(tx, change) as never)}
    where tenant_id = ${tenantId} and id = ${id}`
}

/**
 * Unsets the channel's present default. The channel's accounts are locked first, so that of two that are made the default
 * at once the second sees the first.
 */
async function leaveDefault(tx: Transaction, tenantId: number, channel: string): Promise<void> {
  await tx`
    select from pigeonpost.accounts where tenant_id = ${tenantId} and channel = lower(btrim(${channel}))
    order by id for no key update`
  await tx`
    update pigeonpost.accounts set is_default = false
    where tenant_id = ${tenantId} and channel = lower(btrim(${channel})) and is_default`
}

function columns(tx: Transaction, { settings, ...change }: AccountChange): object {
  return { ...change, ...(settings === undefined ? {} : { settings: tx.json(settings as never) }) }
}
