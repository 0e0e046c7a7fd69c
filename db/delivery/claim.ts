import type { Sql } from '../connect.ts'
import type { OutboundMessage } from '../types.ts'
import type { LeasedAccount } from './lease.ts'

/** One provider that may send, in the order of choice. What pigeonpost_private.choose_provider takes. */
export type Candidate = {
  ord: number
  provider: string
  /** What delivery_attempts.reason says: `route 3`, `account` or `probe`. */
  reason: string
  prefix: string | null
  content_type: string | null
  /** A second request with the same attempt id is taken once. */
  keyed: boolean
  /** False while its breaker is open. */
  usable: boolean
  /** For messages that no other candidate matches. */
  fallback: boolean
}

export type ClaimedMessage = OutboundMessage & {
  provider: string
  keyed: boolean
  /** It names files; those that lie here go along. */
  hasFiles: boolean
}

export type ClaimOptions = {
  limit: number
  candidates: Candidate[]
  /** Takes only what goes by this provider: the message that tries it. */
  only?: string
  /** ms between two messages to one recipient; 0 for none. */
  recipientIntervalMs?: number
  /** ms until a provider may be used again, for messages that have none now. */
  providerInMs?: number
  /** False where no storage is known: what takes files along is left for a worker that knows one. Default true. */
  takesFiles?: boolean
}

export type Claim = {
  messages: ClaimedMessage[]
  /** How many were looked at, those that did not go included: fewer than `limit` means that no more can go now. */
  taken: number
  /** How many had to be put off to the account's next day. */
  overDaily: number
}

/**
 * Takes the next messages of an account, priority first, then age, and marks them `sending` in the outbox with a provider,
 * a lease and an attempt id, and begins a row of delivery_attempts for each, in one synchronous commit of its own: when
 * this has returned, their requests may leave. What another worker has in its hands is passed over, and so is what would
 * reach its recipient too soon after the one before.
 *
 * Of those that it takes, some do not go: what is no longer valid becomes `failed` (`expired`); what the daily limit
 * does not allow, what no provider can send now, and whose files are not here yet, becomes `scheduled` for when it can
 * (`daily_limit`, `provider_unavailable`, `media_pending`); what has a file that was refused or deleted becomes `failed`
 * (`media_rejected`). What fails while somebody else has the message is left for the next claim: to wait for it here would
 * be against the lock order (fixtures/110_delivery.sql).
 *
 * Claiming and marking are one statement because the account's lease already keeps other turns away: a claim that is
 * not sent yet would only be one more update of the row. So only as many are taken as leave at once.
 */
export async function claimMessages(
  sql: Sql,
  account: LeasedAccount,
  options: ClaimOptions,
): Promise<Claim> {
  const {
    limit,
    candidates,
    only,
    recipientIntervalMs = 0,
    providerInMs = 0,
    takesFiles = true,
  } = options
  const [first] = candidates
  const simple =
    candidates.length === 1 && first?.usable && !first.prefix && !first.content_type && !only
  const choice = simple
    ? sql`cross join (select ${first.provider}::text as provider, ${first.reason}::text as reason, ${first.keyed}::boolean as keyed) c`
    : sql`cross join lateral pigeonpost_private.choose_provider(${sql.json(candidates)}::jsonb, m.address, m.content_type,
        o.attempt, o.attempt_id, o.provider) c`
  const spaced =
    recipientIntervalMs > 0
      ? sql`and not exists (
          select 1 from pigeonpost_private.recipient_limits r
          where r.tenant_id = ${account.tenantId} and r.account_id = ${account.accountId}
            and r.address = o.address and r.next_at > (select k.now from clock k))`
      : sql``
  // What nothing limits is decided as it is picked: every further step costs each claim.
  const decided =
    recipientIntervalMs === 0 && account.dailyLimit === null
      ? sql`decided as (
        select p.*, p.kind as decision, null::date as day, null::timestamptz as next_day from picked p
      )`
      : sql`numbered as materialized (
        select p.*, case when ${recipientIntervalMs}::double precision > 0 then
          row_number() over (partition by p.recipient, p.kind order by p.priority desc, p.number) else 1 end as nth
        from picked p
      ),
      day as materialized (
        select d.* from pigeonpost_private.take_day(${account.tenantId}, ${account.accountId},
          (select count(*)::integer from numbered n where n.kind = 'send' and n.nth = 1 and n.uncounted),
          (select k.now from clock k)) d
      ),
      decided as (
        select n.*, case
            when n.kind = 'send' and n.uncounted and d.day is not null
              and row_number() over (partition by n.kind = 'send' and n.uncounted order by n.priority desc, n.number)
                > d.granted
              then 'day' else n.kind end as decision,
          d.day, d.next_day
        from numbered n cross join day d where n.nth = 1 or n.kind <> 'send'
      )`
  const recipients =
    recipientIntervalMs > 0
      ? sql`, spaced as (
        insert into pigeonpost_private.recipient_limits as r (tenant_id, account_id, address, next_at)
        select ${account.tenantId}, ${account.accountId}, u.recipient, k.now + ${recipientIntervalMs} * interval '1 ms'
        from claimed u cross join clock k where u.kind = 'send' order by u.recipient
        on conflict on constraint recipient_limits_pkey do update set next_at = excluded.next_at
      )`
      : sql``
  const rows = await sql<
    (ClaimedMessage & { kind: string | null; taken: number; priority: number; number: number })[]
  >`
    with durable as materialized (select set_config('synchronous_commit', 'on', true)),
    clock as materialized (select pigeonpost_private.clock() as now from durable),
    picked as materialized (
      select o.message_id as id, o.attempt_id, o.attempt, o.priority, o.number, o.accepted_on, o.accepted_on is null as uncounted,
        o.address as recipient, o.valid_until, o.provider as tried, c.provider, c.reason, c.keyed, pigeonpost.uuid_v7() as fresh_id,
        m.created_at, m.conversation_id,
        m.reply_to_id, m.address, m.content_type, m.body, m.media_url, m.metadata,
        m.media_url is not null or m.media_id is not null or m.metadata ? 'media' as has_files,
        case when o.valid_until <= k.now then 'expired' when c.provider is null then 'unavailable'
          when m.media_url is null and m.media_id is null and not m.metadata ? 'media' then 'send'
          else case pigeonpost_private.media_state(m) when 'pending' then 'files' when 'rejected' then 'refused'
            else case when ${takesFiles} or not exists (select 1 from pigeonpost_private.media_of(m)) then 'send' else 'files' end
            end
          end as kind
      from pigeonpost.outbox o
      join pigeonpost.messages m on m.tenant_id = o.tenant_id and m.id = o.message_id
      cross join clock k ${choice}
      where o.tenant_id = ${account.tenantId} and o.account_id = ${account.accountId} and o.state = 'queued'
        and ${account.leasedUntil}::timestamptz > k.now ${spaced}
        and (${only ?? null}::text is null or c.provider = ${only ?? null})
      order by o.priority desc, o.number limit ${limit}
      for update of o skip locked
    ),
    ${decided},
    claimed as (
      update pigeonpost.outbox o
      set state = case p.decision when 'send' then 'sending' else 'scheduled' end,
        due_at = case p.decision when 'send' then ${account.leasedUntil}::timestamptz when 'day' then least(p.next_day, p.valid_until)
          when 'unavailable' then k.now + ${providerInMs} * interval '1 ms'
          -- The file that comes wakes it; this is for one that came at this very moment.
          else k.now + least('1 minute', greatest('2 seconds', (k.now - p.created_at) / 4)) end,
        error_code = case p.decision when 'day' then 'daily_limit' when 'unavailable' then 'provider_unavailable'
          when 'files' then 'media_pending' end,
        error_message = case p.decision when 'day' then 'The account''s daily limit is reached.'
          when 'unavailable' then 'The providers that could send it failed too often and are left alone for a while.'
          when 'files' then 'A file of it is not fetched or not scanned yet.' end,
        attempt = o.attempt + case p.decision when 'send' then 1 else 0 end,
        attempt_id = case when p.decision <> 'send' or p.keyed and p.tried = p.provider and p.attempt_id is not null
          then p.attempt_id else p.fresh_id end,
        accepted_on = case p.decision when 'send' then coalesce(p.accepted_on, p.day) else p.accepted_on end,
        provider = case p.decision when 'send' then p.provider else p.tried end,
        provider_reason = case p.decision when 'send' then p.reason else o.provider_reason end
      from decided p cross join clock k
      where o.tenant_id = ${account.tenantId} and o.message_id = p.id and p.decision not in ('expired', 'refused')
      returning p.decision as kind, p.id, o.attempt_id, o.attempt, o.accepted_on, p.conversation_id, p.reply_to_id, p.address,
        p.content_type, p.body, p.media_url, p.metadata, p.has_files, p.priority, p.number, p.provider, p.reason, p.keyed,
        p.recipient
    ),
    begun as (
      insert into pigeonpost.delivery_attempts (tenant_id, attempt_id, attempt, message_id, provider, reason, accepted_on, started_at)
      select ${account.tenantId}, u.attempt_id, u.attempt, u.id, u.provider, u.reason, u.accepted_on, clock_timestamp()
      from claimed u where u.kind = 'send'
    ),
    failing as materialized (
      select m.id, p.decision from decided p
      join pigeonpost.messages m on m.tenant_id = ${account.tenantId} and m.id = p.id
      where p.decision in ('expired', 'refused') and m.status = 'queued'
      for update of m skip locked
    ),
    failed as (
      update pigeonpost.messages m
      set status = 'failed', error_code = case f.decision when 'expired' then 'expired' else 'media_rejected' end,
        error_message = case f.decision when 'expired' then 'It was not sent before valid_until.'
          else 'A file of it is infected or deleted, or could not be fetched or scanned: see its rows of media.' end
      from failing f where m.tenant_id = ${account.tenantId} and m.id = f.id
    ) ${recipients}
    select u.kind, u.id, u.attempt_id as "attemptId", u.attempt, coalesce(u.address, c.external_id, '') as address,
      c.external_id as "conversationExternalId", u.content_type as "contentType", u.body, u.media_url as "mediaUrl", u.metadata,
      case when r.external_message_id is not null then jsonb_build_object(
        'externalMessageId', r.external_message_id, 'subject', r.metadata ->> 'subject') end as "replyTo",
      u.has_files as "hasFiles", u.priority, u.number, u.provider, u.keyed, t.taken
    from (select count(*)::integer as taken from picked) t
    left join claimed u on true
    left join pigeonpost.conversations c on c.tenant_id = ${account.tenantId} and c.id = u.conversation_id
    left join pigeonpost.messages r on r.tenant_id = ${account.tenantId} and r.id = u.reply_to_id`
  const messages = rows
    .filter((row) => row.kind === 'send')
    .toSorted((a, b) => b.priority - a.priority || a.number - b.number)
    .map(
      ({ kind: _kind, taken: _taken, priority: _priority, number: _number, ...message }) => message,
    )
  return {
    messages,
    taken: rows[0]?.taken ?? 0,
    overDaily: rows.filter((row) => row.kind === 'day').length,
  }
}
