import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Transaction } from '../../../../db/connect.ts'
import { InvalidInputError, NotFoundError } from '../../../../db/errors.ts'
import { threadHistory } from '../../../../db/messages/history.ts'
import { archiveThread } from '../../../../db/threads/archive.ts'
import { type FoundThread, findThread } from '../../../../db/threads/find.ts'
import { principalOf } from '../../server/auth.ts'
import type { Services } from '../../server/context.ts'
import { acceptEmptyJsonBody } from '../../server/empty-json-body.ts'
import { foundThreadShape, toFoundThreadShape } from '../conversations/schema.ts'
import { idParams, emptyBody, noQuery } from '../../shared/fields.ts'
import { byNumber, pageQuery, toCursor } from '../../shared/paging.ts'
import { idempotencyHeaders, withIdempotency } from '../../server/idempotency.ts'
import { historyShape, toHistoryShape, toTurns, turnShape } from '../conversations/chat-turns.ts'

const { limit, cursor } = pageQuery(50, byNumber)

const historyQuery = z.strictObject({
  format: z.enum(['messages', 'turns']).default('messages'),
  limit,
  before: z
    .string()
    .regex(/^[0-9]{1,15}$/, 'before must be the number of a message')
    .transform(Number)
    .optional()
    .describe("A message's number: only what was said before it"),
  cursor: cursor.describe('The nextCursor of the page before, which is of what was said later'),
})

const page = {
  limit: z.int(),
  nextCursor: z.string().nullable().describe('For what was said before; null at the beginning'),
}
const one = z.object({ success: z.literal(true), data: foundThreadShape })

/** Threads: the parts of a conversation, as archiving divides it, and what was said in one, oldest first. */
export function addThreads(app: FastifyInstance, { context }: Services): void {
  acceptEmptyJsonBody(app)
  const routes = app.withTypeProvider<ZodTypeProvider>()

  routes.get('/threads/:id', {
    schema: {
      operationId: 'getThread',
      summary: 'A thread, with when it began and ended',
      querystring: noQuery,
      params: idParams,
      response: { 200: one },
    },
    config: { scope: 'conversations:read' },
    handler: async (request) => {
      const { tenantId } = principalOf(request)
      const row = await context.asTenant(tenantId, (tx) =>
        threadOf(tx, tenantId, request.params.id),
      )
      return { success: true as const, data: toFoundThreadShape(row) }
    },
  })

  routes.get('/threads/:id/history', {
    schema: {
      operationId: 'getThreadHistory',
      summary: 'What was said in a thread, oldest first, also as chat turns',
      params: idParams,
      querystring: historyQuery,
      response: {
        200: z.object({
          success: z.literal(true),
          data: z.union([
            z.object({ threadId: z.uuid(), messages: z.array(historyShape), ...page }),
            z.object({ threadId: z.uuid(), turns: z.array(turnShape), ...page }),
          ]),
        }),
      },
    },
    config: { scope: 'conversations:read' },
    handler: async (request) => {
      const { tenantId } = principalOf(request)
      const { params, query } = request
      const data = await context.asTenant(tenantId, (tx) => read(tx, tenantId, params.id, query))
      return { success: true as const, data }
    },
  })

  routes.post('/threads/:id/archive', {
    schema: {
      operationId: 'archiveThread',
      summary: 'End a thread; the next message opens another',
      headers: idempotencyHeaders,
      querystring: noQuery,
      params: idParams,
      body: emptyBody,
      response: { 200: one },
    },
    config: { scope: 'conversations:write' },
    handler: async (request, reply) =>
      withIdempotency(context, request, reply, async (tx, { tenantId }) => {
        const { id } = await threadOf(tx, tenantId, request.params.id)
        await archiveThread(tx, tenantId, id)
        const row = await threadOf(tx, tenantId, id)
        return { body: { success: true as const, data: toFoundThreadShape(row) } }
      }),
  })
}

async function read(
  tx: Transaction,
  tenantId: number,
  id: string,
  { format, limit, before, cursor }: z.output<typeof historyQuery>,
) {
  if (before !== undefined && cursor !== undefined) {
    throw new InvalidInputError('before and cursor exclude one another', {
      code: 'page_ambiguous',
      field: 'cursor',
      hint: 'Give one of them.',
    })
  }
  const thread = await threadOf(tx, tenantId, id)
  const end = before ?? cursor
  const found = await threadHistory(tx, {
    tenantId,
    thread: thread.id,
    limit: limit + 1,
    ...(end === undefined ? {} : { before: end }),
  })
  const entries = found.slice(-limit)
  const [first] = entries
  const nextCursor = found.length > limit && first ? toCursor(byNumber, first.number) : null
  const rest = { threadId: thread.id, limit, nextCursor }
  return format === 'turns'
    ? { ...rest, turns: toTurns(entries) }
    : { ...rest, messages: entries.map(toHistoryShape) }
}

async function threadOf(tx: Transaction, tenantId: number, id: string): Promise<FoundThread> {
  const row = await findThread(tx, tenantId, id)
  if (!row) {
    throw new NotFoundError(`There is no thread ${id}`, { code: 'thread_unknown', field: 'id' })
  }
  return row
}
