import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Transaction } from '../../../db/connect.ts'
import { retryTransient } from '../../../db/errors.ts'
import { claimRequest, findAnswer, storeAnswer } from '../../../db/requests/claim.ts'
import { type Principal, principalOf } from './auth.ts'
import type { ApiContext } from './context.ts'

/** The headers of every POST that `withIdempotency` answers. */
export const idempotencyHeaders = z.looseObject({
  'idempotency-key': z
    .string()
    .regex(/^[\x20-\x7e]{1,255}$/, 'Idempotency-Key must be 1 to 255 characters of ASCII')
    .optional()
    .describe('Makes a repeated request safe: the same key and body answer the same'),
})

/** The response header of a repeated request: nothing was done again. */
export const replayedHeader = 'idempotency-replayed'

export type Answer<Body extends object> = {
  /** Default 200. */
  status?: number
  body: Body
  /** What a repeated request is answered instead, where the body shows a secret that must not be stored. */
  stored?: Body
}

/** An answer that is not sent yet: a body, or the text that is stored of one. */
type Outcome<Body extends object> = {
  status: number
  content: Body | string
  replayed: boolean
}

/** The three steps of `withIdempotency`, for work that is more than its transaction. */
export type Idempotency<Body extends object> = {
  /** The outcome of an earlier request, null where there was none. */
  earlier(): Promise<Outcome<Body> | null>
  /** In the transaction of the work, at its end: the outcome of `work`, or of another request that was faster. */
  claim(tx: Transaction, work: () => Promise<Answer<Body>>): Promise<Outcome<Body>>
  /** After the commit. Sets status and headers on the reply. */
  send(outcome: Outcome<Body>): Body
}

/**
 * Answers a POST by `work`, in one transaction of the tenant that runs again after a deadlock or a serialization failure.
 *
 * With an Idempotency-Key, for a day at least: the same request is answered the same text again, with the header
 * `idempotency-replayed: true`, and the work is not done a second time, also when both come at once. The answer is stored
 * in the transaction of the work, so there is never one without the other; an error stores nothing, and the request may be
 * tried again with its key. The key is the tenant's, whichever API key brings it: a request's hash includes its path, and
 * its route has checked the scope.
 * @returns the body; status and headers are set on the reply
 * @throws ConflictError `idempotency_key_reused` where method, path or body are others
 */
export async function withIdempotency<Body extends object>(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  work: (tx: Transaction, principal: Principal) => Promise<Answer<Body>>,
): Promise<Body> {
  const principal = principalOf(request)
  const { claim, send } = createIdempotency<Body>(context, request, reply, request.body)
  const outcome = await retryTransient(() =>
    context.asTenant(principal.tenantId, (tx) => claim(tx, () => work(tx, principal))),
  )
  return send(outcome)
}

/** @param content what makes two requests the same, besides method and path */
export function createIdempotency<Body extends object>(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  content: unknown,
): Idempotency<Body> {
  const { tenantId } = principalOf(request)
  const key = request.headers['idempotency-key']
  const keyed = typeof key === 'string' ? { tenantId, key, hash: hashOf(request, content) } : null
  const toText = (body: object, status: number) =>
    String(reply.serializeInput({ ...body }, String(status)))
  return {
    async earlier() {
      const found = keyed && (await context.asTenant(tenantId, (tx) => findAnswer(tx, keyed)))
      return found && { status: found.status, content: found.response, replayed: true }
    },
    async claim(tx, work) {
      const found = keyed && (await claimRequest(tx, keyed))
      if (found) return { status: found.status, content: found.response, replayed: true }
      const { status = 200, body, stored = body } = await work()
      if (!keyed) return { status, content: body, replayed: false }
      await storeAnswer(tx, keyed, { status, response: toText(stored, status) })
      return { status, content: toText(body, status), replayed: false }
    },
    send({ status, content: answer, replayed }) {
      reply.code(status)
      if (typeof answer === 'string') reply.type('application/json; charset=utf-8')
      if (replayed) reply.header(replayedHeader, 'true')
      return answer as Body
    },
  }
}

/** Independent of the order of names in objects, and of white space. */
function hashOf(request: FastifyRequest, content: unknown): Buffer {
  const [path = ''] = request.url.split('?')
  const body = JSON.stringify(content ?? null, (_name, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
  return createHash('sha256').update(`${request.method} ${path}\n${body}`).digest()
}
