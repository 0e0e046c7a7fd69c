import type { OutboundMessage } from '../../adapters/channels/channel.ts'
import type { Sql } from '../connect.ts'
import type { LeasedAccount } from './lease.ts'

/**
 * Takes the next messages of an account, priority first, then age, and marks them `sending` with a lease and an attempt
 * id, in one synchronous commit of its own: when this has returned, their requests may leave. Those that are no longer
 * valid become `failed` (`expired`) instead. What another worker has in its hands is passed over.
 *
 * Claiming and marking are one statement because the account's lease already keeps other turns away: a claim that is
 * not sent yet would only be one more update of the row. So only as many are taken as leave at once.
 *
 * @returns `taken` counts the expired ones too: fewer than `limit` means that no more are waiting
 */
export async function claimMessages(
  sql: Sql,
  account: LeasedAccount,
  options: { limit: number; takesIdempotencyKey: boolean },
): Promise<{ messages: OutboundMessage[]; taken: number }> {
  const rows = await sql<(OutboundMessage & { status: string })[]>`
    with durable as materialized (select set_config('synchronous_commit', 'on', true)),
    picked as (
      select m.id, m.conversation_id, m.attempt_id, m.valid_until <= now() is true as expired
      from pigeonpost.messages m cross join durable
      where m.tenant_id = ${account.tenantId} and m.account_id = ${account.accountId} and m.status = 'queued'
        and ${account.leasedUntil}::timestamptz > clock_timestamp()
      order by m.priority desc, m.number limit ${options.limit}
      for update of m skip locked
    )
    update pigeonpost.messages m
    set status = case when p.expired then 'failed' else 'sending' end,
      error_code = case when p.expired then 'expired' end,
      error_message = case when p.expired then 'It was not sent before valid_until.' end,
      attempts = m.attempts + case when p.expired then 0 else 1 end,
      attempt_id = case when ${options.takesIdempotencyKey} and p.attempt_id is not null then p.attempt_id
        else pigeonpost.uuid_v7() end,
      leased_until = ${account.leasedUntil}::timestamptz,
      provider = ${account.provider}
    from picked p
    join pigeonpost.conversations c on c.tenant_id = ${account.tenantId} and c.id = p.conversation_id
    where m.tenant_id = ${account.tenantId} and m.id = p.id
    returning m.status, m.id, m.attempt_id as "attemptId", m.attempts as attempt,
      coalesce(m.address, c.external_id, '') as address, c.external_id as "conversationExternalId",
      m.content_type as "contentType", m.body, m.media_url as "mediaUrl", m.metadata,
      m.priority, m.number`
  const sorted = rows as unknown as (OutboundMessage & {
    status: string
    priority: number
    number: number
  })[]
  const messages = sorted
    .filter((row) => row.status === 'sending')
    .toSorted((a, b) => b.priority - a.priority || a.number - b.number)
    .map(({ status: _status, priority: _priority, number: _number, ...message }) => message)
  return { messages, taken: rows.length }
}
