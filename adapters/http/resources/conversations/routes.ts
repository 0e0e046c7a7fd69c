import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Transaction } from '../../../../db/connect.ts'
import { countConversation } from '../../../../db/conversations/find.ts'
import {
  countConversations,
  listConversations,
  withContents,
} from '../../../../db/conversations/list.ts'
import { type ConversationChange, updateConversation } from '../../../../db/conversations/update.ts'
import { findCustomer } from '../../../../db/customers/find.ts'
import { InvalidInputError, retryTransient } from '../../../../db/errors.ts'
import { countedUpTo, maxCounted } from '../../../../db/paging/offset.ts'
import type { ConversationRow } from '../../../../db/rows.ts'
import { principalOf } from '../../server/auth.ts'
import type { Services } from '../../server/context.ts'
import { acceptEmptyJsonBody } from '../../server/empty-json-body.ts'
import { conversationShape, statusName, toConversationShape, typeName } from './schema.ts'
import { createEstimates } from '../../shared/estimates.ts'
import {
  accountIdOf,
  alsoInSnakeCase,
  channelOf,
  emptyBody,
  idIn,
  idParams,
  noQuery,
  object,
  text,
} from '../../shared/fields.ts'
import { byTime, pageQuery, pageShape, startOf, toPage, totalOf } from '../../shared/paging.ts'
import { conversationOf } from './find.ts'
import { addConversationContents } from './messages.ts'
import { newConversation, openConversation } from './open-conversation.ts'
import { addParticipants } from './participants.ts'
import { idempotencyHeaders, withIdempotency } from '../../server/idempotency.ts'

const query = z.strictObject({
  ...pageQuery(20, byTime),
  status: statusName.optional(),
  type: typeName.optional(),
  channel: channelOf().optional(),
  accountId: accountIdOf('accountId').optional(),
  customerId: idIn('customerId').optional().describe('Who is in it; the UUID or the lead id'),
})

const change = alsoInSnakeCase(
  z.strictObject({
    status: statusName.optional(),
    groupName: text('groupName', 255).optional(),
    groupAvatar: text('groupAvatar', 2048).nullish(),
    groupMetadata: object('groupMetadata').optional().describe('In place of what is there'),
  }),
)

const one = z.object({ success: z.literal(true), data: conversationShape })
const verbs = {
  close: {
    status: 'closed',
    operationId: 'closeConversation',
    summary: 'Close a conversation; the next message reopens it',
  },
  reopen: {
    status: 'open',
    operationId: 'reopenConversation',
    summary: 'Open a conversation again',
  },
  pending: {
    status: 'pending',
    operationId: 'setConversationPending',
    summary: 'Set a conversation pending; it stays so when messages come',
  },
} as const

/** Conversations with their lifecycle, participants, messages and threads. */
export function addConversations(app: FastifyInstance, services: Services): void {
  const { context } = services
  acceptEmptyJsonBody(app)
  const routes = app.withTypeProvider<ZodTypeProvider>()
  const estimates = createEstimates()

  routes.get('/conversations', {
    schema: {
      operationId: 'listConversations',
      summary: 'Conversations with who is in them and their latest messages',
      querystring: query,
      response: {
        200: z.object({
          success: z.literal(true),
          data: z.object({ conversations: z.array(conversationShape), ...pageShape }),
        }),
      },
    },
    config: { scope: 'conversations:read' },
    handler: async (request) => {
      const { tenantId } = principalOf(request)
      return {
        success: true as const,
        data: await context.asTenant(tenantId, (tx) =>
          list(tx, tenantId, request.query, estimates),
        ),
      }
    },
  })

  routes.get('/conversations/:id', {
    schema: {
      operationId: 'getConversation',
      summary: 'A conversation with who is in it and its latest messages',
      querystring: noQuery,
      params: idParams,
      response: { 200: one },
    },
    config: { scope: 'conversations:read' },
    handler: async (request) => {
      const { tenantId } = principalOf(request)
      const data = await context.asTenant(tenantId, async (tx) =>
        readDetail(tx, tenantId, await conversationOf(tx, tenantId, request.params.id)),
      )
      return { success: true as const, data }
    },
  })

  routes.post('/conversations', {
    schema: {
      operationId: 'createConversation',
      summary: 'Open a conversation, or find the direct one that there is',
      headers: idempotencyHeaders,
      querystring: noQuery,
      body: newConversation,
      response: {
        200: one.describe('The direct conversation that they have already'),
        201: one,
      },
    },
    config: { scope: 'conversations:write', errors: [404] },
    handler: async (request, reply) =>
      withIdempotency(context, request, reply, async (tx, { tenantId }) => {
        const { row, created } = await openConversation(tx, tenantId, request.body)
        const data = await readDetail(tx, tenantId, row)
        return { status: created ? 201 : 200, body: { success: true as const, data } }
      }),
  })

  routes.patch('/conversations/:id', {
    schema: {
      operationId: 'updateConversation',
      summary: 'Change its status, or the name, avatar or metadata of a group',
      querystring: noQuery,
      params: idParams,
      body: change,
      response: { 200: one },
    },
    config: { scope: 'conversations:write' },
    handler: async (request) => {
      const { tenantId } = principalOf(request)
      const given = request.body
      if (Object.keys(given).length === 0) {
        throw new InvalidInputError('There is nothing to change', {
          code: 'nothing_to_change',
          field: 'body',
          hint: 'Give status, groupName, groupAvatar or groupMetadata.',
        })
      }
      const data = await retryTransient(() =>
        context.asTenant(tenantId, (tx) => save(tx, tenantId, request.params.id, given)),
      )
      return { success: true as const, data }
    },
  })

  for (const [verb, { status, operationId, summary }] of Object.entries(verbs)) {
    routes.post(`/conversations/:id/${verb}`, {
      schema: {
        operationId,
        summary,
        headers: idempotencyHeaders,
        querystring: noQuery,
        params: idParams,
        body: emptyBody,
        response: { 200: one },
      },
      config: { scope: 'conversations:write' },
      handler: async (request, reply) =>
        withIdempotency(context, request, reply, async (tx, { tenantId }) => {
          const data = await save(tx, tenantId, request.params.id, { status })
          return { body: { success: true as const, data } }
        }),
    })
  }

  addParticipants(app, services)
  addConversationContents(app, services)
}

async function save(tx: Transaction, tenantId: number, id: string, given: ConversationChange) {
  const row = await conversationOf(tx, tenantId, id)
  await updateConversation(tx, tenantId, row.id, given)
  return readDetail(tx, tenantId, await conversationOf(tx, tenantId, row.id))
}

/** A conversation with who is in it, its latest messages, and its counters as they are now. */
async function readDetail(tx: Transaction, tenantId: number, row: ConversationRow) {
  const [counters, [found]] = await Promise.all([
    countConversation(tx, tenantId, row.id),
    withContents(tx, tenantId, [row]),
  ])
  if (!found) throw new Error('the conversation is gone')
  return toConversationShape({ ...found, ...counters })
}

async function list(
  tx: Transaction,
  tenantId: number,
  asked: z.output<typeof query>,
  estimates: ReturnType<typeof createEstimates>,
) {
  const { page: _, limit: __, cursor: ___, customerId: person, ...rest } = asked
  const { limit, ...start } = startOf(asked)
  const customer = person === undefined ? undefined : await findCustomer(tx, tenantId, person)
  const filter = { ...rest, tenantId, customerId: customer?.id }
  // A customer that there is not is in no conversation.
  const none = customer === null
  const found = none ? [] : await listConversations(tx, filter, { ...start, limit: limit + 1 })
  const count = () =>
    estimates(filter, async () => countedUpTo(await countConversations(tx, filter, maxCounted + 1)))
  const total = none
    ? { total: 0, isEstimate: false }
    : (totalOf({ limit, ...start }, found.length) ?? (await count()))
  const { rows, page } = toPage(asked, found, total)
  return { conversations: rows.map(toConversationShape), ...page }
}
