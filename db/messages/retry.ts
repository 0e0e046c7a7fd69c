import type { Db } from '../connect.ts'
import { type Change, changeMessages, type ChangeOptions } from './change.ts'

/**
 * Queues failed messages again, with a full number of attempts. It is a new send: the attempt id and external id of the one
 * before stay in delivery_attempts, so that neither a late receipt for it nor the provider's record of its idempotency key
 * applies to this one. It counts for the daily limit of the day on which it is sent.
 */
export async function retryMessages(db: Db, options: ChangeOptions): Promise<Change[]> {
  return changeMessages(db, options, {
    from: ['failed'],
    toSend: true,
    set: db`status = 'queued', error_code = null, error_message = null, external_message_id = null,
      metadata = m.metadata - 'failed_by'`,
  })
}
