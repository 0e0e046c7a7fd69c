import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { readAccounts } from '../../../../db/accounts/list-page.ts'
import { createAccount, updateAccount } from '../../../../db/accounts/save.ts'
import { ConflictError, InvalidInputError, retryTransient } from '../../../../db/errors.ts'
import type { AccountDetailRow } from '../../../../db/rows.ts'
import {
  accountChange,
  accountShape,
  newAccount,
  toAccountShape,
  isOwnSecret,
  toColumns,
} from './schema.ts'
import { principalOf } from '../../server/auth.ts'
import type { Services } from '../../server/context.ts'
import { acceptEmptyJsonBody } from '../../server/empty-json-body.ts'
import { channelOf, uuidParams, noQuery } from '../../shared/fields.ts'
import { byId, idPageFields, pageQuery, pageShape, startOf } from '../../shared/paging.ts'
import { idempotencyHeaders, withIdempotency } from '../../server/idempotency.ts'
import { addAccountActions } from './account-actions.ts'
import { accountOf } from './find.ts'

const one = z.object({ success: z.literal(true), data: accountShape })

/** Accounts: the addresses of ours that a tenant sends from and receives at. */
export function addAccounts(app: FastifyInstance, services: Services): void {
  const { context } = services
  acceptEmptyJsonBody(app)
  const routes = app.withTypeProvider<ZodTypeProvider>()

  routes.get('/accounts', {
    schema: {
      operationId: 'listAccounts',
      summary: 'The accounts of the tenant',
      querystring: z.strictObject({
        ...pageQuery(20, byId),
        channel: channelOf().optional(),
        status: accountShape.shape.status.optional(),
      }),
      response: {
        200: z.object({
          success: z.literal(true),
          data: z.object({ accounts: z.array(accountShape), ...pageShape }),
        }),
      },
    },
    config: { scope: 'accounts:read' },
    handler: async (request) => {
      const { tenantId } = principalOf(request)
      const { query } = request
      const page = await context.asTenant(tenantId, (tx) =>
        readAccounts(tx, tenantId, query, startOf(query)),
      )
      const accounts = page.rows.map(toAccountShape)
      return { success: true as const, data: { accounts, ...idPageFields(query, page) } }
    },
  })

  routes.get('/accounts/:id', {
    schema: {
      operationId: 'getAccount',
      summary: 'An account',
      querystring: noQuery,
      params: uuidParams,
      response: { 200: one },
    },
    config: { scope: 'accounts:read' },
    handler: async (request) => {
      const { tenantId } = principalOf(request)
      const row = await context.asTenant(tenantId, (tx) =>
        accountOf(tx, tenantId, request.params.id),
      )
      return { success: true as const, data: toAccountShape(row) }
    },
  })

  routes.post('/accounts', {
    schema: {
      operationId: 'createAccount',
      summary: 'Add an address of ours',
      headers: idempotencyHeaders,
      querystring: noQuery,
      body: newAccount,
      response: { 201: one },
    },
    config: { scope: 'accounts:write' },
    handler: async (request, reply) => {
      const { channel, ...rest } = request.body
      return withIdempotency(context, request, reply, async (tx, { tenantId }) => {
        const change = { channel, ...toColumns(tenantId, channel, rest) }
        const row = await accountOf(tx, tenantId, await createAccount(tx, tenantId, change))
        return { status: 201, body: { success: true as const, data: toAccountShape(row) } }
      })
    },
  })

  routes.patch('/accounts/:id', {
    schema: {
      operationId: 'updateAccount',
      summary: 'Change an account: its name, provider, settings or limits',
      querystring: noQuery,
      params: uuidParams,
      body: accountChange,
      response: { 200: one },
    },
    config: { scope: 'accounts:write' },
    handler: async (request) => {
      const { tenantId } = principalOf(request)
      const { params, body } = request
      if (Object.keys(body).length === 0) {
        throw new InvalidInputError('There is nothing to change', {
          code: 'nothing_to_change',
          field: 'body',
          hint: 'Give what is to be another.',
        })
      }
      const row = await retryTransient(() =>
        context.asTenant(tenantId, async (tx) => {
          const account = await accountOf(tx, tenantId, params.id)
          refuseToRedirect(tenantId, account, body)
          await updateAccount(tx, tenantId, account, toColumns(tenantId, account.channel, body))
          return accountOf(tx, tenantId, account.id)
        }),
      )
      return { success: true as const, data: toAccountShape(row) }
    },
  })

  addAccountActions(app, services)
}

/**
 * A secret that an operator gave an account goes where the operator said.
 * @throws ConflictError `secret_is_the_operators`
 */
function refuseToRedirect(
  tenantId: number,
  { secret_ref: secret }: AccountDetailRow,
  body: z.output<typeof accountChange>,
): void {
  const redirects = body.settings !== undefined || body.provider !== undefined
  if (secret === null || isOwnSecret(tenantId, secret) || !redirects) return
  if (body.secretRef !== undefined) return
  throw new ConflictError("The secret of this account is an operator's, and so is where it goes", {
    code: 'secret_is_the_operators',
    field: body.settings === undefined ? 'provider' : 'settings',
    hint: 'Give a secretRef of your own, too, or ask the operator to change it with SQL.',
  })
}
