import type { Transaction } from '../connect.ts'
import { ConflictError } from '../errors.ts'

export type KeyedRequest = {
  tenantId: number
  /** The Idempotency-Key. */
  key: string
  /** SHA-256 of what was asked. */
  hash: Buffer
}

/** What a request was answered, `response` being the text. */
export type StoredAnswer = {
  status: number
  response: string
}

/**
 * Takes an Idempotency-Key for the request that this transaction answers: null, and `storeAnswer` has to follow in the
 * same transaction. Or the answer that an earlier one got. A request with that key which is under way is waited for:
 * whether it commits decides which of the two it is.
 * @throws ConflictError `idempotency_key_reused` where the key was used for another request
 */
export async function claimRequest(
  tx: Transaction,
  { tenantId, key, hash }: KeyedRequest,
): Promise<StoredAnswer | null> {
  const [found] = await tx<{ status: number | null; response: string | null; same: boolean }[]>`
    insert into pigeonpost.idempotent_requests as r (tenant_id, key, request_hash)
    values (${tenantId}, ${key}, ${hash})
    on conflict on constraint idempotent_requests_pkey do update set status = r.status
    returning r.status, r.response::text as response, r.request_hash = ${hash} as same`
  if (!found) throw new Error('the request was not stored')
  if (!found.same) throw keyReused()
  const { status, response } = found
  return status === null || response === null ? null : { status, response }
}

/**
 * What a request with this key was answered, null where there was none: a look, for work that is begun outside of the
 * transaction that claims.
 * @throws ConflictError `idempotency_key_reused`
 */
export async function findAnswer(
  tx: Transaction,
  { tenantId, key, hash }: KeyedRequest,
): Promise<StoredAnswer | null> {
  const [found] = await tx<(StoredAnswer & { same: boolean })[]>`
    select status, response::text as response, request_hash = ${hash} as same
    from pigeonpost.idempotent_requests where tenant_id = ${tenantId} and key = ${key}`
  if (found?.same === false) throw keyReused()
  return found ? { status: found.status, response: found.response } : null
}

/** Keeps the answer of a request that was claimed in this transaction. */
export async function storeAnswer(
  tx: Transaction,
  { tenantId, key }: KeyedRequest,
  { status, response }: StoredAnswer,
): Promise<void> {
  await tx`
    update pigeonpost.idempotent_requests set status = ${status}, response = ${response}::text::json
    where tenant_id = ${tenantId} and key = ${key}`
}

export function keyReused(): ConflictError {
  return new ConflictError('This Idempotency-Key was used for another request', {
    code: 'idempotency_key_reused',
    field: 'Idempotency-Key',
    hint: 'Use a new key for every new request.',
  })
}
