import type { Sql } from '../connect.ts'
import type { Target } from './lease.ts'

/** What becomes of a message by one try's outcome. */
export type AttemptResult = {
  messageId: string
  attemptId: string
  attempt: number
  /** `queued`: the try does not count; the account is what cannot send. */
  status: 'sent' | 'retrying' | 'failed' | 'unknown' | 'queued'
  externalMessageId: string | null
  errorCode: string | null
  errorMessage: string | null
  /** For `retrying`: ms until the next try. */
  retryInMs: number | null
  /** The next try carries the same attempt id, because this one may have been taken. */
  sameAttempt: boolean
  durationMs: number
}

/**
 * Records the outcomes of many tries in one statement: the messages, and a row of delivery_attempts each. An outcome is
 * taken by its own attempt only. One that comes late counts for more than the doubt that it ends: a message that was
 * `unknown` becomes what it says. Success is taken even when the message went again under the same attempt id.
 *
 * A next try that would be due after `valid_until` is none: the message is `failed`.
 * @returns how many were taken
 * @throws 23505 when an external id is another message's already; then nothing is recorded
 */
export async function recordResults(
  sql: Sql,
  target: Target,
  results: AttemptResult[],
): Promise<number> {
  const [row] = await sql<{ taken: number }[]>`
    with durable as materialized (select set_config('synchronous_commit', 'on', true)),
    result as (
      select r.*, (select pigeonpost_private.clock()) + r."retryInMs" * interval '1 ms' as next_attempt_at
      from durable cross join jsonb_to_recordset(${sql.json(results)}) r (
        "messageId" uuid, "attemptId" uuid, attempt integer, status text, "externalMessageId" text, "errorCode" text,
        "errorMessage" text, "retryInMs" double precision, "sameAttempt" boolean, "durationMs" integer)
    ),
    taken as (
      update pigeonpost.messages m
      set status = case
          when r.status = 'retrying' and r.next_attempt_at > m.valid_until then 'failed'
          when r.status = 'retrying' and m.status = 'unknown' then 'queued'
          else r.status end,
        attempts = m.attempts - case when r.status = 'queued' then 1 else 0 end,
        external_message_id = coalesce(r."externalMessageId", m.external_message_id),
        error_code = r."errorCode",
        error_message = r."errorMessage",
        next_attempt_at = case when r.status = 'retrying' then r.next_attempt_at end,
        attempt_id = case when r.status in ('sent', 'unknown') or r."sameAttempt" then m.attempt_id end
      from result r
      where m.tenant_id = ${target.tenantId} and m.id = r."messageId" and m.attempt_id = r."attemptId"
        and (r.status = 'sent' or m.attempts = r.attempt and m.status in ('sending', 'unknown'))
      returning m.id, r.attempt, m.provider, m.provider_reason, r.status, r."errorCode", r."errorMessage", r."externalMessageId", r."durationMs"
    ),
    attempts as (
      insert into pigeonpost.delivery_attempts (tenant_id, message_id, attempt, provider, reason, outcome, error_code,
        error_message, external_message_id, duration_ms, started_at)
      select ${target.tenantId}::integer, t.id, t.attempt, t.provider, t.provider_reason,
        case when t.status in ('retrying', 'queued') then 'retry' else t.status end,
        t."errorCode", t."errorMessage", t."externalMessageId", t."durationMs",
        clock_timestamp() - t."durationMs" * interval '1 ms'
      from taken t
    )
    select count(*)::integer as taken from taken`
  return row?.taken ?? 0
}
