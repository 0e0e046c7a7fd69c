import type { Transaction } from '../connect.ts'
import { keyReused } from '../requests/claim.ts'
import { messageColumns, messageRow, type MessageRow } from '../rows.ts'

/** A message to be sent, before an account and an address are chosen. */
export type MessageRequest = {
  contentType: MessageRow['content_type']
  body: string | null
  mediaUrl: string | null
  /** An upload of the tenant's. */
  mediaId: string | null
  metadata: Record<string, unknown>
  scheduledFor: Date | null
}

export type NewMessage = MessageRequest & {
  tenantId: number
  accountId: string
  channel: string
  /** The counterpart. */
  address: string
  /** The API key's id. */
  createdBy: string | null
  /** Stays with the message: a second one with it is refused for as long as the first is there. */
  idempotencyKey: string | null
  /** False: the account has no daily limit to count it for. Default true. */
  isLimited?: boolean
}

/**
 * Queues a message for sending; the triggers find or make its customer, conversation and thread.
 * It counts for the account's daily limit now, not when it is sent; if a limit is being set at the same moment, it counts
 * when it is claimed.
 * @throws ConflictError `idempotency_key_reused` where another message has the idempotency key
 * @throws the driver's error where the database refuses the row; `daily_limit_reached` where the account's day is full.
 */
export async function createMessage(tx: Transaction, message: NewMessage): Promise<MessageRow> {
  const [row] = await tx<{ id: string }[]>`
    insert into pigeonpost.messages (tenant_id, account_id, channel, direction, address, content_type, body, media_url, media_id,
      metadata, scheduled_for, created_by, idempotency_key)
    values (${message.tenantId}, ${message.accountId}, ${message.channel}, 'outbound', ${message.address},
      ${message.contentType}, ${message.body}, ${message.mediaUrl}, ${message.mediaId}, ${tx.json(message.metadata as never)},
      ${message.scheduledFor}, ${message.createdBy}, ${message.idempotencyKey})
    on conflict (tenant_id, idempotency_key) where idempotency_key is not null do nothing
    returning id`
  if (!row) throw keyReused()
  const accepted =
    (message.isLimited ?? true)
      ? tx`pigeonpost_private.accept_message(${message.tenantId}, ${row.id})`
      : tx`null`
  const [stored] = await tx`
    with accepted as materialized (select ${accepted})
    select ${tx(messageColumns)} from pigeonpost.messages_with_state cross join accepted
    where tenant_id = ${message.tenantId} and id = ${row.id}`
  return messageRow.parse(stored)
}
