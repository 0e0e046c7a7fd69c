import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { readAccountHealth } from '../../../../db/accounts/health.ts'
import { readDayUse } from '../../../../db/accounts/limits.ts'
import { setAccountStatus } from '../../../../db/accounts/set-status.ts'
import { ConflictError, NotFoundError } from '../../../../db/errors.ts'
import type { AccountRow } from '../../../../db/rows.ts'
import { accountShape, healthShape, limitsShape, toAccountShape } from './schema.ts'
import { principalOf } from '../../server/auth.ts'
import type { Services } from '../../server/context.ts'
import { emptyBody, text, uuidParams, noQuery } from '../../shared/fields.ts'
import { idempotencyHeaders, withIdempotency } from '../../server/idempotency.ts'
import { accountOf } from './find.ts'

const one = z.object({ success: z.literal(true), data: accountShape })
const why = z
  .strictObject({ reason: text('reason', 1024).nullish().describe('For people') })
  .nullish()

type Status = AccountRow['status']
type Verb = 'connect' | 'disconnect' | 'enable' | 'disable'

/** From which statuses a verb leads where; `refused` are those in which it is a mistake, others are there already. */
const verbs: Record<
  Verb,
  {
    from: Status[]
    to: Status
    refused: Status[]
    body: typeof why | typeof emptyBody
    summary: string
  }
> = {
  connect: {
    from: ['disconnected'],
    to: 'connected',
    refused: ['disabled'],
    body: emptyBody,
    summary: 'Let an account send what waits for it',
  },
  disconnect: {
    from: ['connected'],
    to: 'disconnected',
    refused: ['disabled'],
    body: why,
    summary: 'Have what an account is to send wait',
  },
  enable: {
    from: ['disabled'],
    to: 'connected',
    refused: [],
    body: emptyBody,
    summary: 'Take a disabled account into use again',
  },
  disable: {
    from: ['connected', 'disconnected'],
    to: 'disabled',
    refused: [],
    body: why,
    summary: 'Refuse what an account is to send',
  },
}

/** Whether an account sends, how much of its limits is used, and how well it does. */
export function addAccountActions(app: FastifyInstance, { context }: Services): void {
  const routes = app.withTypeProvider<ZodTypeProvider>()

  for (const [verb, { from, to, refused, body, summary }] of Object.entries(verbs)) {
    routes.post(`/accounts/:id/${verb}`, {
      schema: {
        operationId: `${verb}Account`,
        summary,
        headers: idempotencyHeaders,
        querystring: noQuery,
        params: uuidParams,
        body,
        response: { 200: one },
      },
      config: { scope: 'accounts:write' },
      handler: async (request, reply) => {
        const { id } = request.params
        const given: { reason?: string | null | undefined } = request.body ?? {}
        const reason = given.reason ?? undefined
        return withIdempotency(context, request, reply, async (tx, { tenantId }) => {
          const before = await setAccountStatus(tx, tenantId, id, { from, to, reason })
          if (before === null) {
            throw new NotFoundError(`There is no account ${id}`, {
              code: 'account_unknown',
              field: 'id',
            })
          }
          if (refused.includes(before)) {
            throw new ConflictError(`The account is ${before}`, {
              code: 'account_disabled',
              field: 'id',
              hint: 'Enable it first.',
            })
          }
          const row = await accountOf(tx, tenantId, id)
          return { body: { success: true as const, data: toAccountShape(row) } }
        })
      },
    })
  }

  routes.get('/accounts/:id/limits', {
    schema: {
      operationId: 'getAccountLimits',
      summary: 'How much an account may send, and what is left of today',
      querystring: noQuery,
      params: uuidParams,
      response: { 200: z.object({ success: z.literal(true), data: limitsShape }) },
    },
    config: { scope: 'accounts:read' },
    handler: async (request) => {
      const { tenantId } = principalOf(request)
      const { id } = request.params
      const { account, use } = await context.asTenant(tenantId, async (tx) => ({
        account: await accountOf(tx, tenantId, id),
        use: await readDayUse(tx, tenantId, id),
      }))
      if (!use) throw new Error('the account is gone')
      const { daily_limit, rate_per_minute, burst, time_zone } = account
      const remaining =
        daily_limit === null || use.accepted === null
          ? null
          : Math.max(0, daily_limit - use.accepted)
      const today = { ...use, remaining, nextDayAt: use.nextDayAt.toISOString() }
      return {
        success: true as const,
        data: {
          ratePerMinute: rate_per_minute,
          burst,
          dailyLimit: daily_limit,
          timeZone: time_zone,
          today,
        },
      }
    },
  })

  routes.get('/accounts/:id/health', {
    schema: {
      operationId: 'getAccountHealth',
      summary: 'Whether an account sends, and how well its provider does',
      querystring: noQuery,
      params: uuidParams,
      response: { 200: z.object({ success: z.literal(true), data: healthShape }) },
    },
    config: { scope: 'accounts:read' },
    handler: async (request) => {
      const { tenantId } = principalOf(request)
      const { account, health } = await context.asTenant(tenantId, async (tx) => {
        const account = await accountOf(tx, tenantId, request.params.id)
        return { account, health: await readAccountHealth(tx, tenantId, account) }
      })
      const { breaker, oldestWaitingSeconds } = health
      return {
        success: true as const,
        data: {
          status: account.status,
          statusReason: account.status_reason,
          isConnected: account.status === 'connected',
          provider: account.provider,
          breaker: {
            state: breaker?.isOpen ? ('open' as const) : ('closed' as const),
            failures: breaker?.failures ?? 0,
            openUntil: breaker?.openUntil?.toISOString() ?? null,
            lastError: breaker?.lastError ?? null,
          },
          oldestWaitingSeconds,
        },
      }
    },
  })
}
