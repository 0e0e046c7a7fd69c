import type { Sql } from '../connect.ts'
import type { Target } from './lease.ts'

/** The effect of one attempt's outcome on its message. */
export type AttemptResult = {
  messageId: string
  attemptId: string
  attempt: number
  /** `queued`: the attempt does not count, because it is the account that cannot send. */
  status: 'sent' | 'retrying' | 'failed' | 'unknown' | 'queued'
  externalMessageId: string | null
  errorCode: string | null
  errorMessage: string | null
  /** For `retrying`: ms until the next attempt. */
  retryInMs: number | null
  /** The next attempt carries the same attempt id, because the provider may have taken this one. */
  sameAttempt: boolean
  durationMs: number
}

/**
 * Records the outcomes of many attempts: final ones become the messages' statuses, retries stay in the outbox, and the rows
 * of delivery_attempts that the claim inserted are completed. An outcome applies only to the attempt that it belongs to. A
 * late one replaces `unknown`. Success applies even when the message was sent again under the same attempt id.
 *
 * Where the next attempt would be due after `valid_until`, the message is `failed` instead.
 * @returns how many outcomes were applied
 * @throws 23505 when another message has one of the external ids; then nothing is recorded
 */
export async function recordResults(
  sql: Sql,
  target: Target,
  results: AttemptResult[],
): Promise<number> {
  const taken = await recordOnce(sql, target, results)
  if (taken.size === results.length) return taken.size
  // Rows that changed concurrently (a lease that ran out at this moment) are read again as they are now.
  const left = results.filter(({ messageId }) => !taken.has(messageId))
  return taken.size + (left.length > 0 ? (await recordOnce(sql, target, left)).size : 0)
}

/** @returns the messages whose outcome was applied */
async function recordOnce(
  sql: Sql,
  target: Target,
  results: AttemptResult[],
): Promise<Set<string>> {
  const rows = await sql<{ id: string }[]>`
    with durable as materialized (select set_config('synchronous_commit', 'on', true)),
    clock as materialized (select pigeonpost_private.clock() as now from durable),
    found as materialized (
      select r.*, k.now + r."retryInMs" * interval '1 ms' as again_at, o.message_id is not null as is_under_way,
        case when r.status = 'retrying' and k.now + r."retryInMs" * interval '1 ms' > o.valid_until then 'failed'
          when r.status = 'retrying' then 'queued' else r.status end as becomes
      from clock k cross join jsonb_to_recordset(${sql.json(results)}) r (
        "messageId" uuid, "attemptId" uuid, attempt integer, status text, "externalMessageId" text, "errorCode" text,
        "errorMessage" text, "retryInMs" double precision, "sameAttempt" boolean, "durationMs" integer)
      left join pigeonpost.outbox o on o.tenant_id = ${target.tenantId} and o.message_id = r."messageId"
      where case when o.message_id is not null
        then o.attempt_id = r."attemptId" and (r.status = 'sent' or o.attempt = r.attempt and o.state = 'sending')
        else pigeonpost.message_of_attempt(${target.tenantId}, r."attemptId") = r."messageId" end
    ),
    -- The messages before the outbox: the lock order of all writers (fixtures/110_delivery.sql).
    moved as (
      update pigeonpost.messages m
      set status = f.becomes,
        attempts = greatest(m.attempts, f.attempt) - case when f.status = 'queued' then 1 else 0 end,
        external_message_id = coalesce(f."externalMessageId", m.external_message_id),
        error_code = f."errorCode",
        error_message = f."errorMessage"
      from found f
      where m.tenant_id = ${target.tenantId} and m.id = f."messageId"
        and (f.becomes <> 'queued' or not f.is_under_way)
        and (f.status = 'sent' or case when f.is_under_way then m.status in ('queued', 'unknown')
          else m.status = 'unknown' and m.attempts = f.attempt end)
      returning m.id
    ),
    kept as (
      update pigeonpost.outbox o
      set state = f.status, due_at = coalesce(f.again_at, k.now),
        attempt = o.attempt - case when f.status = 'queued' then 1 else 0 end,
        attempt_id = case when f."sameAttempt" then o.attempt_id end,
        error_code = f."errorCode",
        error_message = f."errorMessage"
      from found f cross join clock k
      where o.tenant_id = ${target.tenantId} and o.message_id = f."messageId" and f.becomes = 'queued' and f.is_under_way
        and o.attempt_id = f."attemptId" and o.attempt = f.attempt and o.state = 'sending'
        and (select count(*) from moved) >= 0
      returning o.message_id as id
    ),
    taken as materialized (select v.id from moved v union all select p.id from kept p),
    completed as (
      update pigeonpost.delivery_attempts d
      set outcome = case when f.status in ('retrying', 'queued') then 'retry' else f.status end,
        error_code = f."errorCode", error_message = f."errorMessage", external_message_id = f."externalMessageId",
        duration_ms = f."durationMs"
      from found f join taken t on t.id = f."messageId"
      where d.tenant_id = ${target.tenantId} and d.attempt_id = f."attemptId" and d.attempt = f.attempt
    )
    select t.id from taken t`
  return new Set(rows.map(({ id }) => id))
}
