import type { Db } from './connect.ts'

/** Whether the server takes no writes: a standby, or a database or role set to `default_transaction_read_only`. */
export async function isReadOnly(db: Db): Promise<boolean> {
  const [row] = await db<{ on: boolean }[]>`
    select current_setting('transaction_read_only') = 'on' as on`
  return row?.on ?? false
}
