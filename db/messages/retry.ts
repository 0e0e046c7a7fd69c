import type { Db } from '../connect.ts'
import { type Change, changeMessages, type ChangeOptions } from './change.ts'

/**
 * Queues failed messages again, with all their tries before them. It is a new send: what the one before was called, by
 * us and by the channel, stays in delivery_attempts, so that neither a late receipt of that nor the provider's memory of
 * its idempotency key passes for this one's. It counts for the daily limit of the day on which it goes.
 */
export async function retryMessages(db: Db, options: ChangeOptions): Promise<Change[]> {
  return changeMessages(db, options, {
    from: ['failed'],
    toSend: true,
    set: db`status = 'queued', error_code = null, error_message = null, external_message_id = null,
      metadata = m.metadata - 'failed_by'`,
  })
}
