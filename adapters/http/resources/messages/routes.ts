import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { findAccount, findOnlyAccount } from '../../../../db/accounts/find.ts'
import type { Transaction } from '../../../../db/connect.ts'
import {
  ConflictError,
  InvalidInputError,
  NotFoundError,
  retryTransient,
} from '../../../../db/errors.ts'
import { findMedia } from '../../../../db/media/media.ts'
import { createMessage, findByIdempotencyKey } from '../../../../db/messages/create.ts'
import { findMessage } from '../../../../db/messages/find.ts'
import type { AccountRow, MessageRow } from '../../../../db/rows.ts'
import { phoneChannels, toE164 } from '../../../channels/shared/phone.ts'
import { type Principal, principalOf } from '../../server/auth.ts'
import type { Services } from '../../server/context.ts'
import { noQuery } from '../../shared/fields.ts'
import { replayedHeader } from '../../server/idempotency.ts'
import { addMessageList } from './list.ts'
import { addMessageActions } from './message-actions.ts'
import { checkConnected, idempotencyHeaders } from './sending.ts'
import { newMessage, type NewMessageBody, toSaid } from './new-message.ts'
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
    handler: async (request, reply) => {
      const principal = principalOf(request)
      const key = request.headers['idempotency-key'] ?? null
      const { row, replayed } = await retryTransient(() =>
        context.asTenant(principal.tenantId, (tx) => queue(tx, principal, request.body, key)),
      )
      if (replayed) reply.header(replayedHeader, 'true')
      return reply
        .code(202)
        .send({ success: true, message: 'Message queued for sending', data: toQueuedShape(row) })
    },
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

/** Stores the message, or finds the one that the same key stored. */
async function queue(
  tx: Transaction,
  { tenantId, keyId }: Principal,
  body: NewMessageBody,
  idempotencyKey: string | null,
): Promise<{ row: MessageRow; replayed: boolean }> {
  const said = { tenantId, ...toSaid(body) }
  const earlier = () =>
    idempotencyKey ? findByIdempotencyKey(tx, { ...said, idempotencyKey }) : null
  const stored = await earlier()
  if (stored) return { row: stored, replayed: true }
  if (body.mediaId) await checkMedia(tx, tenantId, body.mediaId)
  const account = await chooseAccount(tx, tenantId, body)
  const created = await createMessage(tx, {
    ...said,
    accountId: account.id,
    channel: account.channel,
    address: addressOn(account.channel, body.to),
    createdBy: keyId,
    idempotencyKey,
    isLimited: account.daily_limit !== null,
  })
  // Null: a request with the same key was stored between the look and the insert.
  const row = created ?? (await earlier())
  if (!row) {
    throw new Error('the message was not stored')
  }
  return { row, replayed: created === null }
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

function addressOn(channel: string, to: string): string {
  const address = phoneChannels.has(channel) ? (to.trim().startsWith('+') ? toE164(to) : null) : to
  if (address === null) {
    throw new InvalidInputError('Phone number must be in E.164 format', {
      code: 'phone_invalid',
      field: 'to',
      hint: 'A plus sign, the country code and the number: +27831234567.',
    })
  }
  return address
}
