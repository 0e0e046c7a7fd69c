import { randomUUID } from 'node:crypto'
import type { Sql } from '../../db/connect.ts'

/** Puts a queued message into a worker's hands, as a claim does. @returns the attempt's id */
export async function beginSending(
  sql: Pick<Sql, 'unsafe'>,
  id: string,
  options: { attemptId?: string; attempt?: number; provider?: string; leasedUntil?: Date } = {},
): Promise<string> {
  const { attemptId = randomUUID(), attempt = 1, provider = 'scripted' } = options
  const leasedUntil = options.leasedUntil ?? new Date(Date.now() + 20_000)
  const rows = await sql.unsafe(
    `with begun as (
      update pigeonpost.outbox o
      set state = 'sending', attempt = $2, attempt_id = $3, provider = $4, due_at = $5::text::timestamptz
      where o.message_id = $1
      returning o.*
    )
    insert into pigeonpost.delivery_attempts (tenant_id, attempt_id, attempt, message_id, provider, reason, accepted_on)
    select b.tenant_id, b.attempt_id, b.attempt, b.message_id, b.provider, 'account', b.accepted_on from begun b
    returning message_id`,
    [id, attempt, attemptId, provider, leasedUntil.toISOString()],
  )
  if (rows.length !== 1) throw new Error(`message ${id} is not in the outbox`)
  return attemptId
}
