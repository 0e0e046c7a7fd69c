import type { Sql } from '../connect.ts'
import type { OutboundMessage } from '../types.ts'
import type { LeasedAccount } from './lease.ts'

/** A provider that may send, in order of preference; the input of pigeonpost_private.choose_provider. */
export type Candidate = {
  ord: number
  provider: string
  /** For delivery_attempts.reason: `route 3`, `account` or `probe`. */
  reason: string
  prefix: string | null
  content_type: string | null
  /** The provider takes an idempotency key: a second request with the same attempt id has no effect. */
  keyed: boolean
  /** False while its breaker is open. */
  usable: boolean
  /** For messages that no other candidate matches. */
  fallback: boolean
}

export type ClaimedMessage = OutboundMessage & {
  provider: string
  keyed: boolean
  /** It names files; those that we have stored are sent with it. */
  hasFiles: boolean
}

export type ClaimOptions = {
  limit: number
  candidates: Candidate[]
  /** Claims only messages for this provider: the probe. */
  only?: string
  /** ms between two messages to one recipient; 0 for none. */
  recipientIntervalMs?: number
  /** ms until a provider may be used again, for messages for which none can be used now. */
  providerInMs?: number
  /** False where no storage is configured: messages with files are left for a worker that has one. Default true. */
  takesFiles?: boolean
}

export type Claim = {
  messages: ClaimedMessage[]
  /** How many were examined, those not sent included: fewer than `limit` means that no more can be sent now. */
  taken: number
  /** How many were deferred to the account's next day. */
  overDaily: number
}

/**
 * Claims the next messages of an account, by priority, then age: marks them `sending` in the outbox with a provider, a
 * lease and an attempt id, and inserts a row of delivery_attempts for each, in one synchronous commit of its own. Once
 * this has returned, their requests may leave. Skips messages that another worker has locked, and those whose recipient's
 * interval is not over.
 *
 * Some of those examined are not sent. Past `valid_until`: `failed` (`expired`). Over the daily limit, without a usable
 * provider, or with files that are not stored yet: `scheduled` for when it can go (`daily_limit`, `provider_unavailable`,
 * `media_pending`). With a file that was refused or deleted: `failed` (`media_rejected`). Where one is to fail while
 * another transaction has its message locked, it is left for the next claim: waiting here would violate the lock order
 * (fixtures/110_delivery.sql).
 *
 * Claiming and marking are one statement, because the account's lease already keeps other turns away: a separate state
 * between claimed and sending would only add an update of the row. So only as many are claimed as can leave at once.
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
  // Without limits the decision is made as rows are picked: every further step costs each claim.
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
          -- The file's arrival wakes the message; this is for a file that arrived at this moment.
          else k.now + least('1 minute', greatest('2 seconds', (k.now - p.created_at) / 4)) end,
        error_code = case p.decision when 'day' then 'daily_limit' when 'unavailable' then 'provider_unavailable'
          when 'files' then 'media_pending' end,
        error_message = case p.decision when 'day' then 'The account''s daily limit is reached.'
          when 'unavailable' then 'The providers that could send it failed too often and are paused.'
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
