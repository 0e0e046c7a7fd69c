import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { findAccount } from '../../../../db/accounts/find.ts'
import { findAccountsByAddress } from '../../../../db/accounts/find-by-address.ts'
import type { Transaction } from '../../../../db/connect.ts'
import { asPigeonpostError, PigeonpostError } from '../../../../db/errors.ts'
import { createMessage } from '../../../../db/messages/create.ts'
import { htmlToText, looksLikeHtml } from '../../../channels/email/html.ts'
import { bound } from '../../../channels/email/mime.ts'
import { contentTypeOf } from '../../../channels/shared/generic.ts'
import { sanitizeText } from '../../../channels/shared/payload.ts'
import type { Principal } from '../../server/auth.ts'
import type { Services } from '../../server/context.ts'
import { noQuery } from '../../shared/fields.ts'
import { newEmail, newSms, type SmsOrEmail } from './sms-email-schema.ts'
import { type OutboxMessage, outboxMessageShape, toOutboxMessage } from './schema.ts'
import { idempotencyHeaders, withIdempotency } from '../../server/idempotency.ts'
import { checkConnected } from '../messages/check-account.ts'

/**
 * `POST /messages/sms` and `POST /messages/email` of the messaging-service API: a message goes to the outbox. The account is
 * that of the address in `from`, and opens by itself; so a message from A to B and a webhook from B to A meet in one conversation.
 */
export function addTransactional(app: FastifyInstance, { context }: Services): void {
  const routes = app.withTypeProvider<ZodTypeProvider>()
  const response = {
    202: z.object({ success: z.literal(true), data: outboxMessageShape }),
  }
  const send = async (request: FastifyRequest, reply: FastifyReply, message: SmsOrEmail) =>
    withIdempotency(context, request, reply, async (tx, principal) => {
      const key = request.headers['idempotency-key']
      const data = await queue(tx, principal, message, typeof key === 'string' ? key : null)
      return { status: 202, body: { success: true as const, data } }
    })

  routes.post('/messages/sms', {
    schema: {
      operationId: 'sendSms',
      summary: 'Queue a text or a multimedia message',
      querystring: noQuery,
      headers: idempotencyHeaders,
      body: newSms,
      response,
    },
    config: { scope: 'messages:write' },
    handler: async (request, reply) => {
      const { type, ...body } = request.body
      const message = { ...body, channel: 'sms' as const, metadata: { type } }
      return send(request, reply, message)
    },
  })

  routes.post('/messages/email', {
    schema: {
      operationId: 'sendEmail',
      summary: 'Queue an email',
      querystring: noQuery,
      headers: idempotencyHeaders,
      body: newEmail,
      response,
    },
    config: { scope: 'messages:write' },
    handler: async (request, reply) => {
      const { subject, body, ...rest } = request.body
      const html = body && looksLikeHtml(body) ? body : null
      const message = {
        ...rest,
        channel: 'email' as const,
        // As in what comes in: the text is what people search and read, the HTML lies beside it.
        body: html ? bound(sanitizeText(htmlToText(html))).text : (body ?? null),
        metadata: { ...(subject ? { subject } : {}), ...(html ? { html } : {}) },
      }
      return send(request, reply, message)
    },
  })
}

async function queue(
  tx: Transaction,
  { tenantId, keyId }: Principal,
  message: SmsOrEmail,
  idempotencyKey: string | null,
): Promise<OutboxMessage> {
  const { channel, from, to, attachments, timestamp } = message
  const own = await findAccountsByAddress(tx, tenantId, [{ channel, address: from, open: true }])
  const account = await findAccount(tx, tenantId, own.get(`${channel} ${from}`) ?? '')
  if (!account) throw new Error('no account has the address that was opened')
  checkConnected(account, 'from')
  const [first] = attachments ?? []
  const row = await createMessage(tx, {
    tenantId,
    accountId: account.id,
    channel,
    address: to,
    contentType: first ? contentTypeOf({ url: first }) : 'text',
    body: message.body ?? null,
    mediaUrl: first ?? null,
    mediaId: null,
    metadata: {
      ...message.metadata,
      ...(attachments?.length ? { media: attachments.map((url) => ({ url })) } : {}),
      ...(timestamp === undefined || timestamp === null ? {} : { timestamp }),
    },
    scheduledFor: null,
    createdBy: keyId,
    idempotencyKey,
    isLimited: account.daily_limit !== null,
  }).catch((error: unknown) => {
    throw namingFrom(error)
  })
  return toOutboxMessage(row, account.address)
}

/** The error with the field `from`: here the account is known by its address. */
function namingFrom(thrown: unknown): unknown {
  const error = asPigeonpostError(thrown)
  return error instanceof PigeonpostError && error.details.field === 'account_id'
    ? Object.assign(error, { details: { ...error.details, field: 'from' } })
    : thrown
}
