import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Transaction } from '../../db/connect.ts'
import { retryTransient } from '../../db/errors.ts'
import { claimRequest, storeAnswer } from '../../db/requests/claim.ts'
import { type Principal, principalOf } from './auth.ts'
import type { ApiContext } from './context.ts'

export interface Answer<Body extends object> {
  /** Default 200. */
  status?: number
  body: Body
  /** What a repeated request is answered instead, where the body shows a secret that must not be kept. */
  kept?: Body
}

/** Says that nothing was done again. */
export const replayedHeader = 'idempotency-replayed'

/**
 * Answers a POST by `work`, in one transaction of the tenant that runs again after a deadlock or a serialization failure.
 *
 * With an Idempotency-Key, for a day at least: the same request is answered the same text again, with the header
 * `idempotency-replayed: true`, and the work is not done a second time, also when both come at once. The answer is kept
 * in the transaction of the work, so there is never one without the other; an error keeps nothing, and the request may be
 * tried again with its key. The key is the tenant's, as messages' are, whichever API key brings it: what a request says
 * includes its path, and its route has checked the scope.
 * @returns the body; status and headers are set on the reply
 * @throws Conflict `idempotency_key_reused` where method, path or body are others
 */
export async function once<Body extends object>(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  work: (tx: Transaction, principal: Principal) => Promise<Answer<Body>>,
): Promise<Body> {
  const principal = principalOf(request)
  const { tenantId } = principal
  const key = request.headers['idempotency-key']
  const run = <T>(inside: (tx: Transaction) => Promise<T>) =>
    retryTransient(() => context.asTenant(tenantId, inside))

  if (typeof key !== 'string') {
    const { status = 200, body } = await run((tx) => work(tx, principal))
    reply.code(status)
    return body
  }
  const keyed = { tenantId, key, hash: hashOf(request) }
  const answer = await run(async (tx) => {
    const stored = await claimRequest(tx, keyed)
    if (stored) return { ...stored, replayed: true }
    const { status = 200, body, kept = body } = await work(tx, principal)
    const text = (one: object) => String(reply.serializeInput({ ...one }, String(status)))
    await storeAnswer(tx, keyed, { status, response: text(kept) })
    return { status, response: text(body), replayed: false }
  })
  reply.code(answer.status).type('application/json; charset=utf-8')
  if (answer.replayed) reply.header(replayedHeader, 'true')
  // Text is sent as it is.
  return answer.response as unknown as Body
}

/** Of what is asked: whatever the order of the names in its objects, and however it is spaced. */
function hashOf(request: FastifyRequest): Buffer {
  const [path = ''] = request.url.split('?')
  const body = JSON.stringify(request.body ?? null, (_name, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
  return createHash('sha256').update(`${request.method} ${path}\n${body}`).digest()
}
