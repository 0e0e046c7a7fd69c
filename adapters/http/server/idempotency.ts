import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Transaction } from '../../../db/connect.ts'
import { retryTransient } from '../../../db/errors.ts'
import {
  claimRequest,
  findAnswer,
  storeAnswer,
  type StoredAnswer,
} from '../../../db/requests/claim.ts'
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
 * @throws ConflictError `idempotency_key_reused` where method, path or body are others
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
  const keyed = { tenantId, key, hash: hashOf(request, request.body) }
  const answer = await run(async (tx) => {
    const stored = await claimRequest(tx, keyed)
    if (stored) return { ...stored, replayed: true }
    const { status = 200, body, kept = body } = await work(tx, principal)
    const text = (one: object) => String(reply.serializeInput({ ...one }, String(status)))
    await storeAnswer(tx, keyed, { status, response: text(kept) })
    return { status, response: text(body), replayed: false }
  })
  return sendText(reply, answer) as unknown as Body
}

/** The text of an answer, as it is. */
function sendText(
  reply: FastifyReply,
  { status, response, replayed }: StoredAnswer & { replayed: boolean },
): string {
  reply.code(status).type('application/json; charset=utf-8')
  if (replayed) reply.header(replayedHeader, 'true')
  return response
}

/** As `once`, for work that is more than its transaction, and for what is said in other ways than by a body. */
export interface Once<Body extends object> {
  /** The answer of an earlier request, null where there was none. */
  earlier(): Promise<Body | null>
  /** In the transaction of the work, at its end: what it makes, or the answer of one that was faster. */
  keep(tx: Transaction, work: () => Promise<{ status: number; body: Body }>): Promise<Body>
}

/** @param says what makes two requests the same, besides method and path */
export function createOnce<Body extends object>(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  says: unknown,
): Once<Body> {
  const { tenantId } = principalOf(request)
  const key = request.headers['idempotency-key']
  const keyed = typeof key === 'string' ? { tenantId, key, hash: hashOf(request, says) } : null
  return {
    async earlier() {
      const found = keyed && (await context.asTenant(tenantId, (tx) => findAnswer(tx, keyed)))
      return found && (sendText(reply, { ...found, replayed: true }) as unknown as Body)
    },
    async keep(tx, work) {
      const stored = keyed && (await claimRequest(tx, keyed))
      if (stored) return sendText(reply, { ...stored, replayed: true }) as unknown as Body
      const { status, body } = await work()
      reply.code(status)
      if (keyed) {
        const response = String(reply.serializeInput(plain(body), String(status)))
        await storeAnswer(tx, keyed, { status, response })
      }
      return body
    },
  }
}

/** For a type that has no index signature. */
function plain(body: object): Record<string, unknown> {
  return { ...body }
}

/** Of what is asked: whatever the order of the names in its objects, and however it is spaced. */
function hashOf(request: FastifyRequest, says: unknown): Buffer {
  const [path = ''] = request.url.split('?')
  const body = JSON.stringify(says ?? null, (_name, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
  return createHash('sha256').update(`${request.method} ${path}\n${body}`).digest()
}
