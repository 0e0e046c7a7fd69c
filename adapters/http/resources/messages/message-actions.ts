import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Transaction } from '../../../../db/connect.ts'
import { ConflictError, InvalidInputError, NotFoundError } from '../../../../db/errors.ts'
import { cancelMessages } from '../../../../db/messages/cancel.ts'
import type { Change, Unchanged } from '../../../../db/messages/change.ts'
import { findMessage } from '../../../../db/messages/find.ts'
import { resolveMessage } from '../../../../db/messages/resolve.ts'
import { retryMessages } from '../../../../db/messages/retry.ts'
import { selectMessages } from '../../../../db/messages/select.ts'
import { type MessageRow, messageState } from '../../../../db/rows.ts'
import { sanitizeText } from '../../../channels/shared/payload.ts'
import type { Services } from '../../server/context.ts'
import { dateTime, emptyBody, idIn, noQuery } from '../../shared/fields.ts'
import { acceptEmptyJsonBody } from '../../server/empty-json-body.ts'
import { idempotencyHeaders, withIdempotency } from '../../server/idempotency.ts'
import { messageId, messageShape, toMessageShape } from './schema.ts'

const params = z.object({ id: messageId })
const answer = z.object({ success: z.literal(true), message: z.string(), data: messageShape })

const name = z
  .string()
  .min(1)
  .max(255)
  .refine((text) => sanitizeText(text) === text, 'must not hold control characters')
const verdict = z.discriminatedUnion('status', [
  z.strictObject({ status: z.literal('sent'), externalMessageId: name.nullish() }),
  z.strictObject({ status: z.literal('failed') }),
  z.strictObject({ status: z.literal('queued') }),
])

/** Which failed messages `POST /api/v1/messages/retry` means; the names are those of `GET /api/v1/messages`. */
const filter = z.strictObject({
  ids: z.array(idIn('ids')).min(1).max(1000).optional(),
  accountId: z.uuid().optional(),
  whatsappAccountId: z.uuid().optional(),
  channel: name.optional(),
  campaignId: name.optional(),
  errorCode: name.optional(),
  startDate: dateTime('startDate').optional().describe('That failed at this moment or after'),
  endDate: dateTime('endDate').optional().describe('That failed before this moment'),
  limit: z.int().min(1).max(1000).default(100).describe('At most so many, the oldest first'),
})

const unchanged = z.object({
  id: z.string(),
  state: messageState.nullable(),
  reason: z.enum(['unknown_id', 'status', 'expired', 'account_disabled']),
})

/** What an operator does by hand: retry, cancel and resolve. */
export async function addMessageActions(
  app: FastifyInstance,
  { context }: Services,
): Promise<void> {
  await app.register(async (scope) => {
    acceptEmptyJsonBody(scope)
    const routes = scope.withTypeProvider<ZodTypeProvider>()
    const act = async (
      request: FastifyRequest,
      reply: FastifyReply,
      id: string,
      work: (tx: Transaction, tenantId: number) => Promise<Change | undefined>,
      verb: Verb,
    ) =>
      withIdempotency(context, request, reply, async (tx, { tenantId }) => {
        const row = await changed(tx, tenantId, id, await work(tx, tenantId), verb)
        return {
          body: { success: true as const, message: verbs[verb].done, data: toMessageShape(row) },
        }
      })

    routes.post('/messages/:id/retry', {
      schema: {
        operationId: 'retryMessage',
        summary: 'Queue a failed message again',
        querystring: noQuery,
        headers: idempotencyHeaders,
        params,
        body: emptyBody,
        response: { 200: answer },
      },
      config: { scope: 'messages:write' },
      handler: async (request, reply) => {
        const { id } = request.params
        const retry = async (tx: Transaction, tenantId: number) =>
          (await retryMessages(tx, { tenantId, ids: [id] }))[0]
        return act(request, reply, id, retry, 'retried')
      },
    })

    routes.post('/messages/:id/cancel', {
      schema: {
        operationId: 'cancelMessage',
        summary: 'Take back a message that has not left',
        querystring: noQuery,
        headers: idempotencyHeaders,
        params,
        body: emptyBody,
        response: { 200: answer },
      },
      config: { scope: 'messages:write' },
      handler: async (request, reply) => {
        const { id } = request.params
        const cancel = async (tx: Transaction, tenantId: number) =>
          (await cancelMessages(tx, { tenantId, ids: [id] }))[0]
        return act(request, reply, id, cancel, 'canceled')
      },
    })

    routes.post('/messages/:id/resolve', {
      schema: {
        operationId: 'resolveMessage',
        summary: 'Settle a message whose outcome is unknown',
        querystring: noQuery,
        headers: idempotencyHeaders,
        params,
        body: verdict,
        response: { 200: answer },
      },
      config: { scope: 'messages:write' },
      handler: async (request, reply) => {
        const { id } = request.params
        const { body } = request
        const found =
          body.status === 'sent'
            ? { status: body.status, externalMessageId: body.externalMessageId ?? null }
            : body
        const resolve = (tx: Transaction, tenantId: number) =>
          resolveMessage(tx, { tenantId, id }, found)
        return act(request, reply, id, resolve, 'resolved')
      },
    })

    routes.post('/messages/retry', {
      schema: {
        operationId: 'retryMessages',
        summary: 'Queue failed messages again, by ids or by a filter',
        querystring: noQuery,
        headers: idempotencyHeaders,
        body: filter,
        response: {
          200: z.object({
            success: z.literal(true),
            data: z.object({
              retried: z.array(z.uuid()),
              unchanged: z.array(unchanged),
              more: z.boolean().describe('The filter means more than the limit'),
            }),
          }),
        },
      },
      config: { scope: 'messages:write' },
      handler: async (request, reply) =>
        withIdempotency(context, request, reply, async (tx, { tenantId }) => ({
          body: { success: true as const, data: await retryMany(tx, tenantId, request.body) },
        })),
    })
  })
}

async function retryMany(tx: Transaction, tenantId: number, body: z.infer<typeof filter>) {
  const { ids: given, limit, accountId, whatsappAccountId, startDate, endDate, ...rest } = body
  const others = [accountId, whatsappAccountId, startDate, endDate, ...Object.values(rest)]
  if (given && others.some((value) => value !== undefined)) {
    throw new InvalidInputError('ids cannot stand beside a filter', {
      code: 'filter_ambiguous',
      field: 'ids',
      hint: 'Give ids alone, or a filter without ids.',
    })
  }
  const means = {
    ...rest,
    tenantId,
    statuses: ['failed' as const],
    accountId: accountId ?? whatsappAccountId,
    since: startDate,
    until: endDate,
  }
  const found = given ? [] : await selectMessages(tx, means, limit + 1)
  const ids = given ?? found.slice(0, limit).map(({ id }) => id)
  const changes = await retryMessages(tx, { tenantId, ids })
  return {
    retried: changes.filter((change) => change.changed).map(({ id }) => id),
    unchanged: changes.flatMap(({ id, status, reason }) =>
      reason ? [{ id, state: status, reason }] : [],
    ),
    more: found.length > limit,
  }
}

type Verb = 'retried' | 'canceled' | 'resolved'

const verbs: Record<Verb, { done: string; code: string; hint: string }> = {
  retried: {
    done: 'Message queued again',
    code: 'message_not_failed',
    hint: 'Only a failed message can be retried.',
  },
  canceled: {
    done: 'Message canceled',
    code: 'message_not_waiting',
    hint: 'Only a message that has not left can be canceled: scheduled, queued or retrying.',
  },
  resolved: {
    done: 'Message resolved',
    code: 'message_not_unknown',
    hint: 'Only a message whose outcome is unknown can be resolved.',
  },
}

const refusals: Record<
  Exclude<Unchanged, 'unknown_id' | 'status'>,
  { code: string; message: string }
> = {
  expired: { code: 'message_expired', message: 'The time until which it is valid has passed' },
  account_disabled: { code: 'account_disabled', message: 'Its account is disabled' },
}

/** The message as it is now. @throws NotFoundError, or ConflictError that names the state in which it cannot be changed. */
async function changed(
  tx: Transaction,
  tenantId: number,
  id: string,
  change: Change | undefined,
  verb: Verb,
): Promise<MessageRow> {
  const row = change?.number ? await findMessage(tx, tenantId, change.id) : null
  if (!change || !row) {
    throw new NotFoundError(`There is no message ${id}`, { code: 'message_unknown', field: 'id' })
  }
  if (change.changed) return row
  if (change.reason === 'expired' || change.reason === 'account_disabled') {
    const { code, message } = refusals[change.reason]
    throw new ConflictError(message, { code, field: 'id' })
  }
  const { code, hint } = verbs[verb]
  throw new ConflictError(`The message is ${change.previousStatus} and cannot be ${verb}`, {
    code,
    field: 'id',
    hint,
  })
}
