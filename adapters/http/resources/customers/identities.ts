import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { addIdentity, listIdentities, removeIdentity } from '../../../../db/customers/identities.ts'
import { lockCustomers } from '../../../../db/customers/lock.ts'
import { ConflictError, NotFoundError, retryTransient } from '../../../../db/errors.ts'
import { principalOf } from '../../server/auth.ts'
import type { Services } from '../../server/context.ts'
import { identityShape, toIdentityShape } from './schema.ts'
import { addressOn } from '../../shared/address.ts'
import { channelOf, idParams, text, noQuery } from '../../shared/fields.ts'
import type { IdentityRow } from '../../../../db/rows.ts'
import { idempotencyHeaders, withIdempotency } from '../../server/idempotency.ts'
import { customerOf } from './find.ts'

export const newIdentity = z.strictObject({ channel: channelOf(), address: text('address', 255) })
type NewIdentity = z.output<typeof newIdentity>

/** @throws InvalidInputError `phone_invalid` */
export function identityOf({ channel, address }: NewIdentity): NewIdentity {
  return { channel, address: addressOn(channel, address) }
}

/** What to say of an address that is another customer's. */
export function taken(identity: IdentityRow | null): ConflictError {
  return new ConflictError('The address is another customer’s', {
    code: 'identity_taken',
    field: 'address',
    hint: identity ? `Merge the two: it is ${identity.customer_id}'s.` : 'Merge the two.',
  })
}

const one = z.object({ success: z.literal(true), data: identityShape })

/** The addresses by which channels know a customer. */
export function addIdentities(app: FastifyInstance, { context }: Services): void {
  const routes = app.withTypeProvider<ZodTypeProvider>()

  routes.get('/customers/:id/identities', {
    schema: {
      operationId: 'listIdentities',
      summary: 'The addresses by which channels know a customer',
      params: idParams,
      querystring: noQuery,
      response: {
        200: z.object({
          success: z.literal(true),
          data: z.object({ identities: z.array(identityShape) }),
        }),
      },
    },
    config: { scope: 'customers:read' },
    handler: async (request) => {
      const { tenantId } = principalOf(request)
      const rows = await context.asTenant(tenantId, async (tx) => {
        const { id } = await customerOf(tx, tenantId, request.params.id)
        return listIdentities(tx, tenantId, [id])
      })
      return { success: true as const, data: { identities: rows.map(toIdentityShape) } }
    },
  })

  routes.post('/customers/:id/identities', {
    schema: {
      operationId: 'addIdentity',
      summary: 'Add an address to a customer',
      headers: idempotencyHeaders,
      querystring: noQuery,
      params: idParams,
      body: newIdentity,
      response: { 200: one.describe('The customer had it'), 201: one },
    },
    config: { scope: 'customers:write' },
    handler: async (request, reply) => {
      const { params, body } = request
      const identity = identityOf(body)
      return withIdempotency(context, request, reply, async (tx, { tenantId }) => {
        const living = await lockCustomers(tx, tenantId, [params.id], 'id')
        const [id = params.id] = living.values()
        const found = await addIdentity(tx, tenantId, id, identity)
        if (found?.customer_id !== id) throw taken(found)
        return {
          status: found.added ? 201 : 200,
          body: { success: true as const, data: toIdentityShape(found) },
        }
      })
    },
  })

  routes.delete('/customers/:id/identities/:channel/:address', {
    schema: {
      operationId: 'removeIdentity',
      summary: 'Take an address from a customer',
      querystring: noQuery,
      params: idParams.extend({ channel: channelOf(), address: text('address', 255) }),
      response: { 200: one },
    },
    config: { scope: 'customers:write' },
    handler: async (request) => {
      const { tenantId } = principalOf(request)
      const { id, channel, address } = request.params
      const row = await retryTransient(() =>
        context.asTenant(tenantId, async (tx) => {
          const customer = await customerOf(tx, tenantId, id)
          return removeIdentity(tx, tenantId, customer.id, { channel, address })
        }),
      )
      if (!row) {
        throw new NotFoundError('The customer has no such address', {
          code: 'identity_unknown',
          field: 'address',
        })
      }
      return { success: true as const, data: toIdentityShape(row) }
    },
  })
}
