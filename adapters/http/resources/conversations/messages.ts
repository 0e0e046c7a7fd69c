import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { findAccount } from '../../../../db/accounts/find.ts'
import type { Transaction } from '../../../../db/connect.ts'
import {
  countConversationMessages,
  listConversationMessages,
} from '../../../../db/conversations/messages.ts'
import { archiveThread, findActiveThread } from '../../../../db/threads/archive.ts'
import { findThread } from '../../../../db/threads/find.ts'
import { listThreads } from '../../../../db/threads/list.ts'
import { countedUpTo, maxCounted } from '../../../../db/paging/offset.ts'
import { principalOf } from '../../server/auth.ts'
import type { Services } from '../../server/context.ts'
import {
  conversationMessageShape,
  threadShape,
  toConversationMessage,
  toThreadShape,
} from './schema.ts'
import { idParams, emptyBody, noQuery } from '../../shared/fields.ts'
import {
  byId,
  byTime,
  idPageFields,
  pageQuery,
  pageShape,
  startOf,
  toPage,
  totalOf,
} from '../../shared/paging.ts'
import { idempotencyHeaders, withIdempotency } from '../../server/idempotency.ts'
import { conversationOf } from './find.ts'

const messagesQuery = z.strictObject(pageQuery(20, byTime))

/** What was said in a conversation, and in which threads. */
export function addConversationContents(app: FastifyInstance, { context }: Services): void {
  const routes = app.withTypeProvider<ZodTypeProvider>()

  routes.get('/conversations/:id/messages', {
    schema: {
      operationId: 'listConversationMessages',
      summary: 'What was said in a conversation, newest first',
      params: idParams,
      querystring: messagesQuery,
      response: {
        200: z.object({
          success: z.literal(true),
          data: z.object({ messages: z.array(conversationMessageShape), ...pageShape }),
        }),
      },
    },
    config: { scope: 'conversations:read' },
    handler: async (request) => {
      const { tenantId } = principalOf(request)
      const { params, query } = request
      const data = await context.asTenant(tenantId, (tx) =>
        readMessages(tx, tenantId, params.id, query),
      )
      return { success: true as const, data }
    },
  })

  routes.get('/conversations/:id/threads', {
    schema: {
      operationId: 'listConversationThreads',
      summary: 'The threads of a conversation, newest first',
      params: idParams,
      querystring: z.strictObject({
        ...pageQuery(20, byId),
        status: z.enum(['active', 'archived']).optional(),
      }),
      response: {
        200: z.object({
          success: z.literal(true),
          data: z.object({ threads: z.array(threadShape), ...pageShape }),
        }),
      },
    },
    config: { scope: 'conversations:read' },
    handler: async (request) => {
      const { tenantId } = principalOf(request)
      const { params, query } = request
      const page = await context.asTenant(tenantId, async (tx) => {
        const { id } = await conversationOf(tx, tenantId, params.id)
        return listThreads(
          tx,
          tenantId,
          { conversationId: id, status: query.status },
          startOf(query),
        )
      })
      const threads = page.rows.map(toThreadShape)
      return { success: true as const, data: { threads, ...idPageFields(query, page) } }
    },
  })

  routes.post('/conversations/:id/threads/current/archive', {
    schema: {
      operationId: 'archiveCurrentThread',
      summary: 'End the active thread; the next message opens another',
      headers: idempotencyHeaders,
      querystring: noQuery,
      params: idParams,
      body: emptyBody,
      response: {
        200: z.object({
          success: z.literal(true),
          message: z.string(),
          data: threadShape
            .nullable()
            .describe(
              'The thread that ended; null where nothing was said since the last one ended',
            ),
        }),
      },
    },
    config: { scope: 'conversations:write' },
    handler: async (request, reply) =>
      withIdempotency(context, request, reply, async (tx, { tenantId }) => {
        const { id } = await conversationOf(tx, tenantId, request.params.id)
        const active = await findActiveThread(tx, tenantId, id)
        const archived = active !== null && (await archiveThread(tx, tenantId, active))
        const row = archived ? await findThread(tx, tenantId, active) : null
        return {
          body: {
            success: true as const,
            message: row ? 'Thread archived' : 'No thread is active',
            data: row ? toThreadShape(row) : null,
          },
        }
      }),
  })
}

async function readMessages(
  tx: Transaction,
  tenantId: number,
  id: string,
  asked: z.output<typeof messagesQuery>,
) {
  const { limit, ...start } = startOf(asked)
  const conversation = await conversationOf(tx, tenantId, id)
  const which = { tenantId, conversationId: conversation.id }
  const found = await listConversationMessages(tx, { ...which, ...start, limit: limit + 1 })
  const count = async () =>
    countedUpTo(await countConversationMessages(tx, { ...which, most: maxCounted + 1 }))
  const total = totalOf({ limit, ...start }, found.length) ?? (await count())
  const { rows, page } = toPage(asked, found, total)
  const account = await findAccount(tx, tenantId, conversation.account_id)
  const own = account?.address ?? null
  return { messages: rows.map((row) => toConversationMessage(row, own)), ...page }
}
