import type { Transaction } from '../connect.ts'
import { Conflict } from '../errors.ts'
import { checkUnclaimed } from '../requests/claim.ts'
import { messageColumns, messageRow, type MessageRow } from '../rows.ts'

export type NewMessage = {
  tenantId: number
  accountId: string
  channel: string
  /** The counterpart. */
  address: string
  contentType: MessageRow['content_type']
  body: string | null
  mediaUrl: string | null
  /** An upload of the tenant's. */
  mediaId: string | null
  metadata: Record<string, unknown>
  scheduledFor: Date | null
  /** The API key's id. */
  createdBy: string | null
  idempotencyKey: string | null
  /** False: the account has no daily limit to count it for. Default true. */
  isLimited?: boolean
}

/**
 * Queues a message for sending; the triggers find or make its customer, conversation and thread. Null where another
 * message has the idempotency key, which may have been stored meanwhile: ask findByIdempotencyKey.
 * It counts for the account's daily limit at once, and need not wait for it; for a limit that is set at this moment it
 * counts when it is claimed.
 * @throws the driver's error where the database refuses the row; `daily_limit_reached` where the account's day is full.
 */
export async function createMessage(
  tx: Transaction,
  message: NewMessage,
): Promise<MessageRow | null> {
  const [row] = await tx<{ id: string }[]>`
    insert into pigeonpost.messages (tenant_id, account_id, channel, direction, address, content_type, body, media_url, media_id,
      metadata, scheduled_for, created_by, idempotency_key)
    values (${message.tenantId}, ${message.accountId}, ${message.channel}, 'outbound', ${message.address},
      ${message.contentType}, ${message.body}, ${message.mediaUrl}, ${message.mediaId}, ${tx.json(message.metadata as never)},
      ${message.scheduledFor}, ${message.createdBy}, ${message.idempotencyKey})
    on conflict (tenant_id, idempotency_key) where idempotency_key is not null do nothing
    returning id`
  if (!row) return null
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

/** A message as it was requested, before an account is chosen for it. */
export type MessageRequest = Pick<
  NewMessage,
  | 'tenantId'
  | 'address'
  | 'contentType'
  | 'body'
  | 'mediaUrl'
  | 'mediaId'
  | 'metadata'
  | 'scheduledFor'
> & { accountId: string | null; idempotencyKey: string }

/**
 * The message that an earlier request with this key stored, or null where the key is new. It is compared with what
 * the message was then: later edits do not count.
 * @throws Conflict `idempotency_key_reused` where that request said something else, or was not for a message.
 */
export async function findByIdempotencyKey(
  tx: Transaction,
  request: MessageRequest,
): Promise<MessageRow | null> {
  const [row] = await tx`
    select ${tx(messageColumns)},
      m.address is not distinct from pigeonpost.normalize_address(m.channel, ${request.address})
        and m.content_type = ${request.contentType}
        and m.media_url is not distinct from ${request.mediaUrl}
        and case when ${request.mediaId}::uuid is not null then m.media_id = ${request.mediaId}
          -- The file of a media_url is linked when it is here.
          else m.media_id is null or exists (
            select from pigeonpost.media x where x.tenant_id = m.tenant_id and x.id = m.media_id and x.message_id = m.id) end
        and m.scheduled_for is not distinct from ${request.scheduledFor}
        and (${request.accountId}::uuid is null or m.account_id = ${request.accountId})
        and m.metadata - 'edited_at' = ${tx.json(request.metadata as never)}
        and case when m.body_version = 1 then m.body else (
          select h.previous_body from pigeonpost.message_history h
          where h.tenant_id = m.tenant_id and h.message_id = m.id and h.body_version = 2
        ) end is not distinct from ${request.body} as says_the_same
    from pigeonpost.messages_with_state m
    where m.tenant_id = ${request.tenantId} and m.idempotency_key = ${request.idempotencyKey}`
  if (row && row['says_the_same'] !== true) {
    throw new Conflict('This Idempotency-Key was used for another message', {
      code: 'idempotency_key_reused',
      field: 'Idempotency-Key',
      hint: 'Use a new key for every new message.',
    })
  }
  if (row) return messageRow.parse(row)
  await checkUnclaimed(tx, request.tenantId, request.idempotencyKey)
  return null
}
