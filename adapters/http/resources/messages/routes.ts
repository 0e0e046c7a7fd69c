import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { findAccount, findOnlyAccount } from '../../../../db/accounts/find.ts'
import type { Transaction } from '../../../../db/connect.ts'
import { ConflictError, InvalidInputError, NotFoundError } from '../../../../db/errors.ts'
import { findMedia } from '../../../../db/media/media.ts'
import { createMessage } from '../../../../db/messages/create.ts'
import { findMessage } from '../../../../db/messages/find.ts'
import type { AccountRow, MessageRow } from '../../../../db/rows.ts'
import { type Principal, principalOf } from '../../server/auth.ts'
import type { Services } from '../../server/context.ts'
import { addressOn } from '../../shared/address.ts'
import { noQuery } from '../../shared/fields.ts'
import { idempotencyHeaders, withIdempotency } from '../../server/idempotency.ts'
import { addMessageList } from './list.ts'
import { addMessageActions } from './message-actions.ts'
import { checkConnected } from './check-account.ts'
import { newMessage, type NewMessageBody, toMessageRequest } from './new-message.ts'
import { messageId, messageShape, queuedShape, toMessageShape, toQueuedShape } from './schema.ts'

/** The WhatsApp message API: messages are sent, found, listed and counted, and what did not go out is retried or resolved. */
export async function addMessages(app: FastifyInstance, services: Services): Promise<void> {
  const { context } = services
  const routes = app.withTypeProvider<ZodTypeProvider>()

  routes.post('/messages', {
    schema: {
      operationId: 'sendMessage',
      summary: 'Queue a message',
      querystring: noQuery,
      headers: idempotencyHeaders,
      body: newMessage,
      response: {
        202: z.object({ success: z.literal(true), message: z.string(), data: queuedShape }),
      },
    },
    config: { scope: 'messages:write', errors: [404] },
    handler: async (request, reply) =>
      withIdempotency(context, request, reply, async (tx, principal) => {
        const key = request.headers['idempotency-key'] ?? null
        const row = await queue(tx, principal, request.body, key)
        const message = 'Message queued for sending'
        return { status: 202, body: { success: true as const, message, data: toQueuedShape(row) } }
      }),
  })

  routes.get('/messages/:id', {
    schema: {
      operationId: 'getMessage',
      summary: 'A message and its status',
      querystring: noQuery,
      params: z.object({ id: messageId }),
      response: { 200: z.object({ success: z.literal(true), data: messageShape }) },
    },
    config: { scope: 'messages:read' },
    handler: async (request) => {
      const { tenantId } = principalOf(request)
      const row = await context.asTenant(tenantId, (tx) =>
        findMessage(tx, tenantId, request.params.id),
      )
      if (!row) {
        throw new NotFoundError(`There is no message ${request.params.id}`, {
          code: 'message_unknown',
          field: 'id',
        })
      }
      return { success: true as const, data: toMessageShape(row) }
    },
  })

  await addMessageList(app, services)
  await addMessageActions(app, services)
}

async function queue(
  tx: Transaction,
  { tenantId, keyId }: Principal,
  body: NewMessageBody,
  idempotencyKey: string | null,
): Promise<MessageRow> {
  if (body.mediaId) await checkMedia(tx, tenantId, body.mediaId)
  const account = await chooseAccount(tx, tenantId, body)
  return createMessage(tx, {
    ...toMessageRequest(body),
    tenantId,
    accountId: account.id,
    channel: account.channel,
    address: addressOn(account.channel, body.to, 'to'),
    createdBy: keyId,
    idempotencyKey,
    isLimited: account.daily_limit !== null,
  })
}

/** @throws NotFoundError `media_unknown`, ConflictError with why the file was refused */
async function checkMedia(tx: Transaction, tenantId: number, id: string): Promise<void> {
  const media = await findMedia(tx, tenantId, id)
  if (!media) {
    throw new NotFoundError(`There is no media ${id}`, { code: 'media_unknown', field: 'mediaId' })
  }
  if (media.status === 'infected' || media.status === 'failed') {
    throw new ConflictError(`The file was refused: ${media.error_message ?? media.status}`, {
      code: media.error_code ?? 'media_rejected',
      field: 'mediaId',
      hint: 'Upload another file.',
    })
  }
}

async function chooseAccount(
  tx: Transaction,
  tenantId: number,
  body: NewMessageBody,
): Promise<AccountRow> {
  const given = body.accountId ?? body.whatsappAccountId ?? null
  const field = body.accountId ? 'accountId' : 'whatsappAccountId'
  const account = given
    ? await findAccount(tx, tenantId, given)
    : await findOnlyAccount(tx, tenantId)
  if (account === 'several') {
    throw new InvalidInputError('whatsappAccountId is missing', {
      code: 'account_missing',
      field,
      hint: 'There are several accounts: name one as whatsappAccountId, or accountId.',
    })
  }
  if (!account) {
    throw given
      ? new NotFoundError(`There is no account ${given}`, { code: 'account_unknown', field })
      : new InvalidInputError('There is no account to send from', {
          code: 'account_missing',
          field,
          hint: 'Create an account first.',
        })
  }
  checkConnected(account, field)
  return account
}
