import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { findAccount } from '../../../../db/accounts/find.ts'
import { findAccountsByAddress } from '../../../../db/accounts/find-by-address.ts'
import type { Transaction } from '../../../../db/connect.ts'
import { asPigeonpostError, PigeonpostError, retryTransient } from '../../../../db/errors.ts'
import { createMessage, findByIdempotencyKey } from '../../../../db/messages/create.ts'
import type { MessageRow } from '../../../../db/rows.ts'
import { htmlToText, looksLikeHtml } from '../../../channels/email/html.ts'
import { bound } from '../../../channels/email/mime.ts'
import { contentTypeOf } from '../../../channels/shared/generic.ts'
import { sanitizeText } from '../../../channels/shared/payload.ts'
import { type Principal, principalOf } from '../../server/auth.ts'
import type { Services } from '../../server/context.ts'
import { noQuery } from '../../shared/fields.ts'
import { type Letter, newEmail, newSms } from './sms-email-schema.ts'
import { asItWasStored, outboxMessageShape, toOutboxMessage } from './schema.ts'
import { replayedHeader } from '../../server/idempotency.ts'
import { checkConnected, idempotencyHeaders } from '../messages/sending.ts'

/**
 * Document 003's `POST /api/messages/sms` and `POST /api/messages/email`: a message goes to the outbox. The account is that
 * of the address in `from`, and opens by itself; so a message from A to B and a webhook from B to A meet in one conversation.
 */
export function addTransactional(app: FastifyInstance, { context }: Services): void {
  const routes = app.withTypeProvider<ZodTypeProvider>()
  const response = {
    202: z.object({ success: z.literal(true), data: outboxMessageShape }),
  }
  const send = async (request: FastifyRequest, reply: FastifyReply, letter: Letter) => {
    const principal = principalOf(request)
    const key = request.headers['idempotency-key']
    const { data, replayed } = await retryTransient(() =>
      context.asTenant(principal.tenantId, (tx) =>
        store(tx, principal, letter, typeof key === 'string' ? key : null),
      ),
    )
    reply.code(202)
    if (replayed) reply.header(replayedHeader, 'true')
    return { success: true as const, data }
  }

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
      const letter = { ...body, channel: 'sms' as const, metadata: { type } }
      return send(request, reply, letter)
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
      const letter = {
        ...rest,
        channel: 'email' as const,
        // As in what comes in: the text is what people search and read, the HTML lies beside it.
        body: html ? bound(sanitizeText(await htmlToText(html))).text : (body ?? null),
        metadata: { ...(subject ? { subject } : {}), ...(html ? { html } : {}) },
      }
      return send(request, reply, letter)
    },
  })
}

/** Stores the message, or finds the one that the same key stored. */
async function store(
  tx: Transaction,
  { tenantId, keyId }: Principal,
  letter: Letter,
  idempotencyKey: string | null,
) {
  const { channel, from, to, attachments, timestamp } = letter
  const own = await findAccountsByAddress(tx, tenantId, [{ channel, address: from, open: true }])
  const account = await findAccount(tx, tenantId, own.get(`${channel} ${from}`) ?? '')
  if (!account) throw new Error(`no account has the address that was opened`)
  const [first] = attachments ?? []
  const said = {
    tenantId,
    accountId: account.id,
    address: to,
    contentType: first ? contentTypeOf({ url: first }) : ('text' as const),
    body: letter.body ?? null,
    mediaUrl: first ?? null,
    mediaId: null,
    metadata: {
      ...letter.metadata,
      ...(attachments?.length ? { media: attachments.map((url) => ({ url })) } : {}),
      ...(timestamp === undefined || timestamp === null ? {} : { timestamp }),
    },
    scheduledFor: null,
  }
  const earlier = () =>
    idempotencyKey ? findByIdempotencyKey(tx, { ...said, idempotencyKey }) : null
  const stored = await earlier()
  const answer = (row: MessageRow, replayed: boolean) => ({
    data: toOutboxMessage(asItWasStored(row), account.address),
    replayed,
  })
  if (stored) return answer(stored, true)
  checkConnected(account, 'from')
  const created = await createMessage(tx, {
    ...said,
    channel,
    createdBy: keyId,
    idempotencyKey,
    isLimited: account.daily_limit !== null,
  }).catch((error: unknown) => {
    throw inOurWords(error)
  })
  // Null: a request with the same key was stored between the look and the insert.
  const row = created ?? (await earlier())
  if (!row) throw new Error('the message was not stored')
  return answer(row, created === null)
}

/** Here the account is told by its address. */
function inOurWords(thrown: unknown): unknown {
  const error = asPigeonpostError(thrown)
  return error instanceof PigeonpostError && error.details.field === 'account_id'
    ? Object.assign(error, { details: { ...error.details, field: 'from' } })
    : thrown
}
