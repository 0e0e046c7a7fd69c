import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { findAccount } from '../../../../db/accounts/find.ts'
import type { Transaction } from '../../../../db/connect.ts'
import { findLivingCustomer } from '../../../../db/customers/find-living.ts'
import {
  ConflictError,
  InvalidInputError,
  NotFoundError,
  retryTransient,
} from '../../../../db/errors.ts'
import { findMessage } from '../../../../db/messages/find.ts'
import { countMessages, type ListFilter, listMessages } from '../../../../db/messages/list.ts'
import { markRead } from '../../../../db/messages/mark-read.ts'
import { countKinds, countKindsAmong } from '../../../../db/messages/statistics.ts'
import { useCustomPlans } from '../../../../db/plan-cache.ts'
import { maxCounted } from '../../../../db/paging/offset.ts'
import type { MessageRow } from '../../../../db/rows.ts'
import { sanitizeText } from '../../../channels/shared/payload.ts'
import { principalOf } from '../../server/auth.ts'
import type { Services } from '../../server/context.ts'
import { createEstimates } from '../../shared/estimates.ts'
import { dateTime, noQuery } from '../../shared/fields.ts'
import { byTime, pageQuery, pageShape, startOf, toPage, totalOf } from '../../shared/paging.ts'
import { acceptEmptyJsonBody } from '../../server/empty-json-body.ts'
import {
  contentTypeOf,
  directionWord,
  messageId,
  messageShape,
  statusesOf,
  statusWord,
  toMessageShape,
  typeWord,
} from './schema.ts'
import { statisticsShape, toStatisticsShape } from './statistics-schema.ts'

/** Messages that statistics of a time count one by one. */
const maxTallied = 100_000

const range = {
  whatsappAccountId: z.uuid('whatsappAccountId must be a UUID').optional(),
  accountId: z.uuid('accountId must be a UUID').optional().describe('The same'),
  startDate: dateTime('startDate').optional().describe('Created at this moment or after'),
  endDate: dateTime('endDate').optional().describe('Created before this moment'),
}

const listQuery = z.strictObject({
  ...range,
  contactId: z.uuid('contactId must be a UUID').optional(),
  direction: directionWord.optional(),
  type: typeWord.optional(),
  status: statusWord.optional(),
  campaignId: z
    .string()
    .min(1, 'campaignId must not be empty')
    .max(255)
    .refine((text) => sanitizeText(text) === text, 'campaignId must not hold control characters')
    .optional(),
  ...pageQuery(50, byTime),
})

/** `GET /messages`, `GET /messages/statistics` and `PUT /messages/:id/read`. */
export async function addMessageList(app: FastifyInstance, { context }: Services): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>()
  const estimates = createEstimates()

  routes.get('/messages', {
    schema: {
      operationId: 'listMessages',
      summary: 'Messages, newest first',
      querystring: listQuery,
      response: {
        200: z.object({
          success: z.literal(true),
          data: z.object({ messages: z.array(messageShape), ...pageShape }),
        }),
      },
    },
    config: { scope: 'messages:read', errors: [404] },
    handler: async (request) => {
      const { tenantId } = principalOf(request)
      const { query } = request
      const start = startOf(query)
      const [found, counted] = await context.asTenant(tenantId, async (tx) => {
        const { direction, type, status, campaignId, contactId } = query
        const filter: ListFilter = {
          ...(await rangeOf(tx, tenantId, query)),
          customerId: contactId && (await contactOf(tx, tenantId, contactId)),
          direction: direction && directionOf[direction],
          contentType: type && contentTypeOf(type),
          statuses: status && statusesOf(status),
          campaignId,
        }
        const [, found] = await Promise.all([
          useCustomPlans(tx),
          listMessages(tx, filter, { ...start, limit: start.limit + 1 }),
        ])
        const counted =
          totalOf(start, found.length) ??
          (await estimates(filter, () => countMessages(tx, filter, maxCounted)))
        return [found, counted] as const
      })
      const { rows, page } = toPage(query, found, counted)
      return { success: true as const, data: { messages: rows.map(toMessageShape), ...page } }
    },
  })

  routes.get('/messages/statistics', {
    schema: {
      operationId: 'getMessageStatistics',
      summary: 'How many messages there are, by status, direction and type',
      querystring: z.strictObject(range),
      response: { 200: z.object({ success: z.literal(true), data: statisticsShape }) },
    },
    config: { scope: 'messages:read', errors: [404] },
    handler: async (request) => {
      const { tenantId } = principalOf(request)
      const { startDate, endDate } = request.query
      const counts = await context.asTenant(tenantId, async (tx) => {
        const filter = await rangeOf(tx, tenantId, request.query)
        if (!startDate && !endDate) return countKinds(tx, filter)
        const [, among] = await Promise.all([
          useCustomPlans(tx),
          countKindsAmong(tx, filter, maxTallied + 1),
        ])
        return among
      })
      const counted = startDate || endDate ? maxTallied : Infinity
      return { success: true as const, data: toStatisticsShape(counts, counted) }
    },
  })

  await app.register(async (scope) => {
    acceptEmptyJsonBody(scope)
    scope.withTypeProvider<ZodTypeProvider>().put('/messages/:id/read', {
      schema: {
        operationId: 'markMessageRead',
        summary: 'Mark a message that came in as read',
        querystring: noQuery,
        params: z.object({ id: messageId }),
        body: z.strictObject({}).nullish(),
        response: {
          200: z.object({ success: z.literal(true), message: z.string(), data: messageShape }),
        },
      },
      config: { scope: 'messages:write' },
      handler: async (request) => {
        const { tenantId } = principalOf(request)
        const row = await retryTransient(() =>
          context.asTenant(tenantId, (tx) => read(tx, tenantId, request.params.id)),
        )
        return {
          success: true as const,
          message: 'Message marked as read',
          data: toMessageShape(row),
        }
      },
    })
  })
}

const directionOf = { Inbound: 'inbound', Outbound: 'outbound', System: 'system' } as const

/** The account and the time that a query means. @throws InvalidInputError, NotFoundError `account_unknown` */
async function rangeOf(
  tx: Transaction,
  tenantId: number,
  query: z.infer<z.ZodObject<typeof range>>,
): Promise<ListFilter> {
  const { accountId, whatsappAccountId, startDate, endDate } = query
  if (accountId && whatsappAccountId && accountId !== whatsappAccountId) {
    throw new InvalidInputError('accountId and whatsappAccountId differ: give one', {
      code: 'account_ambiguous',
      field: 'accountId',
    })
  }
  const id = accountId ?? whatsappAccountId
  if (id && !(await findAccount(tx, tenantId, id))) {
    throw new NotFoundError(`There is no account ${id}`, {
      code: 'account_unknown',
      field: accountId ? 'accountId' : 'whatsappAccountId',
    })
  }
  return { tenantId, accountId: id, since: startDate, until: endDate }
}

async function contactOf(tx: Transaction, tenantId: number, id: string): Promise<string> {
  const living = await findLivingCustomer(tx, tenantId, id)
  if (living) return living
  throw new NotFoundError(`There is no contact ${id}`, {
    code: 'contact_unknown',
    field: 'contactId',
  })
}

/** What came in is read, once or again. @throws NotFoundError, ConflictError `message_not_inbound` */
async function read(tx: Transaction, tenantId: number, id: string): Promise<MessageRow> {
  const row = (await markRead(tx, tenantId, id)) ?? (await findMessage(tx, tenantId, id))
  if (!row) {
    throw new NotFoundError(`There is no message ${id}`, { code: 'message_unknown', field: 'id' })
  }
  if (row.direction === 'inbound') return row
  throw new ConflictError(`The message is ${row.direction} and cannot be marked as read`, {
    code: 'message_not_inbound',
    field: 'id',
    hint: 'Whether an outbound message was read, its receipts say.',
  })
}
