import type { InboundMessage } from '../../adapters/channels/channel.ts'
import type { Transaction } from '../connect.ts'

export interface StoredMessage {
  id: string
  externalMessageId: string
  /** It was here already, and nothing changed. */
  duplicate: boolean
}

/**
 * Stores a message by DESIGN.md's canonical insert; the triggers find or make customer, conversation and thread.
 * The account is `accountId`, else the one whose address the payload names, else the tenant's default of the channel.
 * @throws the driver's error where the database refuses the row.
 */
export async function storeInbound(
  tx: Transaction,
  about: { tenantId: number; channel: string; accountId: string | null },
  message: InboundMessage,
): Promise<StoredMessage> {
  const { tenantId, channel, accountId } = about
  const { externalMessageId } = message
  const metadata: Record<string, unknown> = {
    ...message.metadata,
    ...(message.senderName ? { sender_name: message.senderName } : {}),
  }
  const conversation = message.conversationExternalId ?? null
  if (message.direction === 'outbound' && message.reference) {
    // An echo of our own send, whose outcome is not recorded: the row is ours, and it was sent.
    const [own] = await tx<{ id: string }[]>`
      select id, pigeonpost.apply_update_to(${tenantId}, id, ${tx.json({ kind: 'receipt', status: 'sent', at: message.sentAt.toISOString() })})
      from pigeonpost.identify_message(${tenantId}, ${channel}, ${message.reference}, ${externalMessageId}, ${accountId}) id
      where id is not null`
    if (own) return { id: own.id, externalMessageId, duplicate: true }
  }
  const [stored] = await tx<{ id: string }[]>`
    insert into pigeonpost.messages (tenant_id, account_id, channel, direction, address, conversation_external_id,
      external_message_id, content_type, body, media_url, sent_at, metadata, raw)
    values (${tenantId}, coalesce(${accountId}::uuid, (
        select a.id from pigeonpost.accounts a where a.tenant_id = ${tenantId} and a.channel = ${channel}
          and a.address = pigeonpost.normalize_address(${channel}, ${message.accountAddress ?? null}))),
      ${channel}, ${message.direction}, ${message.address}, ${conversation}, ${externalMessageId},
      ${message.contentType}, ${message.body}, ${message.mediaUrl ?? null}, ${message.sentAt},
      ${tx.json(metadata as never)}, ${tx.json(message.raw as never)})
    on conflict (tenant_id, external_message_id, conversation_id) do nothing
    returning id`
  if (stored) {
    return { id: stored.id, externalMessageId, duplicate: false }
  }
  // Ids repeat between chats on some channels, so the chat is named too.
  const [earlier] = await tx<{ id: string }[]>`
    select m.id from pigeonpost.messages m
    join pigeonpost.conversations c on c.tenant_id = m.tenant_id and c.id = m.conversation_id
    where m.tenant_id = ${tenantId} and m.external_message_id = ${externalMessageId} and m.channel = ${channel}
      and (${accountId}::uuid is null or m.account_id = ${accountId})
    order by (m.address = pigeonpost.normalize_address(${channel}, ${message.address})
      or c.external_id = ${conversation}) desc nulls last, m.created_at desc
    limit 1`
  if (!earlier) {
    throw new Error(`message ${externalMessageId} clashed with one that is not there`)
  }
  return { id: earlier.id, externalMessageId, duplicate: true }
}
