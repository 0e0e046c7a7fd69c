import type { Db } from '../connect.ts'
import type { MessageState } from '../rows.ts'
import { type Change, changeMessages, type ChangeOptions } from './change.ts'

/** Those that have not left: one that is `sending` is the provider's already. */
export const cancelable: MessageState[] = ['scheduled', 'queued', 'retrying']

/** Takes back messages that wait. One that waits for another try may have arrived by the first, if that is in doubt. */
export async function cancelMessages(db: Db, options: ChangeOptions): Promise<Change[]> {
  return changeMessages(db, options, {
    from: cancelable,
    toSend: false,
    set: db`status = 'canceled'`,
  })
}
