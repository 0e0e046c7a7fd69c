import type { Db } from '../connect.ts'
import type { MessageState } from '../rows.ts'
import { type Change, changeMessages, type ChangeOptions } from './change.ts'

/** States before the request leaves: a message that is `sending` can no longer be called back. */
export const cancelable: MessageState[] = ['scheduled', 'queued', 'retrying']

/** Cancels waiting messages. One that waits for a retry may have arrived already, where the outcome of its last attempt is in doubt. */
export async function cancelMessages(db: Db, options: ChangeOptions): Promise<Change[]> {
  return changeMessages(db, options, {
    from: cancelable,
    toSend: false,
    set: db`status = 'canceled'`,
  })
}
