import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Transaction } from '../../../../db/connect.ts'
import type { Participant } from '../../../../db/conversations/list.ts'
import {
  addParticipants as insertParticipants,
  changeRole,
  findParticipant,
  listParticipants,
  removeParticipant,
} from '../../../../db/conversations/participants.ts'
import { customerIdOf } from '../../../../db/customers/merge.ts'
import { ConflictError, NotFoundError, retryTransient } from '../../../../db/errors.ts'
import { principalOf } from '../../server/auth.ts'
import type { Services } from '../../server/context.ts'
import { participantShape, roleName, toParticipantShape } from './schema.ts'
import { flag, idIn, idParams, noQuery } from '../../shared/fields.ts'
import { byId, idPageFields, pageQuery, pageShape, startOf } from '../../shared/paging.ts'
import { idempotencyHeaders, withIdempotency } from '../../server/idempotency.ts'
import { findPeople, newParticipant } from './open-conversation.ts'
import { conversationOf } from './find.ts'

const one = z.object({ success: z.literal(true), data: participantShape })
const params = idParams.extend({
  participantId: idIn('participantId').describe(
    "The participant's id, or its customer's or account's",
  ),
})

/** Participants of a conversation: list, add, change the role, remove. */
export function addParticipants(app: FastifyInstance, { context }: Services): void {
  const routes = app.withTypeProvider<ZodTypeProvider>()

  routes.get('/conversations/:id/participants', {
    schema: {
      operationId: 'listParticipants',
      summary: 'Who is in a conversation',
      params: idParams,
      querystring: z.strictObject({
        ...pageQuery(20, byId),
        left: flag('left').optional().describe('Also those who have left'),
      }),
      response: {
        200: z.object({
          success: z.literal(true),
          data: z.object({ participants: z.array(participantShape), ...pageShape }),
        }),
      },
    },
    config: { scope: 'conversations:read' },
    handler: async (request) => {
      const { tenantId } = principalOf(request)
      const { id } = request.params
      const { query } = request
      const page = await context.asTenant(tenantId, async (tx) => {
        const conversation = await conversationOf(tx, tenantId, id)
        const which = { conversationId: conversation.id, left: query.left ?? false }
        return listParticipants(tx, tenantId, which, startOf(query))
      })
      const participants = page.rows.map(toParticipantShape)
      return { success: true as const, data: { participants, ...idPageFields(query, page) } }
    },
  })

  routes.post('/conversations/:id/participants', {
    schema: {
      operationId: 'addParticipant',
      summary: 'Bring a customer or an account of ours into a conversation',
      headers: idempotencyHeaders,
      querystring: noQuery,
      params: idParams,
      body: newParticipant,
      response: { 201: one },
    },
    config: { scope: 'conversations:write' },
    handler: async (request, reply) => {
      const { params, body } = request
      return withIdempotency(context, request, reply, async (tx, { tenantId }) => {
        const conversation = await conversationOf(tx, tenantId, params.id)
        const people = await findPeople(tx, tenantId, conversation.channel, [body])
        const [id] = await insertParticipants(tx, tenantId, conversation.id, people)
        if (id === undefined) {
          throw new ConflictError('That one is in the conversation already', {
            code: 'participant_exists',
            field: body.accountId ? 'accountId' : body.address ? 'address' : 'customerId',
            hint: 'Change the role with PATCH.',
          })
        }
        const row = await participantOf(tx, tenantId, conversation.id, id)
        return { status: 201, body: { success: true as const, data: toParticipantShape(row) } }
      })
    },
  })

  routes.patch('/conversations/:id/participants/:participantId', {
    schema: {
      operationId: 'changeParticipantRole',
      summary: 'Change what a participant is: owner, admin or member',
      querystring: noQuery,
      params,
      body: z.strictObject({ role: roleName }),
      response: { 200: one },
    },
    config: { scope: 'conversations:write' },
    handler: async (request) => {
      const { tenantId } = principalOf(request)
      const { id, participantId } = request.params
      const row = await retryTransient(() =>
        context.asTenant(tenantId, async (tx) => {
          const conversation = await conversationOf(tx, tenantId, id)
          const found = await participantOf(tx, tenantId, conversation.id, participantId)
          await changeRole(tx, tenantId, found.id, request.body.role)
          return { ...found, role: request.body.role }
        }),
      )
      return { success: true as const, data: toParticipantShape(row) }
    },
  })

  routes.delete('/conversations/:id/participants/:participantId', {
    schema: {
      operationId: 'removeParticipant',
      summary: 'Take a participant out of a conversation',
      querystring: noQuery,
      params,
      response: { 200: one },
    },
    config: { scope: 'conversations:write' },
    handler: async (request) => {
      const { tenantId } = principalOf(request)
      const { id, participantId } = request.params
      const row = await retryTransient(() =>
        context.asTenant(tenantId, async (tx) => {
          const conversation = await conversationOf(tx, tenantId, id)
          const found = await participantOf(tx, tenantId, conversation.id, participantId)
          if (!(await removeParticipant(tx, tenantId, found.id))) throw unknown(participantId)
          return participantOf(tx, tenantId, conversation.id, found.id)
        }),
      )
      return { success: true as const, data: toParticipantShape(row) }
    },
  })
}

async function participantOf(
  tx: Transaction,
  tenantId: number,
  conversationId: string,
  id: string,
): Promise<Participant> {
  const uuid = id.includes('-') ? id : await customerIdOf(tx, tenantId, id)
  const row = uuid === null ? null : await findParticipant(tx, tenantId, conversationId, uuid)
  if (!row) throw unknown(id)
  return row
}

function unknown(id: string): NotFoundError {
  return new NotFoundError(`The conversation has no participant ${id}`, {
    code: 'participant_unknown',
    field: 'participantId',
  })
}
