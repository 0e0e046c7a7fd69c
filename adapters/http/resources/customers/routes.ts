import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Transaction } from '../../../../db/connect.ts'
import { createCustomer } from '../../../../db/customers/create.ts'
import { countCustomer } from '../../../../db/customers/find.ts'
import { addIdentity, listIdentities } from '../../../../db/customers/identities.ts'
import { listCustomers } from '../../../../db/customers/list.ts'
import { customerIdOf, mergeCustomers } from '../../../../db/customers/merge.ts'
import { updateCustomer } from '../../../../db/customers/update.ts'
import { InvalidInputError, retryTransient } from '../../../../db/errors.ts'
import type { CustomerRow } from '../../../../db/rows.ts'
import { principalOf } from '../../server/auth.ts'
import type { Services } from '../../server/context.ts'
import { acceptEmptyJsonBody } from '../../server/empty-json-body.ts'
import { customerShape, toCustomerShape } from './schema.ts'
import { anyId, channelOf, idParams, noQuery, object, text } from '../../shared/fields.ts'
import { byId, idPageFields, pageQuery, pageShape, startOf } from '../../shared/paging.ts'
import { idempotencyHeaders, withIdempotency } from '../../server/idempotency.ts'
import { customerOf, unknownCustomer } from './find.ts'
import { addIdentities, identityOf, newIdentity, taken } from './identities.ts'

const query = z.strictObject({
  ...pageQuery(20, byId),
  name: text('name', 255).optional().describe('A part of the name, whatever the case'),
  address: text('address', 255).optional().describe('A whole address, on any channel'),
  channel: channelOf().optional().describe('That has an address there'),
  leadId: z
    .string()
    .regex(/^[0-9]{1,18}$/, 'leadId must be a number')
    .optional(),
})

const leadId = z.int('leadId must be a whole number').min(1, 'leadId must be 1 or more')
const fields = {
  name: text('name', 255).nullish(),
  leadId: leadId.optional(),
  metadata: object('metadata').optional().describe('In place of what is there'),
}
const newCustomer = z.strictObject({
  ...fields,
  identities: z.array(newIdentity).max(100, 'identities must be 100 at most').default([]),
})
const one = z.object({ success: z.literal(true), data: customerShape })

/** Customers, and the addresses by which channels know them. */
export function addCustomers(app: FastifyInstance, services: Services): void {
  const { context } = services
  acceptEmptyJsonBody(app)
  const routes = app.withTypeProvider<ZodTypeProvider>()

  routes.get('/customers', {
    schema: {
      operationId: 'listCustomers',
      summary: 'Customers and their addresses',
      querystring: query,
      response: {
        200: z.object({
          success: z.literal(true),
          data: z.object({ customers: z.array(customerShape), ...pageShape }),
        }),
      },
    },
    config: { scope: 'customers:read' },
    handler: async (request) => {
      const { tenantId } = principalOf(request)
      const { query } = request
      const data = await context.asTenant(tenantId, async (tx) => {
        const page = await listCustomers(tx, tenantId, query, startOf(query))
        const found = await listIdentities(
          tx,
          tenantId,
          page.rows.map(({ id }) => id),
        )
        const identities = Map.groupBy(found, ({ customer_id }) => customer_id)
        return {
          customers: page.rows.map((row) => toCustomerShape(row, identities.get(row.id) ?? [])),
          ...idPageFields(query, page),
        }
      })
      return { success: true as const, data }
    },
  })

  routes.post('/customers', {
    schema: {
      operationId: 'createCustomer',
      summary: 'Add a customer, with addresses or none',
      headers: idempotencyHeaders,
      querystring: noQuery,
      body: newCustomer,
      response: { 201: one },
    },
    config: { scope: 'customers:write' },
    handler: async (request, reply) => {
      const { identities, ...given } = request.body
      return withIdempotency(context, request, reply, async (tx, { tenantId }) => {
        const id = await createCustomer(tx, tenantId, given)
        for (const identity of identities.map(identityOf)) {
          const added = await addIdentity(tx, tenantId, id, identity)
          if (added?.customer_id !== id) throw taken(added)
        }
        const data = await readDetail(tx, tenantId, await customerOf(tx, tenantId, id))
        return { status: 201, body: { success: true as const, data } }
      })
    },
  })

  routes.get('/customers/:id', {
    schema: {
      operationId: 'getCustomer',
      summary: 'A customer and its addresses',
      querystring: noQuery,
      params: idParams,
      response: { 200: one },
    },
    config: { scope: 'customers:read' },
    handler: async (request) => {
      const { tenantId } = principalOf(request)
      const data = await context.asTenant(tenantId, async (tx) =>
        readDetail(tx, tenantId, await customerOf(tx, tenantId, request.params.id)),
      )
      return { success: true as const, data }
    },
  })

  routes.patch('/customers/:id', {
    schema: {
      operationId: 'updateCustomer',
      summary: 'Change its name, lead id or metadata',
      querystring: noQuery,
      params: idParams,
      body: z.strictObject(fields),
      response: { 200: one },
    },
    config: { scope: 'customers:write' },
    handler: async (request) => {
      const { tenantId } = principalOf(request)
      const { params, body } = request
      if (Object.keys(body).length === 0) {
        throw new InvalidInputError('There is nothing to change', {
          code: 'nothing_to_change',
          field: 'body',
          hint: 'Give name, leadId or metadata.',
        })
      }
      const data = await retryTransient(() =>
        context.asTenant(tenantId, async (tx) => {
          const { id } = await customerOf(tx, tenantId, params.id)
          await updateCustomer(tx, tenantId, id, body)
          return readDetail(tx, tenantId, await customerOf(tx, tenantId, id))
        }),
      )
      return { success: true as const, data }
    },
  })

  routes.post('/customers/:id/merge', {
    schema: {
      operationId: 'mergeCustomer',
      summary: 'Join it to another that turned out to be the same',
      headers: idempotencyHeaders,
      querystring: noQuery,
      params: idParams,
      body: z.strictObject({ into: anyId('into').describe('The customer that lives on') }),
      response: { 200: one },
    },
    config: { scope: 'customers:write' },
    handler: async (request, reply) => {
      const { params, body } = request
      return withIdempotency(context, request, reply, async (tx, { tenantId }) => {
        const loser = await customerIdOf(tx, tenantId, params.id)
        const winner = await customerIdOf(tx, tenantId, body.into)
        if (!loser) throw unknownCustomer(params.id)
        if (!winner) throw unknownCustomer(body.into, 'into')
        if (loser === winner) {
          throw new InvalidInputError('A customer is not merged into itself', {
            code: 'customers_not_merged_into_itself',
            field: 'into',
          })
        }
        const id = await mergeCustomers(tx, tenantId, { winner, loser })
        const data = await readDetail(tx, tenantId, await customerOf(tx, tenantId, id))
        return { body: { success: true as const, data } }
      })
    },
  })

  addIdentities(app, services)
}

/** A customer with its addresses, and its counters as they are now. */
async function readDetail(tx: Transaction, tenantId: number, row: CustomerRow) {
  const counters = await countCustomer(tx, tenantId, row.id)
  return toCustomerShape({ ...row, ...counters }, await listIdentities(tx, tenantId, [row.id]))
}
