import type { Transaction } from '../connect.ts'
import { ConflictError } from '../errors.ts'

export type KeyedRequest = {
  tenantId: number
  /** The Idempotency-Key. */
  key: string
  /** SHA-256 of the request. */
  hash: Buffer
}

/** The stored answer to a request; `response` is its text. */
export type StoredAnswer = {
  status: number
  response: string
}

/**
 * Claims an Idempotency-Key for the request that this transaction answers. Null: it is claimed, and `storeAnswer` must
 * follow in the same transaction. Otherwise the answer of an earlier request. Waits for a concurrent request with that
 * key: if it commits we get its answer, if not we get the key.
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
 * The stored answer for this key, null where there is none. Claims nothing: for work that begins outside the transaction
 * that claims.
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

/** Stores the answer to a request whose key was claimed in this transaction. */
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
