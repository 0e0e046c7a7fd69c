import type { Db } from '../connect.ts'
import { type Change, changeMessages } from './change.ts'

export type Verdict =
  | {
      status: 'sent'
      /** The channel's id of it. Parked receipts for that id are applied. */
      externalMessageId: string | null
    }
  | { status: 'failed' }
  | {
      /** Sent again, under the same attempt id: a provider that takes idempotency keys does not send it twice. */
      status: 'queued'
    }

/**
 * Settles a message of unknown outcome as an operator decided.
 * @throws the driver's error, 23505 (`messages_external_id_is_unique`), where the external id is another message's
 */
export async function resolveMessage(
  db: Db,
  about: { tenantId: number; id: string },
  verdict: Verdict,
): Promise<Change> {
  const set = {
    sent: () =>
      db`status = 'sent', external_message_id = coalesce(${externalId(verdict)}, m.external_message_id)`,
    failed: () => db`status = 'failed'`,
    queued: () => db`status = 'queued', attempts = 0, error_code = null, error_message = null`,
  }[verdict.status]()
  const options = { tenantId: about.tenantId, ids: [about.id] }
  const toSend = verdict.status === 'queued'
  const [change] = await changeMessages(db, options, { from: ['unknown'], set, toSend })
  if (!change) throw new Error('no answer about a message')
  return change
}

function externalId(verdict: Verdict): string | null {
  return verdict.status === 'sent' ? verdict.externalMessageId : null
}
