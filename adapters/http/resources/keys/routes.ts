import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Transaction } from '../../../../db/connect.ts'
import { ForbiddenError, NotFoundError, retryTransient } from '../../../../db/errors.ts'
import { createKey } from '../../../../db/keys/create.ts'
import { readKeys } from '../../../../db/keys/list.ts'
import { lockKey } from '../../../../db/keys/lock.ts'
import { revokeKey } from '../../../../db/keys/revoke.ts'
import { rotateKey } from '../../../../db/keys/rotate.ts'
import type { ApiKeyRow } from '../../../../db/rows.ts'
import { type Principal, principalOf } from '../../server/auth.ts'
import type { Services } from '../../server/context.ts'
import { acceptEmptyJsonBody } from '../../server/empty-json-body.ts'
import { flag, noQuery } from '../../shared/fields.ts'
import { byId, idPageFields, pageQuery, pageShape, startOf } from '../../shared/paging.ts'
import { keyParams, keyShape, newKey, newKeyShape, rotation, toKeyShape } from './schema.ts'
import { type Answer, idempotencyHeaders, withIdempotency } from '../../server/idempotency.ts'

const made = z.object({ success: z.literal(true), data: newKeyShape })

/**
 * API keys. A key gives and takes no more than it has itself: it makes keys of its own scopes, and rotates and revokes
 * those that have no other.
 */
export function addKeys(app: FastifyInstance, { context }: Services): void {
  acceptEmptyJsonBody(app)
  const routes = app.withTypeProvider<ZodTypeProvider>()

  routes.get('/keys', {
    schema: {
      operationId: 'listKeys',
      summary: 'API keys, newest first',
      querystring: z.strictObject({
        ...pageQuery(20, byId),
        all: flag('all').optional().describe('Also those that are revoked or have expired'),
      }),
      response: {
        200: z.object({
          success: z.literal(true),
          data: z.object({ keys: z.array(keyShape), ...pageShape }),
        }),
      },
    },
    config: { scope: 'keys:read' },
    handler: async (request) => {
      const { tenantId } = principalOf(request)
      const { query } = request
      const page = await context.asTenant(tenantId, (tx) =>
        readKeys(tx, tenantId, { all: query.all ?? false }, startOf(query)),
      )
      const keys = page.rows.map(toKeyShape)
      return { success: true as const, data: { keys, ...idPageFields(query, page) } }
    },
  })

  routes.post('/keys', {
    schema: {
      operationId: 'createKey',
      summary: 'Make an API key; its secret is shown this once',
      headers: idempotencyHeaders,
      querystring: noQuery,
      body: newKey,
      response: { 201: made },
    },
    config: { scope: 'keys:write' },
    handler: async (request, reply) =>
      withIdempotency(context, request, reply, async (tx, principal) => {
        checkScopes(principal, request.body.scopes, 'scopes')
        const { tenantId } = principal
        return shownOnce(await createKey(tx, { ...request.body, tenantId }))
      }),
  })

  routes.post('/keys/:id/rotate', {
    schema: {
      operationId: 'rotateKey',
      summary: 'Make a key in place of another, that may do the same',
      headers: idempotencyHeaders,
      querystring: noQuery,
      params: keyParams,
      body: rotation,
      response: { 201: made },
    },
    config: { scope: 'keys:write' },
    handler: async (request, reply) =>
      withIdempotency(context, request, reply, async (tx, principal) => {
        const { id } = await keyOf(tx, principal, request.params.id)
        const row = await rotateKey(tx, principal.tenantId, id, request.body?.endsAt ?? null)
        if (!row) throw unknown(request.params.id)
        return shownOnce(row)
      }),
  })

  routes.delete('/keys/:id', {
    schema: {
      operationId: 'revokeKey',
      summary: 'End a key',
      querystring: noQuery,
      params: keyParams,
      response: { 200: z.object({ success: z.literal(true), data: keyShape }) },
    },
    config: { scope: 'keys:write' },
    handler: async (request) => {
      const principal = principalOf(request)
      const { tenantId } = principal
      const row = await retryTransient(() =>
        context.asTenant(tenantId, async (tx) => {
          const { id } = await keyOf(tx, principal, request.params.id)
          return revokeKey(tx, tenantId, id)
        }),
      )
      if (!row) throw unknown(request.params.id)
      return { success: true as const, data: toKeyShape(row) }
    },
  })
}

/** The secret is told this once, and kept nowhere: a repeated request is answered without it. */
function shownOnce(row: ApiKeyRow & { key: string }): Answer<z.input<typeof made>> {
  const data = { ...toKeyShape(row), key: row.key }
  return {
    status: 201,
    body: { success: true, data },
    stored: { success: true, data: { ...data, key: null } },
  }
}

/** @throws NotFoundError `key_unknown`; ForbiddenError `scope_not_yours` where the key may do what the one that asks may not. */
async function keyOf(tx: Transaction, principal: Principal, id: string): Promise<ApiKeyRow> {
  const row = await lockKey(tx, principal.tenantId, id)
  if (!row) throw unknown(id)
  checkScopes(principal, row.scopes, 'id')
  return row
}

function checkScopes(principal: Principal, wanted: readonly string[], field: string): void {
  const lacking = wanted.filter((scope) => !principal.scopes.includes(scope))
  if (lacking.length === 0) return
  throw new ForbiddenError(`The API key that asks lacks ${lacking.join(', ')} itself`, {
    code: 'scope_not_yours',
    field,
    hint: 'Ask with a key that has every scope of this one.',
  })
}

function unknown(id: string): NotFoundError {
  return new NotFoundError(`There is no key ${id} that works`, {
    code: 'key_unknown',
    field: 'id',
    hint: 'Where several have that prefix, give the id.',
  })
}
