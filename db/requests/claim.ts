import type { Transaction } from '../connect.ts'
import { ConflictError } from '../errors.ts'

export interface KeyedRequest {
  tenantId: number
  /** The Idempotency-Key. */
  key: string
  /** SHA-256 of what was asked. */
  hash: Buffer
}

/** What a request was answered, `response` being the text. */
export interface StoredAnswer {
  status: number
  response: string
}

/**
 * Takes an Idempotency-Key for the request that this transaction answers: null, and `storeAnswer` has to follow in the
 * same transaction. Or the answer that an earlier one got. A request with that key which is under way is waited for:
 * whether it commits decides which of the two it is.
 *
 * A message that is being stored under the key at this very moment is not seen: then each of the two has the key in its
 * own table, and each is safe to repeat.
 * @throws ConflictError `idempotency_key_reused` where the key was used for another request, or for a message
 */
export async function claimRequest(
  tx: Transaction,
  { tenantId, key, hash }: KeyedRequest,
): Promise<StoredAnswer | null> {
  const [found] = await tx<
    { status: number | null; response: string | null; same: boolean; isMessages: boolean }[]
  >`
    insert into pigeonpost.idempotent_requests as r (tenant_id, key, request_hash)
    values (${tenantId}, ${key}, ${hash})
    on conflict on constraint idempotent_requests_pkey do update set status = r.status
    returning r.status, r.response::text as response, r.request_hash = ${hash} as same, exists (
      select from pigeonpost.messages m where m.tenant_id = ${tenantId} and m.idempotency_key = ${key}) as "isMessages"`
  if (!found) throw new Error('the request was not stored')
  if (!found.same || found.isMessages) throw keyReused()
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

/**
 * That no request but those which store a message has the key. Messages keep theirs themselves (messages/create.ts).
 * @throws ConflictError `idempotency_key_reused`
 */
export async function checkUnclaimed(
  tx: Transaction,
  tenantId: number,
  key: string,
): Promise<void> {
  const { count } = await tx`
    select from pigeonpost.idempotent_requests where tenant_id = ${tenantId} and key = ${key}`
  if (count > 0) throw keyReused()
}

export function keyReused(): ConflictError {
  return new ConflictError('This Idempotency-Key was used for another request', {
    code: 'idempotency_key_reused',
    field: 'Idempotency-Key',
    hint: 'Use a new key for every new request.',
  })
}
