import type { InboundMessage } from '../../adapters/channels/channel.ts'
import { classOf, type PigeonpostError } from '../errors.ts'
import type { Transaction } from '../connect.ts'

export interface StoredMessage {
  id: string
  externalMessageId: string
  /** It was here already, and nothing changed. */
  duplicate: boolean
}

/** A message, and the account and channel that are meant. */
export type PlacedMessage = { message: InboundMessage; channel: string; accountId: string | null }

/** ms by which clocks differ. What is dated later than that from now is marked. */
const futureMs = 10 * 60_000
/** Dated before this, a message has no date: the epoch, or a clock that was never set. */
const oldest = Date.UTC(1990, 0, 1)

/**
 * Stores messages by pigeonpost.ingest(), in which the triggers' rules hold as for any insert, and answers each: the row
 * that was made or was there before, or why it was refused. What they answer is looked up first, and a copy that brings
 * what a stub lacks fills it in.
 * @throws the driver's error where the database could not take them at all
 */
export async function storeMessages(
  tx: Transaction,
  tenantId: number,
  placed: PlacedMessage[],
): Promise<(StoredMessage | PigeonpostError)[]> {
  if (placed.length === 0) return []
  const answered = await findAnswered(tx, tenantId, placed)
  const now = Date.now()
  const rows = placed.map((one) => toRow(tenantId, one, answered, now))
  const results = await tx<Result[]>`
    select ordinal, outcome, id, code, constraint_name as constraint, field, message, hint
    from pigeonpost.ingest(${tx.json(rows as never)}) order by ordinal`
  await fillStubs(tx, tenantId, placed, rows, results)
  await joinAnswers(tx, tenantId, placed, rows, results)
  return results.map((result, i) => {
    const externalMessageId = placed[i]?.message.externalMessageId ?? ''
    if (result.outcome !== 'refused') {
      return { id: result.id ?? '', externalMessageId, duplicate: result.outcome === 'duplicate' }
    }
    const Class = classOf(result.code ?? '')
    return new Class(result.message ?? 'refused', {
      code: result.constraint ?? result.code ?? 'refused',
      field: result.field ?? undefined,
      hint: result.hint ?? undefined,
      sqlState: result.code ?? undefined,
    })
  })
}

type Result = {
  ordinal: number
  outcome: 'stored' | 'duplicate' | 'refused'
  id: string | null
  code: string | null
  constraint: string | null
  field: string | null
  message: string | null
  hint: string | null
}

type Answered = {
  id: string
  conversation_id: string
  channel: string
  account_id: string
  address: string | null
}

/** The messages that these answer, by channel and external id; of several with one id the latest first. */
async function findAnswered(
  tx: Transaction,
  tenantId: number,
  placed: PlacedMessage[],
): Promise<Map<string, Answered[]>> {
  const ids = [...new Set(placed.flatMap(({ message }) => message.replyTo ?? []))]
  if (ids.length === 0) return new Map()
  const rows = await tx<(Answered & { external_message_id: string })[]>`
    select external_message_id, id, conversation_id, channel, account_id, address from pigeonpost.messages
    where tenant_id = ${tenantId} and external_message_id = any (${ids}::text[]) order by created_at desc`
  return Map.groupBy(
    rows,
    ({ channel, external_message_id }) => `${channel} ${external_message_id}`,
  )
}

/** What this one answers, the nearest that is here; two accounts in one group have each message under the same id. */
function parentOf(
  { message, channel, accountId }: PlacedMessage,
  answered: Map<string, Answered[]>,
): Answered | undefined {
  return (message.replyTo ?? [])
    .flatMap((id) => answered.get(`${channel} ${id}`) ?? [])
    .find((found) => accountId === null || found.account_id === accountId)
}

/** A message as ingest() takes it. */
export function toRow(
  tenantId: number,
  placed: PlacedMessage,
  answered: Map<string, Answered[]>,
  now: number,
): Record<string, unknown> {
  const { message, channel, accountId } = placed
  const answers = parentOf(placed, answered)
  const sentAt = message.sentAt.getTime()
  const odd = sentAt > now + futureMs ? 'future' : sentAt < oldest ? 'past' : null
  // A mail belongs to the conversation of what it answers, however that thread was named; not if somebody else wrote it.
  const joins = channel === 'email' && answers && answers.address === message.address?.toLowerCase()
  return {
    tenant_id: tenantId,
    channel,
    direction: message.direction,
    ...(accountId ? { account_id: accountId } : {}),
    ...(message.address === null ? {} : { address: message.address }),
    ...(message.alternateAddress ? { alternate_address: message.alternateAddress } : {}),
    ...(joins ? { conversation_id: answers.conversation_id } : {}),
    ...(!joins && message.conversationExternalId
      ? { conversation_external_id: message.conversationExternalId }
      : {}),
    ...(answers ? { reply_to_id: answers.id } : {}),
    external_message_id: message.externalMessageId,
    content_type: message.contentType,
    body: message.body,
    ...(message.media?.[0]?.url ? { media_url: message.media[0].url } : {}),
    sent_at: message.sentAt.toISOString(),
    metadata: {
      ...message.metadata,
      ...(message.media?.length ? { media: message.media } : {}),
      ...(message.senderName ? { sender_name: message.senderName } : {}),
      ...(message.groupName ? { group_name: message.groupName } : {}),
      ...(message.replyTo?.[0] ? { reply_to: message.replyTo[0] } : {}),
      ...(message.stub ? { stub: true } : {}),
      ...(odd ? { sent_at_is: odd } : {}),
    },
    raw: message.raw,
  }
}

/** Gives stubs their content where these are the copies that have it. */
async function fillStubs(
  tx: Transaction,
  tenantId: number,
  placed: PlacedMessage[],
  rows: Record<string, unknown>[],
  results: Result[],
): Promise<void> {
  const copies = results.flatMap(({ outcome, id }, i) =>
    outcome === 'duplicate' && id && !placed[i]?.message.stub ? [{ ...rows[i], id }] : [],
  )
  if (copies.length === 0) return
  await tx`
    update pigeonpost.messages m set content_type = c.content_type, body = c.body, media_url = c.media_url,
      reply_to_id = coalesce(m.reply_to_id, c.reply_to_id), metadata = m.metadata - 'stub' || c.metadata, raw = c.raw
    from jsonb_to_recordset(${tx.json(copies)}) c (id uuid, channel text, account_id uuid, address text,
      external_message_id text, content_type text, body text, media_url text, reply_to_id uuid, metadata jsonb, raw jsonb)
    where m.tenant_id = ${tenantId} and m.external_message_id = c.external_message_id
      -- Of several accounts in one group it may be another's copy that was found.
      and (m.id = c.id or m.account_id = c.account_id and m.address = pigeonpost.normalize_address(c.channel, c.address))
      and m.metadata -> 'stub' = 'true' and m.revoked_at is null`
}

/** Finds what was answered once more, for answers that were stored together with it. */
async function joinAnswers(
  tx: Transaction,
  tenantId: number,
  placed: PlacedMessage[],
  rows: Record<string, unknown>[],
  results: Result[],
): Promise<void> {
  const here = new Set(placed.map(({ message }) => message.externalMessageId))
  const answers = placed.flatMap((one, i) => {
    const { outcome, id } = results[i] ?? {}
    const open = outcome === 'stored' && rows[i]?.['reply_to_id'] === undefined
    return open && id && one.message.replyTo?.some((answered) => here.has(answered))
      ? [{ id, one }]
      : []
  })
  if (answers.length === 0) return
  const answered = await findAnswered(
    tx,
    tenantId,
    answers.map(({ one }) => one),
  )
  const found = answers.map(({ id, one }) => ({ id, reply_to_id: parentOf(one, answered)?.id }))
  await tx`
    update pigeonpost.messages m set reply_to_id = f.reply_to_id
    from jsonb_to_recordset(${tx.json(found)}) f (id uuid, reply_to_id uuid)
    where m.tenant_id = ${tenantId} and m.id = f.id and f.reply_to_id <> m.id`
}

/**
 * The message that an echo is the echo of: one that we sent with this attempt id, and whose outcome is not recorded yet.
 * It is `sent` from now on, under the external id that the echo brings. Null where we know of none.
 */
export async function recogniseEcho(
  tx: Transaction,
  tenantId: number,
  { message, channel, accountId }: PlacedMessage,
): Promise<StoredMessage | null> {
  const { reference, externalMessageId, sentAt } = message
  if (message.direction !== 'outbound' || !reference) return null
  const [own] = await tx<{ id: string }[]>`
    select id, pigeonpost.apply_update_to(${tenantId}, id, ${tx.json({ kind: 'receipt', status: 'sent', at: sentAt.toISOString() })})
    from pigeonpost.identify_message(${tenantId}, ${channel}, ${reference}, ${externalMessageId}, ${accountId}) id
    where id is not null`
  return own ? { id: own.id, externalMessageId, duplicate: true } : null
}
